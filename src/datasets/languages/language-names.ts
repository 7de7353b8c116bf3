/** Our names of languages, each with what else it is called. */
const spellings: Readonly<Record<string, readonly string[]>> = {
  assembly: ['asm', 'assembler', 'x86 assembly', 'nasm'],
  c: ['clang', 'ansi c'],
  clojure: ['clj'],
  cobol: [],
  cpp: ['c++', 'cxx', 'cc', 'cplusplus', 'c/c++'],
  csharp: ['c#', 'cs', 'c-sharp', 'c sharp'],
  css: ['scss', 'sass', 'less'],
  dart: ['flutter'],
  elixir: [],
  erlang: [],
  fortran: [],
  fsharp: ['f#'],
  go: ['golang'],
  groovy: [],
  haskell: ['hs'],
  html: ['html/css', 'xhtml'],
  java: [],
  javascript: ['js', 'node', 'nodejs', 'node.js', 'jsx', 'ecmascript', 'javascript/node.js'],
  julia: ['jl'],
  kotlin: ['kt'],
  lisp: ['common lisp', 'scheme', 'racket'],
  lua: [],
  matlab: ['octave'],
  'objective-c': ['objc', 'obj-c', 'objectivec', 'objective c'],
  ocaml: [],
  pascal: ['delphi', 'object pascal'],
  perl: ['pl'],
  php: [],
  powershell: ['ps1', 'pwsh'],
  prolog: [],
  python: ['py', 'python3', 'python2'],
  r: ['rlang'],
  ruby: ['rb'],
  rust: ['rs'],
  scala: [],
  shell: ['sh', 'bash', 'zsh', 'ksh', 'shell script', 'shellscript', 'bash script', 'shell/bash'],
  solidity: ['sol'],
  sql: ['mysql', 'postgresql', 'postgres', 'sqlite', 'plsql', 'pl/sql', 'tsql', 't-sql', 'sql server'],
  swift: [],
  typescript: ['ts', 'tsx'],
  vb: ['visual basic', 'vb.net', 'vba', 'visual basic .net'],
};

const names: ReadonlyMap<string, string> = new Map(
  Object.entries(spellings).flatMap(([name, others]) => [name, ...others].map((other) => [other, name] as const)),
);

/** Lower case, common spellings and versions (`Python 3.8`) folded; empty becomes `unknown`, what nobody knows stays as it is. */
export function normaliseLanguage(name: string): string {
  const key = name.trim().toLowerCase();
  if (key === '') return 'unknown';
  return names.get(key) ?? names.get(key.replace(/[ _-]?\d[\d.]{0,9}$/, '')) ?? key;
}

/** Whether this is a programming language that we know, however it is spelled. */
export function isLanguage(name: string): boolean {
  return Object.hasOwn(spellings, normaliseLanguage(name));
}
