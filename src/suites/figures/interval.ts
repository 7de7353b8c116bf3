import { deciding, pulls, type Share, shareValue, standardError } from './share.js';
import { studentQuantile } from './student.js';

/** A 95 % confidence interval: [low, high]. */
export type Interval = readonly [number, number];

/** Below so many problems there is no interval but an exact one: simulated, none other covers what it claims. See `docs/figures.md`. */
export const FEWEST_PROBLEMS = 10;

/**
 * Student's t around the log-odds of a share, with a standard error over problems; the ends stay between 0 and 1. `null` below ten
 * problems, and where they all agree: then their spread cannot tell how far the next one might be off.
 */
export function shareInterval(share: Share): Interval | null {
  const value = shareValue(share);
  const spread = spreadOf(pulls(share), deciding(share));
  if (value === null || spread === null || value <= 0 || value >= 1) return null;
  const centre = Math.log(value / (1 - value));
  const reach = (spread.quantile * spread.error) / (value * (1 - value));
  return [logistic(centre - reach), logistic(centre + reach)];
}

/** Student's t around `after` − `before` over the same problems in the same order; `null` as above. */
export function differenceInterval(before: Share, after: Share): Interval | null {
  const [from, to] = [shareValue(before), shareValue(after)];
  const spread = differenceSpread(before, after);
  if (from === null || to === null || spread === null) return null;
  const reach = spread.quantile * spread.error;
  return [Math.max(-1, to - from - reach), Math.min(1, to - from + reach)];
}

/** A standard error, and by how many of them an interval reaches out. */
export interface Spread {
  readonly error: number;
  readonly quantile: number;
  readonly degrees: number;
}

export function differenceSpread(before: Share, after: Share): Spread | null {
  const pulled = pulls(before);
  const differences = pulls(after).map((pull, index) => pull - (pulled[index] ?? 0));
  return spreadOf(differences, Math.min(deciding(before), deciding(after)));
}

function spreadOf(terms: readonly number[], problems: number): Spread | null {
  if (problems < FEWEST_PROBLEMS) return null;
  const error = standardError(terms);
  // Terms that are the same but for rounding.
  if (error < 1e-12) return null;
  return { error, quantile: studentQuantile(problems - 1, 0.975), degrees: problems - 1 };
}

function logistic(x: number): number {
  return 1 / (1 + Math.exp(-x));
}
