/** Texts whose keys lie together: one allocation for so many, so that growing never copies what is there. */
const textsInPart = 4096;
const firstBuckets = 1024;

/**
 * Which texts have a key in a band: a hash table for each band, all in typed arrays. A JavaScript `Map` ends at 2^24 entries, which half a million
 * texts fill, and takes ten times the memory. Colliding texts hang in chains, the newest first. Memory: 12 to 16 bytes a text and band.
 */
export class BandIndex {
  readonly #bands: number;
  /** Of each band: by bucket, the newest text in it, counting from 1; 0 for none. */
  #heads: readonly Uint32Array[];
  /** By text and band: its key, and the text before it in its bucket. */
  readonly #keys: Uint32Array[] = [];
  readonly #before: Uint32Array[] = [];
  #texts = 0;

  constructor(bands: number) {
    this.#bands = bands;
    this.#heads = this.#empty(firstBuckets);
  }

  /** Adds a text; its number is how many there were before it. */
  add(keys: Uint32Array): void {
    if (this.#texts === this.#heads[0]?.length) this.#grow();
    const text = this.#texts;
    const place = (text % textsInPart) * this.#bands;
    if (place === 0) {
      this.#keys.push(new Uint32Array(textsInPart * this.#bands));
      this.#before.push(new Uint32Array(textsInPart * this.#bands));
    }
    this.#keys.at(-1)?.set(keys, place);
    this.#texts += 1;
    for (let band = 0; band < this.#bands; band += 1) this.#hang(text, band, keys[band] ?? 0);
  }

  /**
   * Calls `found` for each text that has the key in this band, the newest first, looking at no more than `most` of its bucket: where thousands
   * share a key it says nothing about any of them, and time would grow with the square.
   */
  each(band: number, key: number, most: number, found: (text: number) => void): void {
    const heads = this.#heads[band] ?? new Uint32Array(1);
    let next = heads[key & (heads.length - 1)] ?? 0;
    for (let step = 0; next !== 0 && step < most; step += 1) {
      const text = next - 1;
      const part = Math.floor(text / textsInPart);
      const place = (text % textsInPart) * this.#bands + band;
      if (this.#keys[part]?.[place] === key) found(text);
      next = this.#before[part]?.[place] ?? 0;
    }
  }

  #hang(text: number, band: number, key: number): void {
    const heads = this.#heads[band];
    const before = this.#before[Math.floor(text / textsInPart)];
    if (heads === undefined || before === undefined) return;
    const bucket = key & (heads.length - 1);
    before[(text % textsInPart) * this.#bands + band] = heads[bucket] ?? 0;
    heads[bucket] = text + 1;
  }

  /** Twice the buckets; in them every text hangs where it did, behind those that came later. */
  #grow(): void {
    this.#heads = this.#empty(2 * (this.#heads[0]?.length ?? firstBuckets));
    for (let text = 0; text < this.#texts; text += 1) {
      const keys = this.#keys[Math.floor(text / textsInPart)];
      const place = (text % textsInPart) * this.#bands;
      for (let band = 0; band < this.#bands; band += 1) this.#hang(text, band, keys?.[place + band] ?? 0);
    }
  }

  #empty(buckets: number): readonly Uint32Array[] {
    return Array.from({ length: this.#bands }, () => new Uint32Array(buckets));
  }
}
