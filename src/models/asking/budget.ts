import type { BudgetLimit } from '../model-spec.js';

/** Money and tokens, bought or about to be. */
export interface Amount {
  readonly usd: number;
  readonly tokens: number;
}

export interface Reservation {
  /** Puts what was really used in the place of what was set aside. */
  settle(used: Amount): void;
}

/**
 * A hard stop. What an attempt may cost at most is set aside before it is made, so the limit is not passed whatever is in
 * flight; near the end, attempts wait for each other. Once something no longer fits, the budget stays spent.
 */
export class Budget {
  readonly #limit: BudgetLimit;
  #used: Amount = { usd: 0, tokens: 0 };
  #reserved: Amount = { usd: 0, tokens: 0 };
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
  expect(): (cost: Amount | undefined) => void {
    this.#expected += 1;
    return (cost) => {
      this.#expected -= 1;
      if (cost !== undefined) this.#used = add(this.#used, cost);
      this.#wakeAll();
    };
  }

  /** In words, for messages. */
  get limitText(): string {
    const { usd, tokens } = this.#limit;
    const parts = [usd === undefined ? [] : [`${usd} USD`], tokens === undefined ? [] : [`${tokens} tokens`]];
    return parts.flat().join(' and ');
  }

  /** Sets the amount aside in all of `budgets`, or returns the one that is spent. Throws `signal.reason`. */
  static async reserve(budgets: readonly Budget[], amount: Amount, signal: AbortSignal): Promise<Reservation | Budget> {
    for (;;) {
      signal.throwIfAborted();
      const spent = budgets.find((budget) => budget.#spent);
      if (spent !== undefined) return spent;
      const unsure = budgets.find((budget) => budget.#expected > 0);
      if (unsure !== undefined) {
        await unsure.#change(signal);
        continue;
      }
      const tight = budgets.find((budget) => !budget.#fits(amount));
      if (tight === undefined) break;
      if (tight.#reservations === 0) {
        tight.#spent = true;
        tight.#wakeAll();
        return tight;
      }
      await tight.#change(signal);
    }
    for (const budget of budgets) budget.#take(amount);
    return {
      settle: (used) => {
        for (const budget of budgets) budget.#settle(amount, used);
      },
    };
  }

  #fits(amount: Amount): boolean {
    const total = add(add(this.#used, this.#reserved), amount);
    const { usd = Number.POSITIVE_INFINITY, tokens = Number.POSITIVE_INFINITY } = this.#limit;
    return total.usd <= usd && total.tokens <= tokens;
  }

  #take(amount: Amount): void {
    this.#reserved = add(this.#reserved, amount);
    this.#reservations += 1;
  }

  #settle(amount: Amount, used: Amount): void {
    this.#reservations -= 1;
    this.#reserved =
      this.#reservations === 0
        ? { usd: 0, tokens: 0 }
        : add(this.#reserved, { usd: -amount.usd, tokens: -amount.tokens });
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
      const wake = (): void => {
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#waiting.push(wake);
      signal.addEventListener('abort', wake, { once: true });
    });
  }
}

function add(a: Amount, b: Amount): Amount {
  return { usd: a.usd + b.usd, tokens: a.tokens + b.tokens };
}
