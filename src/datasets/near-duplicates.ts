import { createHash } from 'node:crypto';
import { wordRuns, wordsOf } from './words.js';

/** A near duplicate of something seen before. */
export interface NearDuplicate {
  /** The key of the earlier text. */
  readonly of: string;
  /** Exact Jaccard similarity of their word 3-gram sets, 0 to 1. */
  readonly similarity: number;
}

const permutations = 128;
const shingleWords = 3;
/** Wanted chance that a pair right at the threshold becomes a candidate; pairs above it are found more often still. */
const wantedRecall = 0.99;
const prime = 4_294_967_291;

/**
 * MinHash with banding (Broder 1997; Leskovec, Rajaraman, Ullman, "Mining of Massive Datasets", ch. 3) finds candidates;
 * their exact Jaccard similarity decides. Texts are compared with those that were added before them, so that the first of
 * a group stays. Memory: about 1 kB a text.
 */
export class NearDuplicates {
  readonly #threshold: number;
  readonly #rowsPerBand: number;
  readonly #buckets = new Map<string, number[]>();
  readonly #keys: string[] = [];
  readonly #shingles: Uint32Array[] = [];

  /** `threshold`: Jaccard similarity from which two texts count as the same, above 0 and at most 1. */
  constructor(threshold: number) {
    this.#threshold = threshold;
    this.#rowsPerBand = rowsPerBand(threshold);
  }

  /** The most similar earlier text at or above the threshold; without one the text is added under its key. */
  add(key: string, text: string): NearDuplicate | undefined {
    const shingles = shinglesOf(text);
    const bands = this.#bandsOf(signatureOf(shingles));
    let best: NearDuplicate | undefined;
    for (const index of new Set(bands.flatMap((band) => this.#buckets.get(band) ?? []))) {
      const similarity = jaccard(shingles, this.#shingles[index] ?? new Uint32Array());
      if (similarity >= this.#threshold && similarity > (best?.similarity ?? 0))
        best = { of: this.#keys[index] ?? '', similarity };
    }
    if (best !== undefined) return best;
    const index = this.#keys.push(key) - 1;
    this.#shingles.push(shingles);
    for (const band of bands) {
      const bucket = this.#buckets.get(band);
      if (bucket === undefined) this.#buckets.set(band, [index]);
      else bucket.push(index);
    }
    return undefined;
  }

  #bandsOf(signature: Uint32Array): string[] {
    const bands: string[] = [];
    for (let start = 0; start + this.#rowsPerBand <= permutations; start += this.#rowsPerBand) {
      const rows = signature.subarray(start, start + this.#rowsPerBand);
      bands.push(`${start}:${Buffer.from(rows.buffer, rows.byteOffset, rows.byteLength).toString('base64')}`);
    }
    return bands;
  }
}

/** The most rows a band can have (fewest false candidates) while a pair at the threshold is still found with `wantedRecall`. */
function rowsPerBand(threshold: number): number {
  for (let rows = 16; rows > 1; rows -= 1) {
    const bands = Math.floor(permutations / rows);
    if (1 - (1 - threshold ** rows) ** bands >= wantedRecall) return rows;
  }
  return 1;
}

/** Sorted 32-bit hashes of the distinct word 3-grams. */
function shinglesOf(text: string): Uint32Array {
  const hashes = new Set(
    wordRuns(wordsOf(text), shingleWords).map((run) => createHash('sha1').update(run).digest().readUInt32LE(0)),
  );
  return Uint32Array.from(hashes).sort();
}

/** Fixed multipliers and offsets of the hash permutations: the same texts give the same verdicts everywhere. */
const coefficients = Array.from({ length: permutations }, (_, index) => {
  const bytes = createHash('sha256').update(`secpi minhash ${index}`).digest();
  return { factor: (bytes.readUInt32LE(0) % 0xffff_fffa) + 1, offset: bytes.readUInt32LE(4) };
});

function signatureOf(shingles: Uint32Array): Uint32Array {
  const signature = new Uint32Array(permutations).fill(0xffff_ffff);
  for (const shingle of shingles) {
    for (let index = 0; index < permutations; index += 1) {
      const { factor, offset } = coefficients[index] ?? { factor: 1, offset: 0 };
      const value = permuted(shingle, factor, offset);
      if (value < (signature[index] ?? 0)) signature[index] = value;
    }
  }
  return signature;
}

/** (factor · x + offset) mod p, with the factor in 16-bit halves so that no product leaves the exact range of a double. */
function permuted(x: number, factor: number, offset: number): number {
  const high = Math.floor(factor / 65_536);
  const low = factor % 65_536;
  return ((((high * x) % prime) * 65_536 + low * x + offset) % prime) >>> 0;
}

/** |A ∩ B| / |A ∪ B| of two sorted sets; two empty texts are the same. */
function jaccard(left: Uint32Array, right: Uint32Array): number {
  let shared = 0;
  for (let i = 0, j = 0; i < left.length && j < right.length; ) {
    const a = left[i] ?? 0;
    const b = right[j] ?? 0;
    if (a === b) shared += 1;
    if (a <= b) i += 1;
    if (b <= a) j += 1;
  }
  const union = left.length + right.length - shared;
  return union === 0 ? 1 : shared / union;
}
