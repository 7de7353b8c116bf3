/** How a language writes comments and strings: enough to tell them apart, not a parser. */
interface Syntax {
  /** What a comment up to the end of the line begins with. Sticky: looked for at one place. */
  readonly line: RegExp;
  readonly block: boolean;
  readonly quotes: readonly string[];
  /** `/…/` may be a regular expression. */
  readonly regex?: boolean;
  /** A triple-quoted string that stands alone is documentation. */
  readonly docstrings?: boolean;
  /** Outside of strings, too, a backslash takes the next character along. */
  readonly escapes?: boolean;
}

const C_LIKE: Syntax = { line: /\/\//y, block: true, quotes: ['"', "'"] };
const WITH_BLOCKS: Syntax = { ...C_LIKE, quotes: ['"""', ...C_LIKE.quotes] };
const SCRIPT: Syntax = { line: /\/\//y, block: true, quotes: ['"', "'", '`'], regex: true };
const HASH: Syntax = { line: /#/y, block: false, quotes: ['"', "'"] };
const SYNTAX: Readonly<Record<string, Syntax>> = {
  python: { line: /#/y, block: false, quotes: ['"""', "'''", '"', "'"], docstrings: true },
  javascript: SCRIPT,
  typescript: SCRIPT,
  c: C_LIKE,
  cpp: C_LIKE,
  java: WITH_BLOCKS,
  csharp: WITH_BLOCKS,
  kotlin: WITH_BLOCKS,
  go: { ...C_LIKE, quotes: ['"', "'", '`'] },
  rust: { ...C_LIKE, quotes: ['"'] },
  php: { ...C_LIKE, line: /\/\/|#(?!\[)/y },
  // `#{value}` and `${name#prefix}` hold no comment.
  ruby: { ...HASH, line: /#(?!\{)/y },
  shell: { ...HASH, line: /(?<=^|[\s;(&|])#/y, escapes: true },
  sql: { ...C_LIKE, line: /--/y },
};

/** Longest code looked at, in characters. */
const LONGEST = 200_000;

/**
 * The code as evidence patterns see it: comments (and Python docstrings) removed, because a mitigation that is only
 * talked about is not one; each run of blank space one space. Code in a language without known syntax keeps its comments.
 */
export function codeText(code: string, language: string): string {
  const syntax = Object.hasOwn(SYNTAX, language) ? SYNTAX[language] : undefined;
  const text = code.slice(0, LONGEST);
  return (syntax === undefined ? text : withoutComments(text, syntax)).replace(/\s+/g, ' ').trim();
}

function withoutComments(code: string, syntax: Syntax): string {
  let out = '';
  let at = 0;
  let last = ''; // the last character that is neither blank nor in a comment
  let lineBreak = true; // whether a line break came after it
  let depth = 0;
  while (at < code.length) {
    const char = code[at] ?? '';
    if (syntax.escapes === true && char === '\\') {
      out += code.slice(at, at + 2);
      at += 2;
      continue;
    }
    if (beginsComment(code, at, syntax)) {
      at = endOf(code, '\n', at);
      continue;
    }
    if (syntax.block && code.startsWith('/*', at)) {
      const close = code.indexOf('*/', at + 2);
      at = close === -1 ? code.length : close + 2;
      out += ' ';
      continue;
    }
    const quote = syntax.quotes.find((mark) => code.startsWith(mark, at));
    const isRegex =
      syntax.regex === true &&
      char === '/' &&
      (/[(,=:[!&|?{};+*%<>~^-]|^$/.test(last) || /\breturn\s?$/.test(out.slice(-8)));
    if (quote !== undefined || isRegex) {
      const end = quote === undefined ? regexEnd(code, at) : stringEnd(code, at, quote);
      const isDoc = syntax.docstrings === true && quote?.length === 3 && lineBreak && depth === 0 && last !== '\\';
      if (!isDoc) out += code.slice(at, end);
      at = end;
      last = quote?.[0] ?? '/';
      lineBreak = false;
      continue;
    }
    if ('([{'.includes(char)) depth += 1;
    else if (')]}'.includes(char)) depth = Math.max(0, depth - 1);
    if (char === '\n') lineBreak = true;
    else if (!/\s/.test(char)) {
      last = char;
      lineBreak = false;
    }
    out += char;
    at += 1;
  }
  return out;
}

function beginsComment(code: string, at: number, { line }: Syntax): boolean {
  line.lastIndex = at;
  return line.test(code);
}

function stringEnd(code: string, from: number, quote: string): number {
  const oneLine = quote === '"' || quote === "'";
  for (let at = from + quote.length; at < code.length; at += 1) {
    if (code[at] === '\\') at += 1;
    else if (code.startsWith(quote, at)) return at + quote.length;
    else if (oneLine && code[at] === '\n') return at;
  }
  return code.length;
}

function regexEnd(code: string, from: number): number {
  let inClass = false;
  for (let at = from + 1; at < code.length; at += 1) {
    const char = code[at];
    if (char === '\\') at += 1;
    else if (char === '\n') return at;
    else if (char === '[') inClass = true;
    else if (char === ']') inClass = false;
    else if (char === '/' && !inClass) return at + 1;
  }
  return code.length;
}

function endOf(text: string, mark: string, from: number): number {
  const at = text.indexOf(mark, from);
  return at === -1 ? text.length : at;
}
