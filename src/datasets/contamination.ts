import { wordRuns, wordsOf } from './words.js';

/** A text that training data must not contain. */
export interface ReferenceText {
  /** Names it in messages, e.g. `mini/py-find-users`. Texts of one problem share it. */
  readonly reference: string;
  readonly text: string;
}

export interface ContaminationHit {
  readonly reference: string;
  /** The words that both texts have in a row. */
  readonly words: string;
}

/** Words in a row that count as copied: the length that s1 and open-r1 use against their benchmarks. */
const runLength = 8;

/**
 * Finds benchmark material in training data by runs of eight words, after folding case and punctuation.
 * A run that stands in several problems of the benchmark is its boilerplate ("write a Python function that takes a list
 * of"), not a sign of any one of them, and does not count; nor do texts of fewer than eight words unless they are equal.
 */
export class ContaminationIndex {
  readonly #ownerOfRun = new Map<string, string | null>();

  constructor(references: Iterable<ReferenceText>) {
    for (const { reference, text } of references) {
      for (const run of wordRuns(wordsOf(text), runLength)) {
        const owner = this.#ownerOfRun.get(run);
        this.#ownerOfRun.set(run, owner === undefined || owner === reference ? reference : null);
      }
    }
  }

  /** The first run that the text shares with a reference. */
  find(text: string): ContaminationHit | undefined {
    for (const run of wordRuns(wordsOf(text), runLength)) {
      const reference = this.#ownerOfRun.get(run);
      if (reference !== undefined && reference !== null) return { reference, words: run };
    }
    return undefined;
  }
}
