import { type FileHandle, open } from 'node:fs/promises';
import { type BytePlace, readAt, withoutZeros } from '../../../base/files/read-bytes.js';
import { atPath } from '../../../base/files/system-code.js';
import { isTornRow, scanRows } from '../answer-row.js';
import {
  ENTRY_BYTES,
  FRAME_START_BYTES,
  findFrame,
  MAX_HEAD_BYTES,
  readBack,
  readFrameHead,
  writeEntry,
} from './answer-frame.js';

/** What a file of answers holds, from its beginning to its end. */
export type Stretch =
  | {
      readonly kind: 'frame';
      readonly start: number;
      readonly length: number;
      readonly unpacked: number;
      /** `ENTRY_BYTES` for each line; see `answer-frame.ts`. */
      readonly entries: Buffer;
      /** The list in the file is damaged; this one was made from the answers themselves, which are whole. */
      readonly readBack?: true;
    }
  /** Bytes that are none of the others. */
  | { readonly kind: 'damaged'; readonly start: number; readonly length: number }
  /** What the file ends in: the beginning of answers, torn, or still being written by someone else. What is zero counts as not written. */
  | { readonly kind: 'unfinished'; readonly start: number; readonly length: number };

/** Whether a file of that name is packed in frames; older ones are plain JSON Lines. */
export function isPacked(name: string): boolean {
  return name.endsWith('.gz');
}

/**
 * Finds the answers of a file from byte `from` on, reading no more than it has to, in constant memory. A last line without a line
 * feed is unfinished, unless `lastLine` says that it is to be taken for one.
 */
export async function* scanAnswers(
  path: string,
  from = 0,
  lastLine: 'read' | 'drop' = 'drop',
): AsyncGenerator<Stretch> {
  try {
    yield* isPacked(path) ? scanFrames(path, from) : scanLines(path, from, lastLine);
  } catch (error) {
    throw atPath(error, path);
  }
}

/** Small frames are read many at once; of large ones, which fill most of a file, only the lists. */
const READ_BYTES = 256 * 1024;
const LARGE_FRAME_BYTES = 16 * 1024;
const LIST_READ_BYTES = 2048;
/** What is larger than this is not read back. */
const READ_BACK_BYTES = 16 * 1024 * 1024;

async function* scanFrames(path: string, from: number): AsyncGenerator<Stretch> {
  const handle = await open(path, 'r');
  try {
    const { size } = await handle.stat();
    const view = new View(handle, size);
    let start = from;
    let ahead = READ_BYTES;
    while (start < size) {
      const head = await headAt(view, start, ahead);
      if (head !== undefined && start + head.length <= size) {
        yield { kind: 'frame', start, ...head };
        start += head.length;
        ahead = head.length < LARGE_FRAME_BYTES ? READ_BYTES : LIST_READ_BYTES;
        continue;
      }
      const back = head === undefined ? await readBackAt(view, start) : undefined;
      if (back !== undefined) {
        yield { kind: 'frame', start, ...back, readBack: true };
        start += back.length;
        continue;
      }
      const next = await nextFrame(view, start + 1);
      const isCutOff = next === undefined && (head !== undefined || (await isTorn(view, start)));
      const length = (next ?? size) - start;
      yield { kind: isCutOff ? 'unfinished' : 'damaged', start, length };
      start += length;
    }
  } finally {
    await handle.close();
  }
}

async function headAt(view: View, start: number, ahead: number) {
  let needs = FRAME_START_BYTES;
  for (;;) {
    const bytes = await view.at(start, needs, ahead);
    const head = readFrameHead(bytes, 0);
    if (head === undefined || 'entries' in head) return head;
    if (bytes.length < head.needs && head.needs <= needs) return undefined;
    needs = head.needs;
  }
}

/** The frame that begins here, if only its head is damaged. */
async function readBackAt(view: View, start: number) {
  const next = await beginnings(view, start + 1).next();
  const length = (next.done === true ? view.size : next.value) - start;
  if (length > READ_BACK_BYTES) return undefined;
  return readBack((await view.at(start, length, length)).subarray(0, length));
}

/** Where the first whole frame at or behind `from` begins. */
async function nextFrame(view: View, from: number): Promise<number | undefined> {
  for await (const start of beginnings(view, from)) {
    const head = await headAt(view, start, READ_BYTES);
    if (head !== undefined && start + head.length <= view.size) return start;
  }
  return undefined;
}

/** Where frames may begin, from `from` on. */
async function* beginnings(view: View, from: number): AsyncGenerator<number, undefined> {
  let start = from;
  while (start < view.size) {
    const bytes = await view.at(start, FRAME_START_BYTES, READ_BYTES);
    const found = findFrame(bytes, 0);
    if (found === -1) {
      // A beginning that is cut off by the end of these bytes is seen with the next.
      start += Math.max(1, bytes.length + 1 - FRAME_START_BYTES);
      continue;
    }
    start += found;
    yield start;
    start += 1;
  }
  return undefined;
}

/**
 * Whether the file ends in a head that breaks off, as a kill leaves it. A power cut may have zeros stand for what was not written. Any
 * other bytes were written, and have changed since.
 */
async function isTorn(view: View, start: number): Promise<boolean> {
  const bytes = await view.at(start, MAX_HEAD_BYTES, READ_BYTES);
  const written = withoutZeros(bytes);
  const head = readFrameHead(written, 0);
  if (head === undefined || 'entries' in head) return false;
  for (let at = start + bytes.length; at < view.size; ) {
    const more = await view.at(at, 1, READ_BYTES);
    if (withoutZeros(more).length > 0) return false;
    at += Math.max(1, more.length);
  }
  return true;
}

/** Bytes of a file, read in pieces. */
class View {
  readonly size: number;
  readonly #handle: FileHandle;
  #bytes = Buffer.alloc(0);
  #start = 0;

  constructor(handle: FileHandle, size: number) {
    this.#handle = handle;
    this.size = size;
  }

  /** At least `needs` bytes from `start` on, fewer only at the end of the file. What has to be read for that is at least `ahead` bytes. */
  async at(start: number, needs: number, ahead: number): Promise<Buffer> {
    const inside = start - this.#start;
    if (inside < 0 || inside + Math.min(needs, this.size - start) > this.#bytes.length) {
      const bytes = Buffer.allocUnsafe(Math.min(Math.max(needs, ahead), this.size - start));
      let done = 0;
      while (done < bytes.length) {
        const { bytesRead } = await this.#handle.read(bytes, done, bytes.length - done, start + done);
        if (bytesRead === 0) break;
        done += bytesRead;
      }
      this.#bytes = bytes.subarray(0, done);
      this.#start = start;
      return this.#bytes;
    }
    return this.#bytes.subarray(inside);
  }
}

/** Neighbouring lines are taken together, so that reading them in their order takes few reads. */
const TOGETHER_BYTES = 128 * 1024;

async function* scanLines(path: string, from: number, lastLine: 'read' | 'drop'): AsyncGenerator<Stretch> {
  let start = from;
  let end = from;
  let entries: Buffer[] = [];
  const gathered = (): readonly Stretch[] => {
    if (entries.length === 0) return [];
    const all = Buffer.concat(entries);
    entries = [];
    return [{ kind: 'frame', start, length: end - start, unpacked: end - start, entries: all }];
  };
  for await (const { key, place, complete } of scanRows(path, from)) {
    const ignored = !complete && lastLine === 'drop';
    const fits = place.start === end && place.start + place.length - start <= TOGETHER_BYTES;
    if (key === undefined || ignored || !fits) yield* gathered();
    if (ignored) return yield { kind: (await isTornLine(path, place)) ? 'unfinished' : 'damaged', ...place };
    const length = place.length + (complete ? 1 : 0);
    end = place.start + length;
    if (key === undefined) {
      yield { kind: 'damaged', start: place.start, length };
      continue;
    }
    if (entries.length === 0) start = place.start;
    const entry = Buffer.alloc(ENTRY_BYTES);
    writeEntry(key, length, entry, 0);
    entries.push(entry);
  }
  yield* gathered();
}

async function isTornLine(path: string, place: BytePlace): Promise<boolean> {
  if (place.length > READ_BACK_BYTES) return false;
  const handle = await open(path, 'r');
  try {
    return isTornRow(await readAt(handle, place));
  } finally {
    await handle.close();
  }
}
