import type { Sha256 } from '../../../base/hash.js';
import { onAbort } from '../../../base/on-abort.js';

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
      const leave = onAbort(signal, () => {
        waiters.delete(waiter);
        if (waiters.size === 0) {
          this.#waiters.delete(request);
          onNobody();
        }
        reject(signal.reason);
      });
      const waiter: Waiter<Outcome> = {
        settle: (outcome) => {
          leave();
          resolve(outcome);
        },
        fail: (error) => {
          leave();
          reject(error);
        },
      };
      waiters.add(waiter);
    });
  }

  settle(request: Sha256, outcome: Outcome): void {
    for (const waiter of this.#take(request)) waiter.settle(outcome);
  }

  fail(request: Sha256, error: unknown): void {
    for (const waiter of this.#take(request)) waiter.fail(error);
  }

  failAll(error: unknown): void {
    for (const request of [...this.#waiters.keys()]) this.fail(request, error);
  }

  #take(request: Sha256): Iterable<Waiter<Outcome>> {
    const waiters = this.#waiters.get(request) ?? [];
    this.#waiters.delete(request);
    return waiters;
  }
}
