import { isCommon, isProse } from './common-words.js';
import { ParaphraseIndex } from './paraphrase.js';
import type { ContaminationHit, ReferenceText } from './reference-text.js';
import { wordRuns, wordsOf } from './words.js';

/** Words in a row that count as copied in prose: the length that s1 and open-r1 use against their benchmarks. */
const proseRun = 8;
/** In code, where names and idioms recur: the length that Tülu 3 uses. */
const codeRun = 13;
/** Different words in a run that do not stand in any task or program. With fewer it is boilerplate. */
const tellingWords = { prose: 3, code: 4 };

/**
 * Finds benchmark material in training data, in three ways that fail differently:
 *
 * - prose by runs of eight words, code by runs of thirteen, after folding case and punctuation;
 * - what is left of a copy of which every few words were changed, and paraphrases, by what their words mean (`ParaphraseIndex`).
 *
 * A run does not count when it is boilerplate: made of words that everybody uses (`isCommon`), or found in several problems of the benchmark ("write
 * a Python function that takes a list of"). Texts of fewer than eight words count when they are equal.
 */
export class ContaminationIndex {
  readonly #ownerOfRun = new Map<string, string | null>();
  /** The first two words of every run, by which nearly all runs of other texts are passed over. */
  readonly #beginnings = new Set<string>();
  readonly #paraphrases: ParaphraseIndex;

  constructor(references: Iterable<ReferenceText>) {
    const texts = [...references];
    for (const { reference, text } of texts) {
      for (const run of tellingRuns(wordsOf(text))) {
        const owner = this.#ownerOfRun.get(run);
        this.#ownerOfRun.set(run, owner === undefined || owner === reference ? reference : null);
        this.#beginnings.add(run.split(' ', 2).join(' '));
      }
    }
    this.#paraphrases = new ParaphraseIndex(texts);
  }

  /** What a task has of a reference: words in a row, or its meaning. */
  find(text: string): ContaminationHit | undefined {
    return this.findCopy(text) ?? this.#paraphrases.find(text);
  }

  /** The first words in a row that a text has of a reference: for answers, whose words are much the same for different tasks. */
  findCopy(text: string): ContaminationHit | undefined {
    if (this.#ownerOfRun.size === 0) return undefined;
    for (const run of tellingRuns(wordsOf(text), this.#beginnings)) {
      const reference = this.#ownerOfRun.get(run);
      if (reference !== undefined && reference !== null) return { reference, kind: 'copy', words: run };
    }
    return undefined;
  }
}

/**
 * The runs that say which text they are from: of eight words that read like a sentence, of thirteen that do not.
 * @param beginnings only those whose first two words are one of these.
 */
function* tellingRuns(words: readonly string[], beginnings?: ReadonlySet<string>): Iterable<string> {
  if (words.length <= proseRun) {
    yield* wordRuns(words, proseRun);
    return;
  }
  for (let at = 0; at + proseRun <= words.length; at += 1) {
    if (beginnings?.has(`${words[at]} ${words[at + 1]}`) === false) continue;
    const sentence = words.slice(at, at + proseRun);
    if (isProse(sentence)) {
      if (countTelling(sentence) >= tellingWords.prose) yield sentence.join(' ');
      continue;
    }
    const code = words.slice(at, at + codeRun);
    if (code.length === codeRun && countTelling(code) >= tellingWords.code) yield code.join(' ');
  }
}

function countTelling(words: readonly string[]): number {
  return new Set(words.filter((word) => !isCommon(word))).size;
}
