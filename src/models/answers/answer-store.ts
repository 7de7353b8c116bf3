import { type FileHandle, open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ulid } from 'ulid';
import { makeDirectory } from '../../base/files/durable-directory.js';
import { ifThere } from '../../base/files/if-there.js';
import { createJsonLines, type JsonLinesWriter } from '../../base/files/json-lines.js';
import { type BytePlace, readBytes } from '../../base/files/read-bytes.js';
import type { ChatAnswer } from '../chat.js';
import {
  type AnswerKey,
  type AnswerRow,
  answerOf,
  answerRow,
  answerRowSchema,
  keyText,
  scanRows,
} from './answer-row.js';

export interface StoredAnswer {
  readonly answer: ChatAnswer;
  /** What it cost when it was bought. */
  readonly cost_usd: number;
  /** Whether it was put in through this very store object. */
  readonly own: boolean;
}

/** More files than this are opened for each read instead of being kept open. */
const MAX_OPEN_SEGMENTS = 64;

interface Place extends BytePlace {
  readonly segment: string;
}

/**
 * Every answer ever bought, addressed by its request. A folder of JSON Lines files ("segments"); each process appends to
 * one of its own, so that processes never write into each other, and reads all. Only an index (some 250 bytes per answer)
 * is held in memory; answers are read when asked for. A row that is damaged counts as missing.
 */
export class AnswerStore implements AsyncDisposable {
  readonly #folder: string;
  readonly #index = new Map<string, Place>();
  /** How far each segment has been indexed. */
  readonly #scanned = new Map<string, number>();
  readonly #handles = new Map<string, Promise<FileHandle>>();
  #refreshing: Promise<void> | undefined;
  #segment: Promise<{ readonly name: string; readonly writer: JsonLinesWriter<AnswerRow> }> | undefined;

  #ownSegment: string | undefined;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Opens the store in `folder` and indexes it. The folder is created with the first answer. */
  static async open(folder: string): Promise<AnswerStore> {
    const store = new AnswerStore(folder);
    await store.refresh();
    return store;
  }

  get size(): number {
    return this.#index.size;
  }

  has(key: AnswerKey): boolean {
    return this.#index.has(keyText(key));
  }

  /** The answer, or `undefined` when it has to be bought. */
  async get(key: AnswerKey): Promise<StoredAnswer | undefined> {
    const text = keyText(key);
    const place = this.#index.get(text);
    if (place === undefined) return undefined;
    const row = await this.#read(place);
    if (row === undefined || row.request !== key.request || row.attempt !== key.attempt) {
      this.#index.delete(text);
      return undefined;
    }
    return { answer: answerOf(row), cost_usd: row.cost_usd ?? 0, own: place.segment === this.#ownSegment };
  }

  /** Keeps an answer; it is on the disk when this resolves. */
  async put(key: AnswerKey, answer: ChatAnswer, costUsd: number): Promise<void> {
    this.#segment ??= this.#createSegment();
    const { name, writer } = await this.#segment;
    const row = answerRow(key, answer, costUsd);
    // The writer puts `JSON.stringify(row)` and a line feed behind what it was given before: that is where the row will stand.
    const length = Buffer.byteLength(JSON.stringify(row));
    const start = this.#scanned.get(name) ?? 0;
    this.#scanned.set(name, start + length + 1);
    await writer.append(row);
    this.#index.set(keyText(key), { segment: name, start, length });
  }

  /** Takes up what other processes have bought since. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#scanNew().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const segment = this.#segment;
    this.#segment = Promise.reject(new Error('the answer store is closed'));
    this.#segment.catch(() => undefined);
    if (segment !== undefined) await segment.then(({ writer }) => writer.close()).catch(() => undefined);
    const handles = [...this.#handles.values()];
    this.#handles.clear();
    for (const handle of handles) await handle.then((open) => open.close()).catch(() => undefined);
  }

  async #createSegment() {
    const name = `${ulid()}.jsonl`;
    this.#ownSegment = name;
    this.#scanned.set(name, 0);
    await makeDirectory(this.#folder);
    return { name, writer: await createJsonLines<AnswerRow>(join(this.#folder, name)) };
  }

  async #scanNew(): Promise<void> {
    // Names begin with the time, so of two answers to one request the older one counts.
    const all = (await ifThere(readdir(this.#folder))) ?? [];
    const names = all.filter((name) => name.endsWith('.jsonl') && name !== this.#ownSegment).sort();
    for (const segment of names) {
      const path = join(this.#folder, segment);
      const from = this.#scanned.get(segment) ?? 0;
      if ((await stat(path)).size <= from) continue;
      for await (const { key, place, complete } of scanRows(path, from)) {
        if (!complete) break;
        this.#scanned.set(segment, place.start + place.length + 1);
        if (key !== undefined && !this.#index.has(key)) this.#index.set(key, { segment, ...place });
      }
    }
  }

  async #read(place: Place): Promise<AnswerRow | undefined> {
    // Not being able to read is no reason to buy again: only a segment that is gone has no answers.
    const text = await ifThere(this.#withSegment(place.segment, (handle) => readBytes(handle, place)));
    if (text === undefined) return undefined;
    try {
      return answerRowSchema.safeParse(JSON.parse(text)).data;
    } catch {
      return undefined; // a line that is not JSON
    }
  }

  async #withSegment<T>(segment: string, use: (handle: FileHandle) => Promise<T>): Promise<T> {
    const path = join(this.#folder, segment);
    let kept = this.#handles.get(segment);
    if (kept === undefined && this.#handles.size < MAX_OPEN_SEGMENTS) {
      kept = open(path, 'r');
      this.#handles.set(segment, kept);
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
