import { SecpiError } from '../../base/errors.js';
import type { Throttle } from './pace/throttle.js';
import type { AttemptFailure } from './wire/attempt-failure.js';

/** So many refusals before the first answer mean that the server refuses us, not the questions; where answers are kept from before, more than there are of those. */
const REFUSALS_BEFORE_GIVING_UP = 8;

/** Whether there is any in asking a model on, or whether what went wrong would meet every other question too. */
export class Hopes {
  readonly #name: string;
  readonly #throttle: Pick<Throttle, 'hasAnswered'>;
  #answered = false;
  #kept = 0;
  #refusals = 0;

  constructor(name: string, throttle: Pick<Throttle, 'hasAnswered'>) {
    this.#name = name;
    this.#throttle = throttle;
  }

  /** An answer has come by another way than the throttle's. */
  answered(): void {
    this.#answered = true;
  }

  /**
   * One of these questions was answered earlier. Refusals are not kept, so the questions that a run leaves over may all be
   * ones that are refused: whoever runs it again hears nothing else.
   */
  foundKept(): void {
    this.#kept += 1;
  }

  /** `where`: which of several endpoints, for messages. Throws `models/unauthorised`, `models/forbidden`, `models/no-such-model`, `models/no-credit`, `models/refused`. */
  throwIfNone({ fatal, reason, message }: Pick<AttemptFailure, 'fatal' | 'reason' | 'message'>, where = ''): void {
    if (reason === 'refused') this.#refusals += 1;
    const answers = this.#hasAnswered;
    const few = this.#refusals < REFUSALS_BEFORE_GIVING_UP || this.#refusals <= this.#kept;
    if (fatal !== undefined && !(fatal === 'forbidden' && (answers || (this.#kept > 0 && few)))) {
      throw new SecpiError(`models/${fatal}`, `Model "${this.#name}"${where} cannot be asked: ${message}`, {
        hint: this.#hintFor(fatal),
      });
    }
    if (reason !== 'refused' || answers || few) return;
    const which =
      this.#kept === 0
        ? `all of the first ${this.#refusals} questions`
        : `${this.#refusals} questions and answered none, unlike before`;
    throw new SecpiError(
      'models/refused',
      `Model "${this.#name}"${where} has refused ${which}; the last time: ${message}`,
      { hint: 'Check that the model takes this max_tokens and this format.' },
    );
  }

  /** Throws `models/unreachable`; for when the attempts at one question are used up. */
  throwIfNeverAnswered(failure: AttemptFailure, where: string): void {
    const { message } = failure;
    if (this.#hasAnswered || (this.#kept > 0 && isSomebodyThere(failure))) return;
    throw new SecpiError(
      'models/unreachable',
      `Model "${this.#name}"${where} has not answered a single time: ${message}`,
      { hint: 'Check that its endpoint is right (it should include /v1) and that the server is up.' },
    );
  }

  get #hasAnswered(): boolean {
    return this.#answered || this.#throttle.hasAnswered;
  }

  #hintFor(fatal: NonNullable<AttemptFailure['fatal']>): string {
    const spec = `models.${this.#name}`;
    switch (fatal) {
      case 'unauthorised':
        return `Put a valid key into the environment variable that ${spec}.api_key_env names.`;
      case 'forbidden':
        return 'Check that the key may use this model.';
      case 'no-such-model':
        return `Check ${spec}.model for its spelling, and that the endpoint includes /v1.`;
      case 'no-credit':
        return 'All answers so far are kept: top up the account and run the same command again.';
    }
  }
}

/** Whether what came is the word of a model's server, however bad. */
export function isSomebodyThere({ foreign, reason, reached }: AttemptFailure): boolean {
  return foreign !== true && (reason !== 'transport' || reached === true);
}
