import { type FileHandle, open } from 'node:fs/promises';
import { blaming } from '../../../base/files/system-code.js';
import { type AnswerKey, type AnswerRow, answerRowSchema } from '../answer-row.js';
import { unpackFrame } from './answer-frame.js';
import type { AnswerPlace, FramePlace } from './answer-index.js';
import { isPacked } from './scan-answers.js';

/** More files than this are opened for each read instead of being kept open. */
const MAX_OPEN_FILES = 64;
/** What is read in its order is read a frame at a time: so many bytes of frames are kept for those who come next. */
const KEPT_BYTES = 32 * 1024 * 1024;

interface KeptFrame {
  readonly lines: Promise<Buffer | undefined>;
  readonly bytes: number;
}

/** Reads lines of files of answers, packed or not. */
export class AnswerReader implements AsyncDisposable {
  readonly #keptLimit: number;
  readonly #paths: string[] = [];
  readonly #handles = new Map<number, Promise<FileHandle>>();
  /** Those used last come last. */
  readonly #kept = new Map<string, KeptFrame>();
  #keptBytes = 0;

  constructor(keptLimit = KEPT_BYTES) {
    this.#keptLimit = keptLimit;
  }

  /** The number by which places name this file. */
  addFile(path: string): number {
    return this.#paths.push(path) - 1;
  }

  /** The line of an answer; `undefined` when its frame is damaged. Throws the file system's error. */
  async line({ frame, offset, length }: AnswerPlace): Promise<string | undefined> {
    const lines = await this.#frame(frame);
    return lines?.toString('utf8', offset, offset + length);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const handles = [...this.#handles.values()];
    this.#handles.clear();
    for (const handle of handles) await handle.then((open) => open.close()).catch(() => undefined);
  }

  #frame(frame: FramePlace): Promise<Buffer | undefined> {
    const name = `${frame.file}:${frame.start}`;
    const known = this.#kept.get(name);
    if (known !== undefined) {
      this.#kept.delete(name);
      this.#kept.set(name, known);
      return known.lines;
    }
    const lines = this.#read(frame);
    const kept = { lines, bytes: frame.unpacked };
    this.#kept.set(name, kept);
    this.#keptBytes += kept.bytes;
    const forget = (key: string, { bytes }: KeptFrame): void => {
      if (this.#kept.delete(key)) this.#keptBytes -= bytes;
    };
    lines.catch(() => {
      if (this.#kept.get(name) === kept) forget(name, kept);
    });
    for (const [key, oldest] of this.#kept) {
      if (this.#keptBytes <= this.#keptLimit || oldest === kept) break;
      forget(key, oldest);
    }
    return lines;
  }

  async #read({ file, start, length, unpacked }: FramePlace): Promise<Buffer | undefined> {
    const path = this.#paths[file] ?? '';
    const bytes = await blaming(
      path,
      this.#withFile(file, path, (handle) => readExactly(handle, start, length)),
    );
    return isPacked(path) ? unpackFrame(bytes, unpacked) : bytes;
  }

  async #withFile<T>(file: number, path: string, use: (handle: FileHandle) => Promise<T>): Promise<T> {
    let kept = this.#handles.get(file);
    if (kept === undefined && this.#handles.size < MAX_OPEN_FILES) {
      kept = open(path, 'r');
      this.#handles.set(file, kept);
      kept.catch(() => this.#handles.delete(file));
    }
    if (kept !== undefined) return use(await kept);
    const handle = await open(path, 'r');
    try {
      return await use(handle);
    } finally {
      await handle.close();
    }
  }
}

/** A row of the store, if the line is one and answers this key. */
export function rowOf(key: AnswerKey, line: string): AnswerRow | undefined {
  const row = answerRowSchema.safeParse(jsonOf(line)).data;
  return row?.request === key.request && row.attempt === key.attempt ? row : undefined;
}

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/** Less only if the file ends before. */
async function readExactly(handle: FileHandle, start: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await handle.read(bytes, done, length - done, start + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return bytes.subarray(0, done);
}
