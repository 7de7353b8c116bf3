import { createHash } from 'node:crypto';
import { mixed } from '../mix.js';

/** Wanted chance that a pair right at the threshold becomes a candidate; pairs above it are found more often still. */
const wantedRecall = 0.98;
/** More bands than this cost more memory than what they find is worth. */
const mostBands = 42;
/** Two texts that share a band of so many hashes are the same for all practical purposes. */
const mostRows = 16;

/**
 * MinHash with banding (Broder 1997; Leskovec, Rajaraman, Ullman, "Mining of Massive Datasets", ch. 3): texts that share the key of at least one
 * band are candidates. A band has as many rows as it can (fewest false candidates) while `wantedRecall` holds at the threshold.
 */
export class MinHash {
  readonly bands: number;
  readonly #rows: number;
  readonly #factors: Int32Array;
  readonly #salts: Int32Array;

  constructor(threshold: number) {
    this.#rows = rowsFor(threshold);
    this.bands = bandsFor(threshold, this.#rows);
    const bytes = Array.from({ length: this.bands * this.#rows }, (_, index) =>
      createHash('sha256').update(`secpi minhash ${index}`).digest(),
    );
    // Fixed, so that the same texts have the same verdicts everywhere. Odd, so that no bit is lost by the product.
    this.#factors = Int32Array.from(bytes, (digest) => digest.readInt32LE(0) | 1);
    this.#salts = Int32Array.from(bytes, (digest) => digest.readInt32LE(4));
  }

  /** Writes the key of each band to `keys`. */
  keysOf(shingles: Uint32Array, keys: Uint32Array): void {
    for (let band = 0; band < this.bands; band += 1) {
      let key = band;
      for (let row = 0; row < this.#rows; row += 1) key = mixed(key, this.#least(shingles, band * this.#rows + row));
      keys[band] = key;
    }
  }

  /** The least of the shingles in the order that a permutation puts them into. Signed, because those compare fastest. */
  #least(shingles: Uint32Array, permutation: number): number {
    const factor = this.#factors[permutation] ?? 1;
    const salt = this.#salts[permutation] ?? 0;
    let least = 0x7fff_ffff;
    for (let at = 0; at < shingles.length; at += 1) {
      const value = Math.imul((shingles[at] ?? 0) ^ salt, factor);
      if (value < least) least = value;
    }
    return least;
  }
}

function rowsFor(threshold: number): number {
  for (let rows = mostRows; rows > 1; rows -= 1) if (bandsFor(threshold, rows) <= mostBands) return rows;
  return 1;
}

function bandsFor(threshold: number, rows: number): number {
  // At a threshold of 1 the logarithm is −∞, and one band is enough.
  return Math.max(1, Math.ceil(Math.log(1 - wantedRecall) / Math.log(1 - threshold ** rows)));
}
