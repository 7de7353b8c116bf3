import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import type * as z from 'zod';
import { syncDirectory } from './durable-directory.js';
import { GroupCommit } from './group-commit.js';
import { parseRow, readJsonLines, textOfLines } from './json-lines.js';
import { type BytePlace, readBytes } from './read-bytes.js';
import { readLines } from './read-lines.js';

/**
 * An append-only JSON Lines file whose rows can be found by a key. The rows stay on the disk: of each, only its key and its place
 * are held in memory.
 */
export interface KeyedLog<T> {
  /** Keys, in the order in which they were first written. */
  keys(): Iterable<string>;
  has(key: string): boolean;
  /** The newest row with this key. */
  get(key: string): Promise<T | undefined>;
  /** All rows in the order in which they were written, read from the disk. */
  rows(): AsyncIterable<T>;
  /** Adds a row; it is on the disk once this resolves. */
  append(row: T): Promise<void>;
  /** Waits for everything appended so far, then closes. Safe to call twice. */
  close(): Promise<void>;
}

export interface KeyedLogOptions<T> {
  readonly schema: z.ZodType<T>;
  readonly key: (row: T) => string;
}

/**
 * Opens (or creates) a log that survives kill -9: finds the rows it holds, cuts off a torn last line, and appends durably from
 * there. One writer at a time; the caller holds the lock.
 * Throws `base/bad-json` or `base/bad-row` when a whole line is not what `schema` expects, and changes nothing then.
 */
export async function openKeyedLog<T>(path: string, options: KeyedLogOptions<T>): Promise<KeyedLog<T>> {
  const { schema, key } = options;
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_APPEND | (constants.O_NOFOLLOW ?? 0);
  const handle = await open(path, flags, 0o666);
  const index = new Map<string, BytePlace>();
  let end = 0;
  try {
    await syncDirectory(dirname(path));
    for await (const line of readLines(path)) {
      if (!line.complete) break;
      if (line.text.trim() !== '') {
        index.set(key(parseRow(path, line, schema)), { start: end, length: line.end - 1 - end });
      }
      end = line.end;
    }
    const { size } = await handle.stat();
    if (size > end) {
      await handle.truncate(end);
      await handle.datasync();
    }
  } catch (error) {
    await handle.close();
    throw error;
  }
  const writer = new GroupCommit<string>({ handle, path, encode: textOfLines, durable: true });
  return {
    keys: () => index.keys(),
    has: (wanted) => index.has(wanted),
    async get(wanted) {
      const place = index.get(wanted);
      return place && schema.parse(JSON.parse(await readBytes(handle, place)));
    },
    rows: () => readJsonLines(path, schema, { unfinished: 'drop' }),
    async append(row) {
      const text = JSON.stringify(row);
      // The writer keeps the order of its calls, so this is where the row will stand.
      const place = { start: end, length: Buffer.byteLength(text) };
      end += place.length + 1;
      await writer.append(text);
      index.set(key(row), place);
    },
    close: () => writer.close(),
  };
}
