import { doubled } from '../../base/doubled.js';

/** Of longer texts, only so many shingles are kept: those with the smallest hashes, which are a fair sample of all. */
const sketchSize = 128;
/** Hashes in one allocation. */
const partSize = 65_536;

/** The smallest hashes of a text's shingles, ascending, and how many shingles there are. */
export interface Sketch {
  readonly hashes: Uint32Array;
  readonly size: number;
}

/** The sketch of sorted shingles; it shares their memory. */
export function sketchOf(shingles: Uint32Array): Sketch {
  return { hashes: shingles.subarray(0, sketchSize), size: shingles.length };
}

/**
 * |A ∩ B| / |A ∪ B|. Exact where both sketches hold all shingles; else told by the 128 smallest of the union (Broder 1997), with a standard error
 * of at most 0.044. Two empty texts are the same.
 */
export function similarity(left: Sketch, right: Sketch): number {
  const isWhole = left.size <= sketchSize && right.size <= sketchSize;
  const enough = isWhole ? Number.POSITIVE_INFINITY : sketchSize;
  const [a, b] = [left.hashes, right.hashes];
  let union = 0;
  let shared = 0;
  for (let i = 0, j = 0; (i < a.length || j < b.length) && union < enough; union += 1) {
    const x = a[i] ?? Number.POSITIVE_INFINITY;
    const y = b[j] ?? Number.POSITIVE_INFINITY;
    if (x === y) shared += 1;
    if (x <= y) i += 1;
    if (y <= x) j += 1;
  }
  return union === 0 ? 1 : shared / union;
}

/** Sketches by number, in a few large arrays: 4 bytes a hash and 8 a text. */
export class Sketches {
  readonly #parts: Uint32Array[] = [];
  #free = partSize;
  /** Of each text: where its hashes begin, counted over all parts, and its number of shingles. */
  #starts = new Uint32Array(1024);
  #sizes = new Uint32Array(1024);
  #texts = 0;

  /** Keeps a sketch; its number is how many there were before it. */
  add({ hashes, size }: Sketch): void {
    if (this.#texts === this.#starts.length) {
      this.#starts = doubled(this.#starts);
      this.#sizes = doubled(this.#sizes);
    }
    if (this.#free + hashes.length > partSize) {
      this.#parts.push(new Uint32Array(partSize));
      this.#free = 0;
    }
    this.#parts.at(-1)?.set(hashes, this.#free);
    this.#starts[this.#texts] = (this.#parts.length - 1) * partSize + this.#free;
    this.#sizes[this.#texts] = size;
    this.#free += hashes.length;
    this.#texts += 1;
  }

  sizeOf(text: number): number {
    return this.#sizes[text] ?? 0;
  }

  at(text: number): Sketch {
    const start = this.#starts[text] ?? 0;
    const size = this.sizeOf(text);
    const from = start % partSize;
    const part = this.#parts[Math.floor(start / partSize)] ?? new Uint32Array();
    return { hashes: part.subarray(from, from + Math.min(size, sketchSize)), size };
  }
}
