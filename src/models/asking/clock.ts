import { setTimeout as sleep } from 'node:timers/promises';

/** Time and chance, so that tests can hold both still. */
export interface Clock {
  /** Milliseconds; only differences mean something. */
  now(): number;
  /** Throws `signal.reason` when aborted. */
  sleep(milliseconds: number, signal: AbortSignal): Promise<void>;
  /** From 0 up to 1. */
  random(): number;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  async sleep(milliseconds, signal) {
    signal.throwIfAborted();
    try {
      await sleep(milliseconds, undefined, { signal });
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    }
  },
  random: Math.random,
};
