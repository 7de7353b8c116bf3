import { Composer, CST, Lexer, type ParsedNode, Parser } from 'yaml';
import { clip } from '../base/clip.js';
import type { Trouble } from './place.js';
import { mistakesOf } from './yaml-mistakes.js';

/**
 * Words, signs and line ends. Far more than a recipe has (the quickstart's has 500), and few enough that whatever they are is
 * read in a fraction of a second.
 */
const maximumTokens = 150_000;

/** Of maps and lists inside each other. Everything that walks a recipe may rely on it and call itself. */
export const maximumDepth = 100;

/**
 * Reads the tree of a YAML text, and only of the plain kind: one document without tags and directives, not too much of it
 * and not too deep. There is no root where a mistake leaves the tree without a meaning.
 */
export function readTree(text: string): { readonly root?: ParsedNode; readonly troubles: readonly Trouble[] } {
  const { tokens, quote, troubles } = readTokens(text);
  if (tokens === undefined) return { troubles };
  const { contents, errors } = compose(tokens, text);
  // A tag that cannot be resolved is refused as a tag.
  const mistakes = mistakesOf(
    errors.filter(({ code }) => code !== 'TAG_RESOLVE_FAILED'),
    text,
    quote,
  );
  const all = [...troubles, ...mistakes];
  return contents === null || mistakes.length > 0 ? { troubles: all } : { root: contents, troubles: all };
}

/** Reads piece by piece, so that a text that is too much is left before it costs anything; there are then no tokens. */
function readTokens(text: string): {
  readonly tokens?: readonly CST.Token[];
  /** Where the last text in quotes begins. */
  readonly quote: number;
  readonly troubles: readonly Trouble[];
} {
  const parser = new Parser();
  const tokens: CST.Token[] = [];
  const troubles: Trouble[] = [];
  let count = 0;
  let quote = 0;
  let markedAsScalar = false;
  for (const piece of new Lexer().lex(text)) {
    const start = parser.offset;
    tokens.push(...parser.next(piece));
    const misfit = markedAsScalar ? undefined : misfitOf(piece);
    if (misfit !== undefined) troubles.push({ ...misfit, start, end: start + piece.length });
    if (!markedAsScalar && /^["']/.test(piece)) quote = start;
    markedAsScalar = !markedAsScalar && piece === CST.SCALAR;
    count += 1;
    const excess = excessOf(count, parser.stack);
    if (excess !== undefined) return { quote, troubles: [...troubles, { ...excess, start, end: start }] };
  }
  tokens.push(...parser.end());
  const [, second] = tokens.filter(({ type }) => type === 'document');
  if (second !== undefined) {
    const message = 'a second document begins here; a recipe is one';
    troubles.push({ message, start: second.offset, end: second.offset + '---'.length });
  }
  return { tokens, quote, troubles };
}

function excessOf(count: number, stack: readonly CST.Token[]): Pick<Trouble, 'message' | 'hint'> | undefined {
  // At the bottom of the stack is the document, at its top what is being read.
  if (stack.length > maximumDepth + 1 && CST.isCollection(stack.at(-1))) {
    return { message: `nested more than ${maximumDepth} deep` };
  }
  if (count <= maximumTokens) return undefined;
  return {
    message: `a recipe has at most ${maximumTokens} words, signs and line ends`,
    hint: 'Was a dataset meant? Name it under `collect.sources`.',
  };
}

/** What YAML has and a recipe has no use for. */
function misfitOf(piece: string): Pick<Trouble, 'message' | 'hint'> | undefined {
  const type = CST.tokenType(piece);
  if (type === 'tag') {
    return {
      message: `a recipe has no tags, such as ${clip(piece, 40)}`,
      hint: 'What a value is follows from how it is written; quotes make a text of what would be something else.',
    };
  }
  if (type === 'directive-line') {
    return { message: 'a recipe has no lines that begin with %, such as %YAML and %TAG' };
  }
  return undefined;
}

function compose(tokens: readonly CST.Token[], text: string) {
  const plain = tokens.filter(({ type }) => type !== 'directive');
  // Keys are text however they look. What a tag means is not looked up: there may be none.
  const composer = new Composer({ uniqueKeys: false, stringKeys: true, resolveKnownTags: false });
  // There may be an error for every sign. The stack trace of each would cost more than all the rest, and none is shown.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    const [document] = composer.compose(plain, true, text.length);
    if (document === undefined) throw new TypeError('the YAML composer made no document');
    return document;
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}
