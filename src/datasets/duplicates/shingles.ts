import { hashOfText, mixed } from '../mix.js';
import { wordsOf } from '../words.js';

/** Words in a row that make one shingle. */
const shingleWords = 3;

/**
 * Sorted 32-bit hashes of a text's distinct word 3-grams. A shorter text is one shingle by itself, an empty one has none. The hash is a
 * quick one: a cryptographic one took most of the time.
 */
export function shinglesOf(text: string): Uint32Array {
  const words = wordsOf(text);
  const hashes = Uint32Array.from(words, hashOfText);
  const runs = Math.max(Math.min(1, words.length), words.length - shingleWords + 1);
  const shingles = new Uint32Array(runs);
  for (let run = 0; run < runs; run += 1) {
    let hash = 0;
    for (let at = run; at < Math.min(run + shingleWords, words.length); at += 1) hash = mixed(hash, hashes[at] ?? 0);
    shingles[run] = hash;
  }
  return distinct(shingles.sort());
}

/** What is left of a sorted list without repetitions. */
function distinct(sorted: Uint32Array): Uint32Array {
  let kept = 0;
  for (let at = 0; at < sorted.length; at += 1) {
    const value = sorted[at] ?? 0;
    if (kept > 0 && sorted[kept - 1] === value) continue;
    sorted[kept] = value;
    kept += 1;
  }
  return sorted.subarray(0, kept);
}
