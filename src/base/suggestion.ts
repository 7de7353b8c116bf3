import { distance } from 'fastest-levenshtein';

/** Nobody mistypes a word of this length into another one; and what is compared costs its length squared. */
const longestWord = 64;
/** More names than anybody chooses from. */
const maximumCandidates = 1000;

/**
 * The candidate that a typing slip could have turned into `word` (one edit in three letters, whatever the case), if there
 * is one: what stands behind "did you mean". Of two that are equally near the first. Cheap whatever it is given.
 */
export function nearestName(word: string, candidates: readonly string[]): string | undefined {
  if (word.length > longestWord) return undefined;
  // Something of the word has to be left.
  const limit = Math.min(word.length - 1, Math.max(1, Math.round(word.length / 3)));
  let best: { readonly name: string; readonly edits: number } | undefined;
  for (const name of candidates.slice(0, maximumCandidates)) {
    if (Math.abs(name.length - word.length) > limit) continue;
    const edits = distance(word.toLowerCase(), name.toLowerCase());
    if (edits <= limit && edits < (best?.edits ?? Number.POSITIVE_INFINITY)) best = { name, edits };
  }
  return best?.name;
}
