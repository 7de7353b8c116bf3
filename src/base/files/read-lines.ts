import { isUtf8 } from 'node:buffer';
import { SecpiError } from '../errors.js';
import { textOf } from './packed/text-file.js';

/** One line of a text file. */
export interface TextLine {
  /** Counts from 1. */
  readonly number: number;
  readonly text: string;
  /** Bytes of the text up to right behind the line and its line feed. */
  readonly end: number;
  /** False only for a last line without a line feed, which may be torn. */
  readonly complete: boolean;
  /** False when `text` holds replacement characters for bytes that are not UTF-8. */
  readonly valid: boolean;
}

export interface ReadLinesOptions {
  /** A longer line is an error, so that one endless line cannot eat the memory. Default 256 MiB. */
  readonly maxLineBytes?: number | undefined;
  /** What to do with a line that is not UTF-8: `throw` (default), or `mark` it as not valid and go on. */
  readonly invalid?: 'throw' | 'mark' | undefined;
}

const LINE_FEED = 0x0a;
const DEFAULT_MAX_LINE_BYTES = 256 * 1024 * 1024;

/**
 * Lines of a UTF-8 file, one at a time, in constant memory; one that secpi has packed is unpacked. Only a line feed ends a line; a byte order mark is
 * dropped. Throws `base/not-utf8` and `base/line-too-long`, both with the line's number, and `base/damaged-file`. A torn last line is not checked.
 */
export function readLines(path: string, options: ReadLinesOptions = {}): AsyncGenerator<TextLine> {
  return linesOf(textOf(path), path, options);
}

/** The same of bytes that come from elsewhere, piece by piece; `path` is what errors call them. */
export async function* linesOf(
  pieces: AsyncIterable<Uint8Array>,
  path: string,
  options: ReadLinesOptions = {},
): AsyncGenerator<TextLine> {
  const maxLineBytes = options.maxLineBytes ?? DEFAULT_MAX_LINE_BYTES;
  let parts: Uint8Array[] = [];
  let pending = 0;
  let number = 0;
  let end = 0;

  const grow = (part: Uint8Array): void => {
    parts.push(part);
    pending += part.length;
    if (pending > maxLineBytes) {
      throw new SecpiError('base/line-too-long', `${path}:${number + 1} is longer than ${maxLineBytes} bytes`, {
        location: { file: path, line: number + 1, column: 1 },
      });
    }
  };
  const take = (complete: boolean): TextLine => {
    const bytes = Buffer.concat(parts);
    number += 1;
    end += bytes.length + (complete ? 1 : 0);
    parts = [];
    pending = 0;
    const valid = isUtf8(bytes);
    if (complete && !valid && options.invalid !== 'mark') {
      throw new SecpiError('base/not-utf8', `${path}:${number} is not valid UTF-8`, {
        location: { file: path, line: number, column: 1 },
      });
    }
    const text = bytes.toString('utf8');
    return { number, text: number === 1 ? text.replace(/^\uFEFF/, '') : text, end, complete, valid };
  };

  for await (const chunk of pieces) {
    let from = 0;
    for (let at = chunk.indexOf(LINE_FEED); at !== -1; at = chunk.indexOf(LINE_FEED, from)) {
      grow(chunk.subarray(from, at));
      yield take(true);
      from = at + 1;
    }
    grow(chunk.subarray(from));
  }
  if (pending > 0) yield take(false);
}
