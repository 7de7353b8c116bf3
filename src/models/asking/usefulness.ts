import { SecpiError } from '../../base/errors.js';
import type { AskOutcome } from '../chat.js';
import type { Notices } from './notices.js';

/**
 * Whether a model's answers are of any use to one call of `ask`. One that never answers in the form that is asked for would otherwise be paid for every row of a
 * dataset, three times over, before somebody learns of it.
 */
export class Usefulness {
  readonly #model: string;
  readonly #notices: Pick<Notices, 'note'>;
  readonly #giveUpAfter: number;
  #useless = 0;
  #useful = false;

  /** `giveUpAfter` rows may come out without an answer that can be used before one comes out with one; 0 are any number. */
  constructor(model: string, giveUpAfter: number, notices: Pick<Notices, 'note'>) {
    this.#model = model;
    this.#giveUpAfter = giveUpAfter;
    this.#notices = notices;
  }

  /** An answer that was bought just now cannot be used, and the question is asked again. */
  askedAgain(why: string): void {
    this.#notices.note('unusable', 'warn', `${this.#model}: an answer cannot be used, and is asked for again: ${why}`);
  }

  /** What came of a row. An error, `models/nothing-usable`, when enough have come out and none with an answer of use. */
  settled(outcome: AskOutcome<unknown>): SecpiError | undefined {
    if (outcome.ok) this.#useful = true;
    if (outcome.ok || this.#useful || (outcome.reason !== 'unparsable' && outcome.reason !== 'truncated'))
      return undefined;
    this.#useless += 1;
    if (this.#useless !== this.#giveUpAfter) return undefined;
    const mend =
      outcome.reason === 'truncated'
        ? 'Give its `sampling.max_tokens` more room.'
        : 'Another model may be needed, or a further field that makes it answer in form (`request: { response_format: … }`).';
    return new SecpiError(
      'models/nothing-usable',
      `None of the first ${this.#useless} questions to \`${this.#model}\` got an answer that can be used; of the last one, ${outcome.message}`,
      { hint: `${mend} Every answer so far is kept; \`models.${this.#model}.give_up_after: 0\` goes on all the same.` },
    );
  }
}
