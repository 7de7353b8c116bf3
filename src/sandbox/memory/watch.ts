import type { MemoryGroup } from './groups.js';
import { filesIn, holdsMoreThan } from './usage.js';

/** Files, folders and links in the places in memory together. A warm Go build cache is 5000. */
const MOST_FILES = 100_000;

/** Between two looks; more where a look takes long. */
const TICK_MS = 50;
const SHARE = 20;

/** A run whose memory is watched. */
export interface MemoryWatch {
  /** Whether it has taken too much. */
  exceeded(): boolean;
  stop(): void;
}

/**
 * Looks at what a run holds again and again, and says so once when that is too much. With a group of the kernel's the kernel counts, and
 * only what it did and the number of files are looked at.
 */
export function watchMemory(
  firstPid: number,
  limitBytes: number,
  group: MemoryGroup | null,
  onExceeded: () => void,
): MemoryWatch {
  let exceeded = false;
  const look = (): void => {
    if (exceeded) return;
    try {
      const tooMuch = group === null ? holdsMoreThan(limitBytes, firstPid) : group.overLimit();
      exceeded = tooMuch || filesIn(firstPid) > MOST_FILES;
    } catch {
      // The run is over.
    }
    if (exceeded) onExceeded();
  };
  const tick = (): void => {
    const before = performance.now();
    look();
    timer = setTimeout(tick, Math.max(TICK_MS, (performance.now() - before) * SHARE));
  };
  let timer = setTimeout(tick, TICK_MS);
  return {
    exceeded: () => exceeded || group?.overLimit() === true,
    stop: () => clearTimeout(timer),
  };
}
