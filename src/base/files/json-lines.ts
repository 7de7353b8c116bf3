import type * as z from 'zod';
import { messageOf, SecpiError } from '../errors.js';
import { dataProblem } from '../zod-message.js';
import { GroupCommit } from './group-commit.js';
import { createForAppending } from './new-file.js';
import { type ReadLinesOptions, readLines, type TextLine } from './read-lines.js';

/** Appends rows to one file; unless opened otherwise, a row is on the disk once its `append` resolves. */
export interface JsonLinesWriter<T> {
  append(row: T): Promise<void>;
  /** Waits for everything appended so far, then closes. Safe to call twice. */
  close(): Promise<void>;
}

export interface ReadJsonLinesOptions extends ReadLinesOptions {
  /**
   * What to make of a last line without a line feed. `read` (default) takes it as a row: files from elsewhere often end so.
   * `drop` leaves it out: in our own files it is a row whose write was cut off.
   */
  readonly unfinished?: 'read' | 'drop' | undefined;
}

/** How lines stand in a file, for a `GroupCommit` of them. */
export function textOfLines(lines: readonly string[]): string {
  return `${lines.join('\n')}\n`;
}

/** The value of one line, or a `base/bad-json` or `base/bad-row` error that names file and line. */
export function parseRow<T>(path: string, line: TextLine, schema: z.ZodType<T>): T {
  const location = { file: path, line: line.number, column: 1 };
  let value: unknown;
  try {
    value = JSON.parse(line.text);
  } catch (cause) {
    throw new SecpiError('base/bad-json', `${path}:${line.number} is not JSON: ${messageOf(cause)}`, {
      location,
      cause,
    });
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new SecpiError('base/bad-row', `${path}:${line.number} does not fit: ${dataProblem(result.error)}`, {
    location,
    cause: result.error,
  });
}

/**
 * Rows of a JSON Lines file, checked one by one, in constant memory. Empty lines are skipped.
 * Throws `base/bad-json` and `base/bad-row` with file and line, and the errors of `readLines`.
 */
export async function* readJsonLines<T>(
  path: string,
  schema: z.ZodType<T>,
  options: ReadJsonLinesOptions = {},
): AsyncGenerator<T> {
  for await (const line of readLines(path, options)) {
    if (!line.complete && options.unfinished === 'drop') return;
    if (line.text.trim() !== '') yield parseRow(path, line, schema);
  }
}

/**
 * Opens a JSON Lines file for appending and creates it if need be, without reading it. Only for a file that nobody else
 * writes and that starts empty; for one that may have survived a crash there is `openKeyedLog`.
 * With `durable: false` an `append` resolves after the write, without fsync: that outlives kill -9, but not a power cut.
 */
export async function createJsonLines<T>(
  path: string,
  options: { readonly durable?: boolean } = {},
): Promise<JsonLinesWriter<T>> {
  const handle = await createForAppending(path);
  const lines = new GroupCommit<string>({ handle, path, encode: textOfLines, durable: options.durable ?? true });
  return { append: (row) => lines.append(JSON.stringify(row)), close: () => lines.close() };
}
