import { stripVTControlCharacters } from 'node:util';

/**
 * Characters that change what a terminal shows without being seen: controls, and the marks that reverse the direction of
 * text. Line feed and tab are dealt with apart.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it looks for
const INVISIBLE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** Text that a person, a model or a dataset made, safe to show: a terminal cannot be steered by it. Keeps line breaks. */
export function printable(text: string): string {
  return stripVTControlCharacters(text.replace(/\r\n/g, '\n')).replace(INVISIBLE, '').replace(/\t/g, '  ');
}

/** The same on one line, at most `length` characters. */
export function oneLine(text: string, length = Number.POSITIVE_INFINITY): string {
  // Only where blanks begin: from each of them anew, many blanks without a break would take time that is quadratic in their number.
  const line = printable(text)
    .replace(/(?<!\s)\s*\n\s*/g, ' ')
    .trim();
  if (line.length <= length) return line;
  const characters = [...line];
  return characters.length <= length ? line : `${characters.slice(0, Math.max(0, length - 1)).join('')}…`;
}

/** The beginning of a text that may be of any length, on one line. What nobody is shown is not gone through. */
export function beginningOf(text: string, length: number): string {
  const beginning = text.slice(0, 8 * length);
  const line = oneLine(beginning, length);
  return beginning.length === text.length || line.endsWith('…') ? line : oneLine(`${line}…`, length);
}
