import type { Sha256 } from '../../../base/hash.js';

interface Waiter<Outcome> {
  readonly settle: (outcome: Outcome) => void;
  readonly fail: (error: unknown) => void;
}

/** Who waits for what becomes of which question. */
export class Waiting<Outcome> {
  readonly #waiters = new Map<Sha256, Set<Waiter<Outcome>>>();

  has(request: Sha256): boolean {
    return this.#waiters.has(request);
  }

  /** Throws `signal.reason`; `onNobody` is called then if nobody else waits for it. */
  wait(request: Sha256, signal: AbortSignal, onNobody: () => void): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(signal.reason);
        return;
      }
      const waiters = this.#waiters.get(request) ?? new Set();
      this.#waiters.set(request, waiters);
      const done = (end: () => void): void => {
        signal.removeEventListener('abort', abort);
        end();
      };
      const waiter: Waiter<Outcome> = {
        settle: (outcome) => done(() => resolve(outcome)),
        fail: (error) => done(() => reject(error)),
      };
      const abort = (): void => {
        waiters.delete(waiter);
        if (waiters.size === 0) {
          this.#waiters.delete(request);
          onNobody();
        }
        reject(signal.reason);
      };
      signal.addEventListener('abort', abort, { once: true });
      waiters.add(waiter);
    });
  }

  settle(request: Sha256, outcome: Outcome): void {
    for (const waiter of this.#take(request)) waiter.settle(outcome);
  }

  fail(request: Sha256, error: unknown): void {
    for (const waiter of this.#take(request)) waiter.fail(error);
  }

  #take(request: Sha256): Iterable<Waiter<Outcome>> {
    const waiters = this.#waiters.get(request) ?? [];
    this.#waiters.delete(request);
    return waiters;
  }
}
