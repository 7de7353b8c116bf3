import { letterWords } from './letter-words.js';

/** A language, words of which a text that names it has at least one, and the pattern that decides. */
type Mention = readonly [language: string, words: string, pattern: RegExp];

/** What comes behind a name that is also a common word. */
const thing =
  '(?:functions?|programs?|code|scripts?|language|class(?:es)?|methods?|structs?|librar(?:y|ies)|packages?|implementation|snippets?|compiler|applications?|apps?|servers?|handlers?|macros?|modules?|command|commands)';

/** Languages that programs are written in. No pattern finds a part of another's name: neither `Java` in `JavaScript` nor `C` in `Objective-C`. */
const programming: readonly Mention[] = [
  ['cpp', 'c++ cpp', /\bC\+\+(?![a-z_+])|\bcpp\b/i],
  ['csharp', 'c# csharp sharp net asp', /\bC#|\bC-?sharp\b/i],
  ['objective-c', 'objective objectivec', /\bObjective[- ]?C\b/i],
  [
    'c',
    'c',
    new RegExp(
      `(?<![\\w.'-]|Objective )C ${thing}\\b|\\b(?:in|using|with) C\\b(?![\\w+#'’-]|:\\\\|/C\\+\\+)|\\bANSI C\\b`,
    ),
  ],
  ['javascript', 'javascript node nodejs es', /\bjavascript\b|\bnode\.?js\b|\bES6\b/i],
  ['typescript', 'typescript', /\btypescript\b/i],
  ['python', 'python', /\bpython[23]?\b/i],
  ['go', 'go golang', new RegExp(`\\bgolang\\b|\\bGo ${thing}\\b|\\b(?:in|using) Go\\b(?!-)`)],
  ['java', 'java', /\bjava\b/i],
  ['rust', 'rust', new RegExp(`\\bRust\\b|\\brust ${thing}\\b|\\bin rust\\b`)],
  ['php', 'php', /\bphp\b/i],
  ['ruby', 'ruby', /\bruby\b/i],
  ['kotlin', 'kotlin', /\bkotlin\b/i],
  ['swift', 'swift swiftui', /\bSwift(?:UI)?\b|\bin swift\b/],
  ['scala', 'scala', /\bscala\b/i],
  ['perl', 'perl', /\bperl\b/i],
  ['lua', 'lua', /\blua\b/i],
  ['r', 'r', new RegExp(`(?<![\\w.&-])R ${thing}\\b|\\b(?:in|using) R\\b(?![\\w^&'’-])`)],
  ['julia', 'julia', new RegExp(`\\bJulia ${thing}\\b|\\b(?:in|using) Julia\\b`)],
  ['matlab', 'matlab', /\bmatlab\b/i],
  ['haskell', 'haskell', /\bhaskell\b/i],
  ['dart', 'dart flutter', /\bDart\b|\bFlutter\b/],
  ['elixir', 'elixir', /\bElixir\b/],
  ['erlang', 'erlang', /\berlang\b/i],
  ['clojure', 'clojure', /\bclojure\b/i],
  ['fsharp', 'f#', /\bF#/],
  ['ocaml', 'ocaml', /\bocaml\b/i],
  ['lisp', 'lisp', /\b(?:common )?lisp\b/i],
  ['prolog', 'prolog', /\bprolog\b/i],
  ['pascal', 'pascal delphi', new RegExp(`\\bPascal ${thing}\\b|\\bin Pascal\\b|\\bDelphi\\b`)],
  ['fortran', 'fortran', /\bfortran\b/i],
  ['cobol', 'cobol', /\bcobol\b/i],
  ['vb', 'visual vb vba', /\bvisual basic\b|\bVB\.NET\b|\bVBA\b/i],
  ['assembly', 'assembly', /\bassembly (?:language|code|program|routine)\b|\bin (?:x86 |ARM )?assembly\b/i],
  ['powershell', 'powershell', /\bpowershell\b/i],
  ['groovy', 'groovy', /\bgroovy\b/i],
  ['solidity', 'solidity', /\bsolidity\b/i],
];

/** Libraries that belong to one language. */
const libraries: readonly Mention[] = [
  [
    'python',
    'django flask fastapi pandas numpy pytorch tensorflow keras scikit matplotlib tkinter pygame beautifulsoup',
    /\b(?:django|flask|fastapi|pandas|numpy|pytorch|tensorflow|keras|scikit-learn|matplotlib|tkinter|pygame|beautifulsoup)\b/i,
  ],
  [
    'javascript',
    'jquery react reactjs vue vuejs express expressjs next angular angularjs d three redux',
    /\b(?:jquery|react(?:\.?js)?|vue(?:\.?js)?|express\.?js|next\.js|angular(?:js)?|d3\.js|three\.js|redux)\b/i,
  ],
  ['java', 'spring hibernate junit', /\b(?:spring boot|hibernate|junit)\b/i],
  ['php', 'laravel symfony wordpress', /\b(?:laravel|symfony|wordpress)\b/i],
  ['ruby', 'rails', /\bon rails\b|\bRails\b/],
  ['csharp', 'net asp', /\bASP\.NET\b|(?<![\w])\.NET\b/i],
];

/** Languages that stand inside programs of others: they count where no other is named. */
const embedded: readonly Mention[] = [
  ['sql', 'sql mysql postgresql sqlite', /\b(?:my|postgre)?sql(?:ite)?\b(?![- ]injection)/i],
  ['html', 'html', /\bhtml5?\b/i],
  ['css', 'css style stylesheet', /\bcss3?\b|\bstyle ?sheet\b/i],
  [
    'shell',
    'bash shell unix linux terminal command commands sed awk grep',
    /\bbash\b|\bshell (?:script|command|function|program)s?\b|\b(?:unix|linux|terminal|command[- ]line) commands?\b|\b(?:using|with|in) (?:sed|awk|grep)\b/i,
  ],
];

/** What programs are written in hides what stands inside them. */
const ranks = [programming, libraries, embedded] as const;

/** The mentions that a word makes worth a look, with their ranks. */
const byWord = new Map<string, readonly (readonly [rank: number, mention: Mention])[]>();
for (const [rank, mentions] of ranks.entries())
  for (const mention of mentions)
    for (const word of mention[1].split(' ')) byWord.set(word, [...(byWord.get(word) ?? []), [rank, mention]]);

/** The languages that a task names in its own words, of the first rank in which it names any. */
export function mentionedLanguages(prompt: string): readonly string[] {
  const worthALook = ranks.map(() => new Set<Mention>());
  for (const word of letterWords(prompt))
    for (const [rank, mention] of byWord.get(word) ?? []) worthALook[rank]?.add(mention);
  for (const mentions of worthALook) {
    const found = new Set<string>();
    for (const [language, , pattern] of mentions) if (pattern.test(prompt)) found.add(language);
    // A page with a style sheet is a page.
    if (found.has('html')) found.delete('css');
    if (found.size > 0) return [...found];
  }
  return [];
}
