import { distance } from 'fastest-levenshtein';

/** Nobody mistypes a word of this length into another one; and what is compared costs its length squared. */
const longestWord = 64;
/** More names than anybody chooses from. */
const maximumCandidates = 1000;

/**
 * The candidate that a typing slip could have turned into `word` (one edit in three letters, whatever the case; two neighbours
 * that changed places are one), if there is one: what stands behind "did you mean". Of two that are equally near the first. Cheap whatever it is given.
 */
export function nearestName(word: string, candidates: readonly string[]): string | undefined {
  if (word.length > longestWord) return undefined;
  // Something of the word has to be left.
  const limit = Math.min(word.length - 1, Math.max(1, Math.round(word.length / 3)));
  let best: { readonly name: string; readonly edits: number } | undefined;
  for (const name of candidates.slice(0, maximumCandidates)) {
    if (Math.abs(name.length - word.length) > limit) continue;
    const [lower, other] = [word.toLowerCase(), name.toLowerCase()];
    const edits = isSwapped(lower, other) ? 1 : distance(lower, other);
    if (edits <= limit && edits < (best?.edits ?? Number.POSITIVE_INFINITY)) best = { name, edits };
  }
  return best?.name;
}

/** Whether two neighbouring letters changed places, and that is all. */
function isSwapped(word: string, name: string): boolean {
  let first = 0;
  while (first < word.length && word[first] === name[first]) first += 1;
  const [one, other] = [word[first], word[first + 1]];
  return other !== undefined && word.slice(0, first) + other + one + word.slice(first + 2) === name;
}
