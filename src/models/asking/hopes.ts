import { SecpiError } from '../../base/errors.js';
import type { Throttle } from './pace/throttle.js';
import type { AttemptFailure } from './wire/attempt-failure.js';

/** So many refusals before the first answer mean that the server refuses us, not the questions. */
const REFUSALS_BEFORE_GIVING_UP = 8;

/** Whether there is any in asking a model on, or whether what went wrong would meet every other question too. */
export class Hopes {
  readonly #name: string;
  readonly #throttle: Pick<Throttle, 'hasAnswered'>;
  #refusals = 0;

  constructor(name: string, throttle: Pick<Throttle, 'hasAnswered'>) {
    this.#name = name;
    this.#throttle = throttle;
  }

  /** `where`: which of several endpoints, for messages. Throws `models/unauthorised`, `models/forbidden`, `models/no-such-model`, `models/no-credit`, `models/refused`. */
  throwIfNone({ fatal, reason, message }: Pick<AttemptFailure, 'fatal' | 'reason' | 'message'>, where = ''): void {
    const { hasAnswered } = this.#throttle;
    if (fatal !== undefined && !(fatal === 'forbidden' && hasAnswered)) {
      throw new SecpiError(`models/${fatal}`, `Model "${this.#name}"${where} cannot be asked: ${message}`, {
        hint: this.#hintFor(fatal),
      });
    }
    if (reason !== 'refused') return;
    this.#refusals += 1;
    if (hasAnswered || this.#refusals < REFUSALS_BEFORE_GIVING_UP) return;
    throw new SecpiError(
      'models/refused',
      `Model "${this.#name}"${where} has refused all of the first ${this.#refusals} questions; the last time: ${message}`,
      { hint: 'Check that the model takes this max_tokens and this format.' },
    );
  }

  /** Throws `models/unreachable`; for when the attempts at one question are used up. */
  throwIfNeverAnswered({ message }: AttemptFailure, where: string): void {
    if (this.#throttle.hasAnswered) return;
    throw new SecpiError(
      'models/unreachable',
      `Model "${this.#name}"${where} has not answered a single time: ${message}`,
      { hint: 'Check that its endpoint is right (it should include /v1) and that the server is up.' },
    );
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
