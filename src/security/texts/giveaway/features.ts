import { doubled } from '../../../base/doubled.js';

/** Bits of a feature's number: so many different ones are told apart. */
export const FEATURE_BITS = 18;

/** Words in a row, and words of a pair whose middle is left out, that count as a feature. */
const LONGEST_RUN = 3;
const LONGEST_GAP = 3;
/** Letters in a row, across the ends of words: so words that are related look related. */
const LETTERS = { from: 4, to: 6 };

const TOKEN = /[a-z_]+|\d+|[`?!]/g;
/** What is remembered of a passage are 32 bits. */
const LAST_PASSAGE = 2 ** 32 - 1;
const PRIME = 0x01000193;
const SEED = { words: 0x811c9dc5, pairs: 0x2f6b1d37, letters: 0x5d3a90c1 };

/**
 * Numbers what stands in passages: words, runs of words and letters, pairs of words (Weinberger et al. 2009: by their hashes, and what meets in one number
 * counts as one). Code in backticks counts as one word: what is given away is said in words.
 */
export class FeatureReader {
  /** In which passage a number was last seen. */
  readonly #seen = new Uint32Array(1 << FEATURE_BITS);
  #passage = 0;
  #found = new Uint32Array(4096);
  #count = 0;

  /** The numbers, each once, in the order of the passage. They are overwritten by the next one's. */
  read(passage: string): Uint32Array {
    if (this.#passage === LAST_PASSAGE) {
      this.#seen.fill(0);
      this.#passage = 0;
    }
    this.#passage += 1;
    this.#count = 0;
    const tokens =
      passage
        .toLowerCase()
        .replaceAll('’', "'")
        .replace(/`[^`\n]*`/g, ' ` ')
        .match(TOKEN) ?? [];
    // The beginning and the end count as words.
    this.#readWords([1, ...tokens.map(hashOf), 2]);
    this.#readLetters(tokens.join(' '));
    return this.#found.subarray(0, this.#count);
  }

  #readWords(hashes: readonly number[]): void {
    for (let at = 0; at < hashes.length; at += 1) {
      let run = SEED.words;
      for (let to = at; to < Math.min(at + LONGEST_RUN, hashes.length); to += 1) {
        run = step(run, hashes[to] ?? 0);
        this.#add(run);
      }
      for (let gap = 2; gap <= LONGEST_GAP && at + gap < hashes.length; gap += 1)
        this.#add(step(step(SEED.pairs + gap, hashes[at] ?? 0), hashes[at + gap] ?? 0));
    }
  }

  #readLetters(line: string): void {
    for (let at = 0; at < line.length; at += 1) {
      let run = SEED.letters;
      for (let to = at; to < Math.min(at + LETTERS.to, line.length); to += 1) {
        run = step(run, line.charCodeAt(to));
        if (to - at + 1 >= LETTERS.from) this.#add(run);
      }
    }
  }

  #add(hash: number): void {
    const number = mixed(hash) & ((1 << FEATURE_BITS) - 1);
    if (this.#seen[number] === this.#passage) return;
    this.#seen[number] = this.#passage;
    if (this.#count === this.#found.length) this.#found = doubled(this.#found);
    this.#found[this.#count] = number;
    this.#count += 1;
  }
}

/** A step of FNV-1a. */
function step(hash: number, value: number): number {
  return Math.imul(hash ^ value, PRIME);
}

function hashOf(word: string): number {
  let hash = SEED.words;
  for (let at = 0; at < word.length; at += 1) hash = step(hash, word.charCodeAt(at));
  return hash;
}

/** The last step of MurmurHash3: all bits of the hash count in each of its bits. */
function mixed(hash: number): number {
  let bits = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
