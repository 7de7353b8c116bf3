/** What a piece of code is, for its colour. */
export type CodeKind = 'comment' | 'string' | 'number' | 'keyword' | 'plain';

export interface CodePiece {
  readonly kind: CodeKind;
  readonly start: number;
  readonly end: number;
}

const KEYWORDS = new Set(
  `abstract and as assert async await break case catch class const continue def default defer del do elif else enum except export extends
  false False final finally fn for foreach from func function go if impl implements import in include instanceof interface is lambda let
  loop match mod module mut namespace new nil None not null nullptr or override package pass private protected pub public raise range
  readonly require return self select sizeof static struct super switch template this throw throws trait true True try type typedef
  typeof union unless unsafe unsigned until use using var virtual void volatile when where while with yield
  SELECT INSERT UPDATE DELETE FROM WHERE JOIN ON VALUES SET INTO CREATE TABLE INDEX VIEW ORDER GROUP BY LIMIT AND OR NOT NULL`.split(
    /\s+/,
  ),
);

/** Comments that run to the end of a line, by language; of others, and of none, both kinds count. */
const HASH = [
  'python',
  'ruby',
  'shell',
  'bash',
  'sh',
  'yaml',
  'toml',
  'perl',
  'r',
  'elixir',
  'dockerfile',
  'makefile',
  'php',
];
const DASHES = ['sql', 'lua', 'haskell'];
const NO_SLASHES = HASH.filter((language) => language !== 'php').concat(DASHES);
const NO_HASH = [
  'c',
  'cpp',
  'c++',
  'csharp',
  'java',
  'javascript',
  'js',
  'typescript',
  'ts',
  'go',
  'rust',
  'kotlin',
  'swift',
].concat(DASHES);

/**
 * Cuts code into pieces of one colour each, for reading and nothing more: it knows comments, quoted text, numbers and the keywords of many
 * languages. Everything here is hostile, so it takes time linear in the text: it looks at each character a bounded number of times, with no pattern that repeats.
 */
export function* codePieces(code: string, language = ''): Generator<CodePiece> {
  const name = language.toLowerCase();
  const hash = !NO_HASH.includes(name);
  const slashes = !NO_SLASHES.includes(name);
  const dashes = DASHES.includes(name);
  let plain = 0;
  let at = 0;
  while (at < code.length) {
    const start = at;
    const char = code[at] ?? '';
    const two = code.slice(at, at + 2);
    let kind: CodeKind = 'plain';
    if ((hash && char === '#') || (slashes && two === '//') || (dashes && two === '--')) {
      kind = 'comment';
      at = before(code, '\n', at);
    } else if (slashes && two === '/*') {
      kind = 'comment';
      at = behind(code, '*/', at + 2);
    } else if (code.startsWith('"""', at) || code.startsWith("'''", at)) {
      kind = 'string';
      at = behind(code, code.slice(at, at + 3), at + 3);
    } else if (char === '"' || char === "'" || char === '`') {
      kind = 'string';
      at = quoteEnd(code, at);
    } else if (isWord(char)) {
      while (at < code.length && isWord(code[at] ?? '')) at += 1;
      if (char >= '0' && char <= '9') kind = 'number';
      else if (KEYWORDS.has(code.slice(start, at))) kind = 'keyword';
    } else at += 1;
    if (kind === 'plain') continue;
    if (plain < start) yield { kind: 'plain', start: plain, end: start };
    yield { kind, start, end: at };
    plain = at;
  }
  if (plain < code.length) yield { kind: 'plain', start: plain, end: code.length };
}

function before(code: string, what: string, from: number): number {
  const found = code.indexOf(what, from);
  return found === -1 ? code.length : found;
}

function behind(code: string, what: string, from: number): number {
  const found = code.indexOf(what, from);
  return found === -1 ? code.length : found + what.length;
}

/** A quote that is not closed so soon is none: that also keeps hostile lines cheap. */
const LONGEST_QUOTE = 400;

/** Where quoted text ends. Only back quotes go over the end of a line: an apostrophe must not turn the rest into text. */
function quoteEnd(code: string, from: number): number {
  const quote = code[from];
  const last = Math.min(code.length, from + LONGEST_QUOTE);
  for (let at = from + 1; at < last; at += 1) {
    const char = code[at];
    if (char === '\\') at += 1;
    else if (char === quote) return at + 1;
    else if (char === '\n' && quote !== '`') break;
  }
  return from + 1;
}

function isWord(char: string): boolean {
  return (char >= 'a' && char <= 'z') || (char >= 'A' && char <= 'Z') || (char >= '0' && char <= '9') || char === '_';
}
