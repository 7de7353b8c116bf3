import type { AnswerKey } from './answer-row.js';

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

/** Words of 32 bits of one answer: half of the request's hash, attempt, frame, offset, length. */
const ROW = 8;
const HASH_WORDS = 4;
/** Numbers of one frame. */
const FRAME = 4;
const DROPPED = 0xffffffff;

/**
 * Where answers stand, in typed arrays: about 50 bytes for each. Of a request's 64 digits it keeps 32, more than enough to tell all
 * requests there will ever be apart; whoever reads an answer compares the rest.
 */
export class AnswerIndex {
  #rows = new Uint32Array(ROW * 1024);
  #count = 0;
  #size = 0;
  /** Open addressing: number of the row plus 1, 0 for a free slot. At most two thirds are taken. */
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
    if ((number + 1) * FRAME > this.#frames.length) this.#frames = grown(this.#frames, Float64Array);
    this.#frames.set([file, start, length, unpacked], number * FRAME);
    this.#frameCount = number + 1;
    return number;
  }

  /**
   * Adds an answer, if there is none of that key yet or only one in a file that was forgotten; says whether it did. `frame` is what
   * `addFrame` gave.
   */
  add(key: AnswerKey, frame: number, offset: number, length: number): boolean {
    const hash = hashWords(key.request);
    const there = this.#find(hash, key.attempt);
    const place = there === undefined ? undefined : this.#place(there);
    if (place !== undefined && !this.#forgotten.has(place.frame.file)) return false;
    const row = there ?? this.#newRow(hash, key.attempt);
    this.#rows.set([frame, offset, length], row * ROW + HASH_WORDS + 1);
    if (place === undefined) this.#size += 1;
    return true;
  }

  /** Lets what is added from now on take the place of what stands in this file. Until then that is found as before. */
  forgetFile(file: number): void {
    this.#forgotten.add(file);
  }

  find(key: AnswerKey): AnswerPlace | undefined {
    const row = this.#find(hashWords(key.request), key.attempt);
    return row === undefined ? undefined : this.#place(row);
  }

  has(key: AnswerKey): boolean {
    return this.find(key) !== undefined;
  }

  /** Forgets an answer that turned out to be none. Another may be added in its place. */
  drop(key: AnswerKey): void {
    const row = this.#find(hashWords(key.request), key.attempt);
    if (row === undefined || this.#place(row) === undefined) return;
    this.#rows[row * ROW + HASH_WORDS + 1] = DROPPED;
    this.#size -= 1;
  }

  #place(row: number): AnswerPlace | undefined {
    const [frame = 0, offset = 0, length = 0] = this.#rows.subarray(row * ROW + HASH_WORDS + 1, row * ROW + ROW);
    if (frame === DROPPED) return undefined;
    const at = frame * FRAME;
    const [file = 0, start = 0, packed = 0, unpacked = 0] = this.#frames.subarray(at, at + FRAME);
    return { frame: { file, start, length: packed, unpacked }, offset, length };
  }

  #find(hash: readonly number[], attempt: number): number | undefined {
    const mask = this.#slots.length - 1;
    for (let slot = slotOf(hash, attempt) & mask; ; slot = (slot + 1) & mask) {
      const taken = this.#slots[slot] ?? 0;
      if (taken === 0) return undefined;
      if (this.#is(taken - 1, hash, attempt)) return taken - 1;
    }
  }

  #is(row: number, hash: readonly number[], attempt: number): boolean {
    const at = row * ROW;
    for (let word = 0; word < HASH_WORDS; word += 1) if (this.#rows[at + word] !== hash[word]) return false;
    return this.#rows[at + HASH_WORDS] === attempt;
  }

  #newRow(hash: readonly number[], attempt: number): number {
    if ((this.#count + 1) * ROW > this.#rows.length) this.#rows = grown(this.#rows, Uint32Array);
    if ((this.#count + 1) * 3 > this.#slots.length * 2) this.#rehash();
    const row = this.#count;
    this.#count += 1;
    this.#rows.set([...hash, attempt], row * ROW);
    this.#take(slotOf(hash, attempt), row);
    return row;
  }

  #take(from: number, row: number): void {
    const mask = this.#slots.length - 1;
    let slot = from & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = row + 1;
  }

  #rehash(): void {
    this.#slots = new Uint32Array(this.#slots.length * 2);
    for (let row = 0; row < this.#count; row += 1) {
      const [first = 0, , , , attempt = 0] = this.#rows.subarray(row * ROW, row * ROW + ROW);
      this.#take(slotOf([first], attempt), row);
    }
  }
}

/** A hash is spread evenly already; attempts at one request must not follow each other. */
function slotOf([first = 0]: readonly number[], attempt: number): number {
  return (first ^ Math.imul(attempt, 0x9e3779b1)) >>> 0;
}

function hashWords(request: string): readonly number[] {
  return [0, 8, 16, 24].map((at) => Number.parseInt(request.slice(at, at + 8), 16));
}

function grown<Numbers extends Uint32Array<ArrayBuffer> | Float64Array<ArrayBuffer>>(
  numbers: Numbers,
  type: new (length: number) => Numbers,
): Numbers {
  const larger = new type(numbers.length * 2);
  larger.set(numbers);
  return larger;
}
