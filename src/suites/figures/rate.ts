import { exactInterval } from './binomial.js';
import type { Interval } from './interval.js';

/** A share of things that were counted one by one, with the 95 % interval of Clopper and Pearson. */
export interface Rate {
  readonly right: number;
  readonly of: number;
  /** `null` of none. */
  readonly share: number | null;
  readonly interval: Interval | null;
}

export function rateOf(right: number, of: number): Rate {
  return { right, of, share: of === 0 ? null : right / of, interval: exactInterval(right, of) };
}
