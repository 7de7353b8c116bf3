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
 * The same before anything was measured. Taken for granted: rates of ½ on average, of whose variance half lies between problems; and a tuned
 * model that comes half the way closer to 1 on some problems, and as it was on the others. Two problems are taken off, for what an exact
 * test and small numbers cost; simulated, such gains are then found in about four of five runs (`docs/figures.md`).
 */
export function plannedDetectable(problems: number, samples: number): number | null {
  if (problems < FEWEST) return null;
  const chance = (2 * 0.25 * (1 - 0.5)) / samples;
  let gain: number | null = 0.1;
  // Larger gains differ more between problems: the fixed point is reached to many digits well before.
  for (let round = 0; round < 50 && gain !== null; round += 1) {
    // Of the squared change of a problem the mean is that of (1 − rate)², ⅜, times that of the way squared.
    const variance = chance + 0.75 * gain * Math.max(0.5, 2 * gain) - gain ** 2;
    gain = detectableDifference({ error: Math.sqrt(variance / (problems - 2)), degrees: problems - 1 });
  }
  return gain;
}
