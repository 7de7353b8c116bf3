import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ulid } from 'ulid';
import { makeDirectory } from '../../base/files/durable-directory.js';
import { systemCode } from '../../base/files/system-code.js';
import type { ChatAnswer } from '../chat.js';
import { type AnswerKey, answerOf, answerRow } from './answer-row.js';
import { listedLines } from './format/answer-frame.js';
import { AnswerIndex, type AnswerPlace } from './format/answer-index.js';
import { AnswerReader, rowOf } from './format/answer-reader.js';
import { type AnswerWriter, createAnswerWriter, type WrittenFrame } from './format/answer-writer.js';
import { scanAnswers } from './format/scan-answers.js';
import { PACKED, segmentsIn, writeIdentity } from './model-folder.js';
import { leaveSegment, takeSegment } from './segment-owner.js';

export interface StoredAnswer {
  readonly answer: ChatAnswer;
  /** What it cost when it was bought. */
  readonly cost_usd: number;
}

/** How often the folder is looked at while files vanish from it: `secpi store compact` is putting one in the place of many. */
const MAX_LOOKS = 8;

/**
 * Every answer ever bought, addressed by its request. A folder of files ("segments"); each process appends to one of its own, so
 * that processes never write into each other, and reads all. They are packed (`answer-frame.ts`); those of older versions, plain JSON
 * Lines, are read as well. Only an index is held in memory; answers are read when asked for. A row that is damaged counts as
 * missing.
 */
export class AnswerStore implements AsyncDisposable {
  readonly #folder: string;
  readonly #identity: string | undefined;
  readonly #reader = new AnswerReader();
  readonly #index = new AnswerIndex();
  /** Files that are known: their numbers, and how far each has been indexed. */
  readonly #segments = new Map<string, { readonly file: number; scanned: number }>();
  #refreshing: Promise<void> | undefined;
  #writer: Promise<AnswerWriter> | undefined;
  /** Name of the file that is added to. */
  #own: string | undefined;

  private constructor(folder: string, identity: string | undefined) {
    this.#folder = folder;
    this.#identity = identity;
  }

  /**
   * Opens the store in `folder` and indexes it. The folder is created with the first answer, and `identity`, whose answers
   * these are, is written down beside it.
   */
  static async open(folder: string, identity?: string): Promise<AnswerStore> {
    const store = new AnswerStore(folder, identity);
    await store.refresh();
    return store;
  }

  get size(): number {
    return this.#index.size;
  }

  has(key: AnswerKey): boolean {
    return this.#index.has(key);
  }

  /** The answer, or `undefined` when it has to be bought. */
  async get(key: AnswerKey): Promise<StoredAnswer | undefined> {
    for (let place = this.#index.find(key); place !== undefined; place = this.#index.find(key)) {
      const line = await this.#line(place);
      const row = line === undefined ? undefined : rowOf(key, line);
      if (row !== undefined) return { answer: answerOf(row), cost_usd: row.cost_usd ?? 0 };
      this.#index.drop(key, place);
    }
    return undefined;
  }

  /** Keeps an answer; it is on the disk when this resolves. */
  async put(key: AnswerKey, answer: ChatAnswer, costUsd: number): Promise<void> {
    this.#writer ??= this.#createSegment();
    const writer = await this.#writer;
    await writer.append({ key, text: JSON.stringify(answerRow(key, answer, costUsd)) });
  }

  /** Takes up what other processes have bought since. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#scanNew().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const writer = this.#writer;
    this.#writer = Promise.reject(new Error('the answer store is closed'));
    this.#writer.catch(() => undefined);
    await writer?.then((open) => open.close()).catch(() => undefined);
    // If that fails: the process is gone soon, and that can be seen as well.
    if (this.#own !== undefined) await leaveSegment(join(this.#folder, this.#own)).catch(() => undefined);
    await this.#reader[Symbol.asyncDispose]();
  }

  async #createSegment(): Promise<AnswerWriter> {
    await makeDirectory(this.#folder);
    if (this.#identity !== undefined) await writeIdentity(this.#folder, this.#identity);
    const name = `${ulid()}${PACKED}`;
    const path = join(this.#folder, name);
    const file = this.#reader.addFile(path);
    this.#own = name;
    await takeSegment(path);
    return createAnswerWriter(path, { onWritten: (frame) => this.#addFrame(file, frame) });
  }

  #addFrame(file: number, { start, length, unpacked, entries }: WrittenFrame): void {
    const frame = this.#index.addFrame({ file, start, length, unpacked });
    for (const line of listedLines(entries)) this.#index.add(line.key, frame, line.offset, line.length);
  }

  async #scanNew(): Promise<void> {
    for (let looks = 0; looks < MAX_LOOKS; looks += 1) {
      let vanished = false;
      // Of two answers to one request the older one counts.
      for (const name of await segmentsIn(this.#folder)) {
        if (name !== this.#own && !(await this.#scan(name))) vanished = true;
      }
      if (!vanished) return;
    }
  }

  /** Takes up what a file holds beyond what is known of it. False when it is not there any more. */
  async #scan(name: string): Promise<boolean> {
    const path = join(this.#folder, name);
    const scanned = this.#segments.get(name)?.scanned ?? 0;
    try {
      if ((await stat(path)).size <= scanned) return true;
      const segment = this.#segments.get(name) ?? { file: this.#reader.addFile(path), scanned };
      this.#segments.set(name, segment);
      for await (const stretch of scanAnswers(path, scanned)) {
        // What is no answer at the end of a file may be one the next time: somebody is just writing it.
        if (stretch.kind !== 'frame') continue;
        segment.scanned = stretch.start + stretch.length;
        this.#addFrame(segment.file, stretch);
      }
      return true;
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return false;
      throw error;
    }
  }

  /**
   * What stands there, if that can be used. Not being able to read is no reason to buy again: only what is gone has no answers. `secpi store
   * compact` in another process puts one file in the place of many; then that is taken up.
   */
  async #line(place: AnswerPlace): Promise<string | undefined> {
    try {
      return await this.#reader.line(place);
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw error;
    }
    this.#index.forgetFile(place.frame.file);
    // A look at the folder that is under way may be from before.
    await this.#refreshing?.catch(() => undefined);
    await this.refresh();
    return undefined;
  }
}
