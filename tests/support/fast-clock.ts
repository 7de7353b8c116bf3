import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../../src/models/asking/clock.js';

/** A hundred times as fast as the real one, so that backing off and polling take no time. */
export const fastClock: Clock = {
  now: () => performance.now() * 100,
  sleep: (milliseconds, signal) =>
    sleep(milliseconds / 100, undefined, { signal }).catch(() => {
      throw signal.reason;
    }),
  random: Math.random,
};
