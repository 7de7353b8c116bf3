import { onAbort } from '../../base/on-abort.js';

/**
 * How a call of `ask` ends that cannot go on. Attempts that are under way then may still be answered, and whoever answers
 * them wants to be paid, so they are waited for and their answers kept.
 */
export class Ending {
  #error: unknown;
  #ends = false;
  #underway = 0;
  #waiting: (() => void)[] = [];

  get ends(): boolean {
    return this.#ends;
  }

  /** How many attempts are under way. */
  get underway(): number {
    return this.#underway;
  }

  /** An attempt begins; the returned function must be called when its answer, if there is one, is kept. */
  begin(): () => void {
    this.#underway += 1;
    return () => {
      this.#underway -= 1;
      if (this.#underway > 0) return;
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const wake of waiting) wake();
    };
  }

  /** Waits for what is under way and throws the first error that was given, or `signal.reason`. */
  async end(error: unknown, signal: AbortSignal): Promise<never> {
    if (!this.#ends) this.#error = error;
    this.#ends = true;
    if (this.#underway > 0) {
      await new Promise<void>((resolve) => {
        const leave = onAbort(signal, resolve);
        this.#waiting.push(() => {
          leave();
          resolve();
        });
      });
    }
    signal.throwIfAborted();
    throw this.#error;
  }
}
