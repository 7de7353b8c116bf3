import { BandIndex } from './band-index.js';
import { MinHash } from './min-hash.js';
import { shinglesOf } from './shingles.js';
import { type Sketch, Sketches, similarity, sketchOf } from './sketches.js';

/** A near duplicate of something seen before. */
export interface NearDuplicate {
  /** The earlier text: how many were added before it. */
  readonly of: number;
  /** Jaccard similarity of their word 3-gram sets, 0 to 1; exact up to 128 of them. */
  readonly similarity: number;
}

/** Texts of one bucket that are looked at; where more share one, other bands tell them apart. */
const mostOfABucket = 32;

/**
 * MinHash finds candidates, their Jaccard similarity decides. Texts are compared with those that were added before them, so that the first of
 * a group stays. Memory: about 650 bytes for a text of 60 words.
 */
export class NearDuplicates {
  readonly #threshold: number;
  readonly #minHash: MinHash;
  readonly #index: BandIndex;
  readonly #sketches = new Sketches();
  readonly #keys: Uint32Array;

  /** `threshold`: Jaccard similarity from which two texts count as the same, above 0 and at most 1. */
  constructor(threshold: number) {
    this.#threshold = threshold;
    this.#minHash = new MinHash(threshold);
    this.#index = new BandIndex(this.#minHash.bands);
    this.#keys = new Uint32Array(this.#minHash.bands);
  }

  /** The most similar text at or above the threshold of those that were added. */
  find(text: string): NearDuplicate | undefined {
    const shingles = shinglesOf(text);
    this.#minHash.keysOf(shingles, this.#keys);
    return this.#mostLike(sketchOf(shingles));
  }

  /** The most similar earlier text at or above the threshold; without one the text is added. */
  add(text: string): NearDuplicate | undefined {
    const shingles = shinglesOf(text);
    const sketch = sketchOf(shingles);
    this.#minHash.keysOf(shingles, this.#keys);
    const best = this.#mostLike(sketch);
    if (best !== undefined) return best;
    this.#index.add(this.#keys);
    this.#sketches.add(sketch);
    return undefined;
  }

  /** Of a text whose keys are in `#keys`. */
  #mostLike(sketch: Sketch): NearDuplicate | undefined {
    let best: NearDuplicate | undefined;
    const seen = new Set<number>();
    const look = (of: number): void => {
      if (seen.has(of)) return;
      seen.add(of);
      const size = this.#sketches.sizeOf(of);
      // Sets of such different sizes cannot be alike, whatever is in them.
      if (Math.min(size, sketch.size) < this.#threshold * Math.max(size, sketch.size)) return;
      const likeness = similarity(sketch, this.#sketches.at(of));
      if (likeness < this.#threshold) return;
      // Of several that are as much alike, the first: which bands met it is chance.
      if (best === undefined || likeness > best.similarity || (likeness === best.similarity && of < best.of))
        best = { of, similarity: likeness };
    };
    for (let band = 0; band < this.#minHash.bands; band += 1)
      this.#index.each(band, this.#keys[band] ?? 0, mostOfABucket, look);
    return best;
  }
}
