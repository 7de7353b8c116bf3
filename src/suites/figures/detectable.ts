import type { Spread } from './interval.js';
import { studentQuantile } from './student.js';

/** How likely a gain of the given size is found: the customary four in five. */
const POWER = 0.8;

/** With fewer problems even a gain on all of them has a p-value above 0.05: the least is 2 / 2^problems. */
const FEWEST = 6;

/**
 * The true difference that an evaluation with this spread would have told from chance (two-sided, 5 %) in four of five runs; `null` where
 * no evaluation could, since it would be more than everything.
 */
export function detectableDifference({ error, degrees }: Omit<Spread, 'quantile'>): number | null {
  const needed = (studentQuantile(degrees, 0.975) + studentQuantile(degrees, POWER)) * error;
  return needed > 1 ? null : needed;
}

/**
 * The same before anything was measured. Taken for granted, on the careful side: a rate of one half, where chance is greatest; half of the
 * variance of single answers lies between problems; and what is gained differs between problems by a standard deviation of 15 points.
 */
export function plannedDetectable(problems: number, samples: number): number | null {
  if (problems < FEWEST) return null;
  const variance = (2 * 0.25 * (1 - 0.5)) / samples + 0.15 ** 2;
  return detectableDifference({ error: Math.sqrt(variance / problems), degrees: problems - 1 });
}
