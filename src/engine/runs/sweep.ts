import { decodeTime, ulid } from 'ulid';
import type { Sha256 } from '../../base/hash.js';
import { Slots } from './slots.js';

/**
 * What runs share that were started together in one process. Each is a run like any other; artifacts and locks already see to it that what
 * two of them need is made once. Beyond that they take turns at what their stages occupy, and what has been tried once in vain, or was
 * made again because a person wanted that, is not tried or made again for the next one.
 */
export interface Sweep {
  readonly id: string;
  readonly slots: Slots;
  /** What has been made. */
  readonly made: Set<Sha256>;
  /** What could not be made, and why. */
  readonly failed: Map<Sha256, unknown>;
}

/**
 * `limits`: how many stages may occupy the same thing at once; 1 for what is not named. `first`: the id that one of its runs has already; by
 * its time the sweep's own is not later than that.
 */
export function newSweep(limits?: Readonly<Record<string, number>>, first?: string): Sweep {
  return {
    id: first === undefined ? ulid() : ulid(decodeTime(first)),
    slots: new Slots(limits),
    made: new Set(),
    failed: new Map(),
  };
}
