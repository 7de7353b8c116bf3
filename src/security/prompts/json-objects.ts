import { wellFormed } from '../../base/well-formed.js';

/** Longest text looked at, in characters, and how many opening braces are tried: both keep hostile answers cheap. */
const LONGEST = 100_000;
const MOST_TRIES = 64;

/** The JSON objects that stand in a text, outermost ones only, in order. Looks at the end of a very long text. */
export function jsonObjectsIn(text: string): readonly Readonly<Record<string, unknown>>[] {
  const tail = text.slice(-LONGEST);
  const found: Readonly<Record<string, unknown>>[] = [];
  let from = tail.indexOf('{');
  for (let tries = 0; from !== -1 && tries < MOST_TRIES; tries += 1) {
    const end = objectEnd(tail, from);
    const object = end === undefined ? undefined : parseObject(tail.slice(from, end));
    if (object !== undefined) found.push(object);
    from = tail.indexOf('{', object === undefined || end === undefined ? from + 1 : end);
  }
  return found;
}

/** Where the brace opened at `from` closes, strings respected; `undefined` when it never does. */
function objectEnd(text: string, from: number): number | undefined {
  let depth = 0;
  let inString = false;
  for (let at = from; at < text.length; at += 1) {
    const char = text[at];
    if (inString) {
      if (char === '\\') at += 1;
      else if (char === '"') inString = false;
    } else if (char === '"') inString = true;
    else if (char === '{') depth += 1;
    else if (char === '}') {
      depth -= 1;
      if (depth === 0) return at + 1;
    }
  }
  return undefined;
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = wellFormed(JSON.parse(text));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Readonly<Record<string, unknown>>)
      : undefined;
  } catch {
    return undefined;
  }
}
