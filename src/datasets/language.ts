/** Our names of programming languages, by what datasets call them. */
const names: ReadonlyMap<string, string> = new Map(
  Object.entries({
    py: 'python',
    python3: 'python',
    python2: 'python',
    js: 'javascript',
    node: 'javascript',
    nodejs: 'javascript',
    'node.js': 'javascript',
    ts: 'typescript',
    'c++': 'cpp',
    cxx: 'cpp',
    cc: 'cpp',
    golang: 'go',
    'c#': 'csharp',
    cs: 'csharp',
    rb: 'ruby',
    rs: 'rust',
    sh: 'shell',
    bash: 'shell',
    kt: 'kotlin',
  }),
);

/** Lower case, common spellings folded; empty becomes `unknown`. */
export function normaliseLanguage(name: string): string {
  const key = name.trim().toLowerCase();
  return key === '' ? 'unknown' : (names.get(key) ?? key);
}

/** Longer names first, so that `C++` is not read as `C`, nor `JavaScript` as `Java`. */
const mentions: readonly (readonly [RegExp, string])[] = [
  [/\bC\+\+(?![a-z_+])/i, 'cpp'],
  [/\bC#/i, 'csharp'],
  [/\bjavascript\b|\bnode\.?js\b/i, 'javascript'],
  [/\btypescript\b/i, 'typescript'],
  [/\bpython\b/i, 'python'],
  [/\bgolang\b|\bGo (?:function|program|package|code|struct|method|handler)\b|\bin Go\b/, 'go'],
  [/\bjava\b/i, 'java'],
  [/\brust\b/i, 'rust'],
  [/\bphp\b/i, 'php'],
  [/\bruby\b/i, 'ruby'],
  [/\bC (?:function|program|code|struct|library)\b|\bin C\b(?![\w+#])/, 'c'],
];

/** The language that a task names in its own words; `unknown` when it names none or several. */
export function mentionedLanguage(prompt: string): string {
  const found = new Set(mentions.filter(([pattern]) => pattern.test(prompt)).map(([, language]) => language));
  const [only] = found;
  return found.size === 1 && only !== undefined ? only : 'unknown';
}
