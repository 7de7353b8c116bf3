import type { Interval } from './interval.js';

/**
 * The exact 95 % interval of a share of which `passed` of `count` independent trials are known (Clopper and Pearson 1934): each end is
 * where a result as far out as this one has a chance of 2.5 %. `null` without trials.
 */
export function exactInterval(passed: number, count: number): Interval | null {
  if (count === 0) return null;
  const low = passed === 0 ? 0 : bisected((share) => 1 - atMost(passed - 1, count, share) < tail);
  const high = passed === count ? 1 : bisected((share) => atMost(passed, count, share) > tail);
  return [low, high];
}

const tail = 0.025;

/** The chance of at most `most` passes; its terms are summed by their logarithms, so that none overflows. */
function atMost(most: number, count: number, share: number): number {
  let log = count * Math.log1p(-share);
  let total = Math.exp(log);
  for (let passed = 1; passed <= most; passed += 1) {
    log += Math.log((count - passed + 1) / passed) + Math.log(share) - Math.log1p(-share);
    total += Math.exp(log);
  }
  return total;
}

/** Where between 0 and 1 something ceases to hold. */
function bisected(holds: (share: number) => boolean): number {
  let [low, high] = [0, 1];
  for (let round = 0; round < 60; round += 1) {
    const middle = (low + high) / 2;
    if (holds(middle)) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
