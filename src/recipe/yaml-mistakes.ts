import type { YAMLParseError } from 'yaml';
import type { Trouble } from './place.js';

type Words = Pick<Trouble, 'message' | 'hint'>;
type Found = Pick<YAMLParseError, 'code' | 'message' | 'pos'>;

/** Syntax errors. A text that is no YAML at all has one for every sign. */
const maximumErrors = 10_000;

const ONE_COLUMN = 'The keys of one map begin in the same column.';
const COLON = 'A colon and a blank stand between a key and its value.';

/** The parser's own words for a line that has no colon. */
const NO_KEY: readonly string[] = [
  'Implicit keys need to be on a single line',
  'Implicit map keys need to be followed by map values',
];

/** What the parser does not word for people who write recipes, by its own words. */
const saidFor: Readonly<Record<string, Words>> = {
  ...Object.fromEntries(NO_KEY.map((words) => [words, { message: 'this is no key with a value', hint: COLON }])),
  'Unexpected scalar at node end': {
    message: 'the value has ended at the quote before this',
    hint: 'A quote is missing above, or one inside the text ends it: put such a text into quotes of the other kind.',
  },
};

/** The same for all that it says under one code. */
const saidForCode: Readonly<Record<string, string>> = {
  NON_STRING_KEY: 'a key must be a plain word, not a list, a map or an alias',
};

/** What to do about mistakes that the parser words well enough. */
const hintFor: Readonly<Record<string, string>> = {
  BAD_INDENT: ONE_COLUMN,
  BAD_SCALAR_START: 'A text that begins with this sign stands in quotes.',
  BLOCK_AS_IMPLICIT_KEY: 'A text with a colon and a blank in it stands in quotes.',
};

/**
 * What is wrong with a text by the parser's errors, in the words of people who write recipes, and at the place to mend: one slip often makes
 * it stumble several times. `quote` is where the last text in quotes begins.
 */
export function mistakesOf(errors: readonly Found[], text: string, quote: number): readonly Trouble[] {
  // Whatever else it says of a text that is indented with tabs follows from them.
  const tab = tabOf(errors, text);
  if (tab !== undefined) {
    const hint = 'Indent with spaces, here and in all other lines that begin with a tab.';
    return [{ message: 'Tabs are not allowed as indentation', hint, start: tab, end: tab + 1 }];
  }
  const firsts = new Map<number, Found>();
  const tooDeep = new Set<number>();
  for (const error of errors.slice(0, maximumErrors)) {
    const [start] = error.pos;
    const before = firsts.get(start);
    if (before === undefined) firsts.set(start, error);
    // A map where none may be, whose key has several lines: a value that has a key below it.
    else if (before.code === 'BLOCK_AS_IMPLICIT_KEY' && error.code === 'MULTILINE_IMPLICIT_KEY') tooDeep.add(start);
  }
  // Where a line is out of its column, or is no key, the parser stumbles over those that follow.
  const unkeyed = [...firsts].filter(([, { code, message }]) => code === 'BAD_INDENT' || NO_KEY.includes(message));
  const out = Math.min(...unkeyed.map(([start]) => start), ...tooDeep);
  return [...firsts]
    .filter(([start, { code }]) => start <= out || !(code === 'BAD_INDENT' || tooDeep.has(start)))
    .map(([start, error]) => (tooDeep.has(start) ? deeperThanAbove(start, text) : mistakeOf(error, text, quote)));
}

/** Where the first tab stands that indents. */
function tabOf(errors: readonly Found[], text: string): number | undefined {
  if (!text.includes('\t')) return undefined;
  for (const { code, message, pos } of errors) {
    const isTab = code === 'TAB_AS_INDENT';
    if (!isTab && !message.includes('indented')) continue;
    const line = text.lastIndexOf('\n', pos[0] - 1) + 1;
    const [blanks = ''] = /^[ \t]*/.exec(text.slice(line, line + 1000)) ?? [];
    const at = blanks.indexOf('\t');
    if (at !== -1) return line + at;
    if (isTab) return pos[0];
  }
  return undefined;
}

function mistakeOf({ code, message, pos: [start, end] }: Found, text: string, quote: number): Trouble {
  if (message.startsWith('Missing closing ')) {
    return {
      message: 'this quote is not closed',
      hint: 'Quotes stand in pairs; one may be missing above.',
      start: quote,
      end: quote + 1,
    };
  }
  const said = saidFor[message];
  // Only the first line of what goes on over several.
  const line = text.indexOf('\n', start);
  if (said !== undefined) return { ...said, start, end: line === -1 ? end : Math.min(end, line) };
  return { message: saidForCode[code] ?? message, hint: hintOf(code, message), start, end };
}

function hintOf(code: string, message: string): string | undefined {
  if (message.startsWith('Flow ')) return 'A bracket above it is not closed.';
  if (message.startsWith('Sequence item ')) return ONE_COLUMN;
  return hintFor[code];
}

function deeperThanAbove(value: number, text: string): Trouble {
  const [before = ''] = /^[^\n]*\n\s*/.exec(text.slice(value, value + 10_000)) ?? [];
  const start = value + before.length;
  return {
    message: 'this line is indented deeper than the one above, which has a value already',
    hint: ONE_COLUMN,
    ...{ start, end: start + 1 },
  };
}
