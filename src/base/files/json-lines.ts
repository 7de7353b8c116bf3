import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import type * as z from 'zod';
import { messageOf, SecpiError } from '../errors.js';
import { dataProblem } from '../zod-message.js';
import { syncDirectory } from './durable-directory.js';
import { type ReadLinesOptions, readLines, type TextLine } from './read-lines.js';
import { atPath } from './system-code.js';

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
 * Group commit: while one write and fsync are under way, new rows gather; they go out together with the next. So a lone
 * writer waits for one fsync and a thousand writers share one. After a failed write nothing more is accepted, because the
 * file may end in half a line.
 */
export class GroupCommitWriter<T> implements JsonLinesWriter<T> {
  readonly #handle: FileHandle;
  readonly #path: string;
  readonly #durable: boolean;
  #gathering: { text: string; done: Promise<void> } | undefined;
  #last: Promise<void> = Promise.resolve();
  #failure: unknown;
  #closing: Promise<void> | undefined;

  constructor(handle: FileHandle, path: string, durable: boolean) {
    this.#handle = handle;
    this.#path = path;
    this.#durable = durable;
  }

  append(row: T): Promise<void> {
    return this.appendText(JSON.stringify(row));
  }

  /** A row that is JSON already, without its line feed. */
  async appendText(text: string): Promise<void> {
    if (this.#closing !== undefined) throw new Error('append after close');
    const line = `${text}\n`;
    if (this.#gathering !== undefined) {
      this.#gathering.text += line;
      return this.#gathering.done;
    }
    const batch = { text: line, done: this.#last };
    this.#gathering = batch;
    const previous = this.#last.catch(() => undefined);
    batch.done = previous.then(async () => {
      this.#gathering = undefined;
      await this.#flush(batch.text);
    });
    this.#last = batch.done;
    return batch.done;
  }

  async #flush(text: string): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      await this.#handle.appendFile(text);
      if (this.#durable) await this.#handle.datasync();
    } catch (error) {
      this.#failure = atPath(error, this.#path);
      throw this.#failure;
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#last.catch(() => undefined).then(() => this.#handle.close());
    return this.#closing;
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
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_APPEND;
  const handle = await open(path, flags, 0o666);
  try {
    await syncDirectory(dirname(path));
  } catch (error) {
    await handle.close();
    throw error;
  }
  return new GroupCommitWriter<T>(handle, path, options.durable ?? true);
}
