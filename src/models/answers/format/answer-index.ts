import { doubled } from '../../../base/doubled.js';
import type { AnswerKey } from '../answer-row.js';

/** A stretch of a file that is read at once: a frame, or neighbouring lines of a file that is not packed. */
export interface FramePlace {
  /** Number of its file. */
  readonly file: number;
  /** Bytes before it. */
  readonly start: number;
  /** Bytes in the file. */
  readonly length: number;
  /** Bytes of its lines. */
  readonly unpacked: number;
}

/** Where one answer stands. */
export interface AnswerPlace {
  readonly frame: FramePlace;
  /** Bytes before its line, in the unpacked frame. */
  readonly offset: number;
  /** Bytes of the line. */
  readonly length: number;
}

/** Words of 32 bits of one place: half of the request's hash, attempt, number of the frame, offset, length. */
const ROW = 8;
const HASH_WORDS = 4;
const PLACE = HASH_WORDS + 1;
/** Numbers of one frame. */
const FRAME = 4;
const DROPPED = 0xffffffff;

/**
 * Where answers stand, in typed arrays: about 50 bytes for each. Of a request's 64 digits it keeps 32, more than enough to tell all
 * requests there will ever be apart; whoever reads an answer compares the rest. An answer may stand in several places: the one that was
 * added first counts, as long as it is not dropped.
 */
export class AnswerIndex {
  #rows = new Uint32Array(ROW * 1024);
  #count = 0;
  #size = 0;
  /** Open addressing: number of the row plus 1, 0 for a free slot. At most two thirds are taken, and rows of one key come in their order. */
  #slots = new Uint32Array(2048);
  #frames = new Float64Array(FRAME * 256);
  #frameCount = 0;
  readonly #forgotten = new Set<number>();

  /** Answers that are there. */
  get size(): number {
    return this.#size;
  }

  addFrame({ file, start, length, unpacked }: FramePlace): number {
    const number = this.#frameCount;
    if ((number + 1) * FRAME > this.#frames.length) this.#frames = doubled(this.#frames);
    this.#frames.set([file, start, length, unpacked], number * FRAME);
    this.#frameCount = number + 1;
    return number;
  }

  /** Adds a place of an answer; says whether it is the first. `frame` is what `addFrame` gave. */
  add({ request, attempt }: AnswerKey, frame: number, offset: number, length: number): boolean {
    if ((this.#count + 1) * ROW > this.#rows.length) this.#rows = doubled(this.#rows);
    if ((this.#count + 1) * 3 > this.#slots.length * 2) this.#rehash();
    const hash = hashWords(request);
    const mask = this.#slots.length - 1;
    let isFirst = true;
    let slot = slotOf(hash[0], attempt) & mask;
    for (let row = this.#rowIn(slot); row !== -1; row = this.#rowIn(slot)) {
      if (this.#isRowOf(row, hash, attempt)) isFirst = false;
      slot = (slot + 1) & mask;
    }
    this.#rows.set([...hash, attempt, frame, offset, length], this.#count * ROW);
    this.#count += 1;
    this.#slots[slot] = this.#count;
    if (isFirst) this.#size += 1;
    return isFirst;
  }

  find(key: AnswerKey): AnswerPlace | undefined {
    let forgotten: AnswerPlace | undefined;
    for (const row of this.#rowsOf(key)) {
      const place = this.#place(row);
      if (!this.#forgotten.has(place.frame.file)) return place;
      forgotten ??= place;
    }
    return forgotten;
  }

  has(key: AnswerKey): boolean {
    return this.#rowsOf(key).next().done !== true;
  }

  /** A place turned out to hold no such answer. If there is another, that counts from now on. */
  drop(key: AnswerKey, { frame, offset }: AnswerPlace): void {
    for (const row of this.#rowsOf(key)) {
      const place = this.#place(row);
      const isMeant = place.frame.file === frame.file && place.frame.start === frame.start && place.offset === offset;
      if (!isMeant) continue;
      this.#rows[row * ROW + PLACE] = DROPPED;
      if (!this.has(key)) this.#size -= 1;
      return;
    }
  }

  /** Prefers every other place to those in this file. */
  forgetFile(file: number): void {
    this.#forgotten.add(file);
  }

  /** Rows of a key that are not dropped, first added first. */
  *#rowsOf({ request, attempt }: AnswerKey): Generator<number> {
    const hash = hashWords(request);
    const mask = this.#slots.length - 1;
    let slot = slotOf(hash[0], attempt) & mask;
    for (let row = this.#rowIn(slot); row !== -1; row = this.#rowIn(slot)) {
      if (this.#isRowOf(row, hash, attempt)) yield row;
      slot = (slot + 1) & mask;
    }
  }

  /** -1 for a free slot. */
  #rowIn(slot: number): number {
    return (this.#slots[slot] ?? 0) - 1;
  }

  #isRowOf(row: number, hash: readonly number[], attempt: number): boolean {
    const at = row * ROW;
    for (let word = 0; word < HASH_WORDS; word += 1) if (this.#rows[at + word] !== hash[word]) return false;
    return this.#rows[at + HASH_WORDS] === attempt && this.#rows[at + PLACE] !== DROPPED;
  }

  #place(row: number): AnswerPlace {
    const [frame = 0, offset = 0, length = 0] = this.#rows.subarray(row * ROW + PLACE, row * ROW + ROW);
    const at = frame * FRAME;
    const [file = 0, start = 0, packed = 0, unpacked = 0] = this.#frames.subarray(at, at + FRAME);
    return { frame: { file, start, length: packed, unpacked }, offset, length };
  }

  #rehash(): void {
    this.#slots = new Uint32Array(this.#slots.length * 2);
    const mask = this.#slots.length - 1;
    for (let row = 0; row < this.#count; row += 1) {
      let slot = slotOf(this.#rows[row * ROW], this.#rows[row * ROW + HASH_WORDS]) & mask;
      while (this.#rowIn(slot) !== -1) slot = (slot + 1) & mask;
      this.#slots[slot] = row + 1;
    }
  }
}

/** A hash is spread evenly already; attempts at one request must not follow each other. */
function slotOf(word = 0, attempt = 0): number {
  return (word ^ Math.imul(attempt, 0x9e3779b1)) >>> 0;
}

function hashWords(request: string): readonly number[] {
  return [0, 8, 16, 24].map((at) => Number.parseInt(request.slice(at, at + 8), 16));
}
