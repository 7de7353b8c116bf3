import { isCommon, isProse } from './common-words.js';
import type { ContaminationHit, ReferenceText } from './reference-text.js';
import { meaningsOf, wordsOf } from './words.js';

/** How alike two tasks must be to count as one (0 to 1), chosen on paraphrases of `mini` and on public tasks; see docs/filters.md. */
const ALIKE = 0.33;
/** Telling words that both must have: a short task has too few to be told from others. */
const FEWEST = 3;
/** What a word that stands in any task weighs next to one that does not. */
const COMMON_WEIGHT = 0.12;
/** Longest text that is compared as a whole, in words: a task, not a document. */
const LONGEST = 1500;

interface Known {
  readonly reference: string;
  readonly weight: number;
}

/**
 * Knows tasks again that say the same in other words. Each text is the set of what its words mean (`meaningsOf`), a word that stands in many
 * references or in any task weighs little, and the measure is the cosine of two such sets. Code is not compared: different tasks
 * have much the same words there.
 */
export class ParaphraseIndex {
  readonly #known: Known[] = [];
  /** For each word the references that have it, and what it weighs. */
  readonly #postings = new Map<string, { readonly weight: number; readonly references: readonly number[] }>();

  constructor(references: Iterable<ReferenceText>) {
    const texts = [...references].filter(({ text }) => isTask(text));
    const sets = texts.map(({ text }) => featuresOf(text));
    const owners = new Map<string, Set<string>>();
    const holders = new Map<string, number[]>();
    for (const [index, set] of sets.entries()) {
      for (const word of set) {
        owners.set(word, (owners.get(word) ?? new Set()).add(texts[index]?.reference ?? ''));
        holders.set(word, [...(holders.get(word) ?? []), index]);
      }
    }
    for (const [word, list] of holders) {
      const rarity = 1 / (1 + Math.log2(owners.get(word)?.size ?? 1));
      this.#postings.set(word, { weight: weightOf(word) * rarity, references: list });
    }
    for (const [index, set] of sets.entries()) {
      let square = 0;
      for (const word of set) square += (this.#postings.get(word)?.weight ?? 0) ** 2;
      this.#known.push({ reference: texts[index]?.reference ?? '', weight: Math.sqrt(square) });
    }
  }

  /** The reference that is most like the text, if any is alike enough. */
  find(text: string): ContaminationHit | undefined {
    if (this.#known.length === 0) return undefined;
    const set = featuresOf(text);
    const shared = new Map<number, { sum: number; words: string[] }>();
    let square = 0;
    for (const word of set) {
      const posting = this.#postings.get(word);
      const weight = posting?.weight ?? weightOf(word);
      square += weight ** 2;
      for (const index of posting?.references ?? []) {
        const one = shared.get(index) ?? { sum: 0, words: [] };
        one.sum += weight ** 2;
        if (!isCommon(word)) one.words.push(word);
        shared.set(index, one);
      }
    }
    let best: { reference: string; score: number; words: string[] } | undefined;
    for (const [index, { sum, words }] of shared) {
      const { reference, weight } = this.#known[index] ?? { reference: '', weight: 0 };
      const score = sum / (weight * Math.sqrt(square));
      if (words.length >= FEWEST && score >= ALIKE && (best === undefined || score > best.score))
        best = { reference, score, words };
    }
    return best && { reference: best.reference, kind: 'paraphrase', words: best.words.join(' ') };
  }
}

function weightOf(word: string): number {
  return isCommon(word) ? COMMON_WEIGHT : 1;
}

function featuresOf(text: string): ReadonlySet<string> {
  return new Set(meaningsOf(text).slice(0, LONGEST));
}

/** Whether a reference asks for something in sentences; its tests and solutions do not. */
function isTask(text: string): boolean {
  const words = wordsOf(text);
  return (
    isProse(words) &&
    words.length <= LONGEST &&
    !/^\s*(?:#include|import |from \w+ import|package |const |export )/.test(text)
  );
}
