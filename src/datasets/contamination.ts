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
/** The same of a text that stands in another one as a whole: a short solution is made of names that any program may have. */
const tellingOfWhole = { prose: 1, code: 2 };

/**
 * Finds benchmark material in training data, in ways that fail differently:
 *
 * - a reference of eight words and more that stands in it as a whole, if it has a word (in code two) that is not everybody's;
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
  /** References of eight words and more, by their first two. */
  readonly #wholes = new Map<string, { readonly reference: string; readonly words: readonly string[] }[]>();
  readonly #paraphrases: ParaphraseIndex;

  constructor(references: Iterable<ReferenceText>) {
    const texts = [...references];
    for (const { reference, text } of texts) {
      const words = wordsOf(text);
      if (words.length >= proseRun && countTelling(words) >= tellingOfWhole[isProse(words) ? 'prose' : 'code']) {
        const beginning = beginningAt(words, 0);
        const known = this.#wholes.get(beginning);
        if (known === undefined) this.#wholes.set(beginning, [{ reference, words }]);
        else known.push({ reference, words });
      }
      for (const run of tellingRuns(words)) {
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
    if (this.#ownerOfRun.size === 0 && this.#wholes.size === 0) return undefined;
    const words = wordsOf(text);
    for (const run of tellingRuns(words, this.#beginnings)) {
      const reference = this.#ownerOfRun.get(run);
      if (reference !== undefined && reference !== null) return { reference, kind: 'copy', words: run };
    }
    return this.#wholeIn(words);
  }

  #wholeIn(words: readonly string[]): ContaminationHit | undefined {
    for (let at = 0; at + proseRun <= words.length; at += 1) {
      const whole = this.#wholes
        .get(beginningAt(words, at))
        ?.find((one) => one.words.every((word, index) => word === words[at + index]));
      if (whole !== undefined)
        return { reference: whole.reference, kind: 'copy', words: whole.words.slice(0, proseRun).join(' ') };
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
    if (beginnings?.has(beginningAt(words, at)) === false) continue;
    const sentence = words.slice(at, at + proseRun);
    if (isProse(sentence)) {
      if (countTelling(sentence) >= tellingWords.prose) yield sentence.join(' ');
      continue;
    }
    const code = words.slice(at, at + codeRun);
    if (code.length === codeRun && countTelling(code) >= tellingWords.code) yield code.join(' ');
  }
}

function beginningAt(words: readonly string[], at: number): string {
  return `${words[at]} ${words[at + 1]}`;
}

function countTelling(words: readonly string[]): number {
  return new Set(words.filter((word) => !isCommon(word))).size;
}
