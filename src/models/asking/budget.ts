import { SecpiError } from '../../base/errors.js';
import { onAbort } from '../../base/on-abort.js';
import type { AnswerKey } from '../answers/answer-row.js';
import type { BudgetLimit } from '../model-spec.js';
import { SeenAnswers } from './seen-answers.js';

/** Money and tokens, bought or about to be. */
export interface Amount {
  readonly usd: number;
  readonly tokens: number;
}

export interface Reservation {
  /** Puts what was really used in the place of what was set aside; `key` is the answer that it brought. */
  settle(used: Amount, key?: AnswerKey): void;
}

/**
 * A hard stop for all that one run asks of a model. What an attempt may cost at most is set aside before it is made, so
 * the limit is not passed whatever is in flight; near the end, attempts wait for each other. Once something no longer fits,
 * the budget stays spent. Each answer is counted once, however often it is used.
 */
export class Budget {
  readonly #limit: BudgetLimit;
  readonly #counted = new SeenAnswers();
  #used: Amount = nothing;
  #reserved: Amount = nothing;
  #reservations = 0;
  #expected = 0;
  #waiting: (() => void)[] = [];
  #spent = false;

  constructor(limit: BudgetLimit) {
    this.#limit = limit;
  }

  /**
   * Announces an answer that may have been bought earlier; nothing is set aside until it is known what it cost. Such an
   * answer is never refused. The returned function must be called once.
   */
  expect(key: AnswerKey): (cost: Amount | undefined) => void {
    this.#expected += 1;
    return (cost) => {
      this.#expected -= 1;
      if (cost !== undefined && this.#counted.add(key)) this.#used = add(this.#used, cost);
      this.#wakeAll();
    };
  }

  /** What to throw when `next` could not be set aside; `name` is the model's. */
  spentError(name: string, next: Amount): SecpiError {
    const [limit, used, wanted] = [this.#limit, this.#used, next].map((amount) => this.#inWords(amount));
    const why =
      this.#used.usd + this.#used.tokens === 0
        ? `is too small for a single question, which may take ${wanted}`
        : `is spent: ${used} went into its answers, and the next one may take ${wanted}`;
    return new SecpiError('models/budget-spent', `The budget of model "${name}" (${limit}) ${why}`, {
      hint: `Every answer so far is kept: raise models.${name}.budget and run the same command again; only what is missing is bought.`,
    });
  }

  /** Sets the amount aside, or returns `undefined` when it does not fit any more. Throws `signal.reason`. */
  async reserve(amount: Amount, signal: AbortSignal): Promise<Reservation | undefined> {
    for (;;) {
      signal.throwIfAborted();
      if (this.#spent) return undefined;
      if (this.#expected === 0) {
        if (this.#fits(amount)) break;
        if (this.#reservations === 0) {
          this.#spent = true;
          this.#wakeAll();
          return undefined;
        }
      }
      await this.#change(signal);
    }
    this.#reserved = add(this.#reserved, amount);
    this.#reservations += 1;
    return {
      settle: (used, key) => this.#settle(amount, used, key),
    };
  }

  /** In the units of the limit: `20 USD and 1000 tokens`. */
  #inWords({ usd, tokens }: { readonly usd?: number | undefined; readonly tokens?: number | undefined }): string {
    const parts = [
      this.#limit.usd === undefined || usd === undefined ? [] : [`${Number(usd.toPrecision(4))} USD`],
      this.#limit.tokens === undefined || tokens === undefined ? [] : [`${tokens} tokens`],
    ];
    return parts.flat().join(' and ');
  }

  #fits(amount: Amount): boolean {
    const total = add(add(this.#used, this.#reserved), amount);
    const { usd = Number.POSITIVE_INFINITY, tokens = Number.POSITIVE_INFINITY } = this.#limit;
    return total.usd <= usd && total.tokens <= tokens;
  }

  #settle(amount: Amount, used: Amount, key: AnswerKey | undefined): void {
    this.#reservations -= 1;
    this.#reserved =
      this.#reservations === 0 ? nothing : add(this.#reserved, { usd: -amount.usd, tokens: -amount.tokens });
    if (key !== undefined) this.#counted.add(key);
    this.#used = add(this.#used, used);
    this.#wakeAll();
  }

  #wakeAll(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }

  async #change(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const leave = onAbort(signal, resolve);
      this.#waiting.push(() => {
        leave();
        resolve();
      });
    });
  }
}

const nothing: Amount = { usd: 0, tokens: 0 };

function add(a: Amount, b: Amount): Amount {
  return { usd: a.usd + b.usd, tokens: a.tokens + b.tokens };
}
