import { deciding, mostVariance, pulls, type Share, shareValue, standardError } from './share.js';
import { studentQuantile } from './student.js';

/** A 95 % confidence interval: [low, high]. */
export type Interval = readonly [number, number];

/** Below so many problems there is no interval but an exact one: simulated, none other covers what it claims. See `docs/figures.md`. */
export const FEWEST_PROBLEMS = 10;

/**
 * Student's t around the log-odds of a share, with a standard error over problems; the ends stay between 0 and 1. `null` below ten
 * problems, and for 0 and 1.
 */
export function shareInterval(share: Share): Interval | null {
  const value = shareValue(share);
  if (value === null || value <= 0 || value >= 1) return null;
  const spread = spreadOf(pulls(share), deciding(share), { weight: 2, variance: mostVariance(share) });
  if (spread === null) return null;
  const centre = Math.log(value / (1 - value));
  const reach = (spread.quantile * spread.error) / (value * (1 - value));
  return [logistic(centre - reach), logistic(centre + reach)];
}

/**
 * Student's t around `after` − `before` over the same problems in the same order; `null` below ten problems. Where all problems differ by
 * the same there is no spread to go by, and the interval says what follows from so many that agree, however few they are.
 */
export function differenceInterval(before: Share, after: Share): Interval | null {
  const [from, to] = [shareValue(before), shareValue(after)];
  const problems = Math.min(deciding(before), deciding(after));
  if (from === null || to === null || problems < 2) return null;
  const difference = to - from;
  if (pullsApart(before, after).every((pull) => Math.abs(pull) < 1e-12)) {
    // At least this share of all problems differs by the same: less would show in so many with a chance of 97.5 %. The rest may be anything.
    const alike = 0.025 ** (1 / problems);
    return inside(alike * difference, 1 - alike);
  }
  const spread = differenceSpread(before, after);
  return spread === null ? null : inside(difference, spread.quantile * spread.error);
}

function inside(centre: number, reach: number): Interval {
  return [Math.max(-1, centre - reach), Math.min(1, centre + reach)];
}

/** A standard error, and by how many of them an interval reaches out. */
export interface Spread {
  readonly error: number;
  readonly quantile: number;
  readonly degrees: number;
}

export function differenceSpread(before: Share, after: Share): Spread | null {
  const variance = (mostVariance(before) + mostVariance(after)) / 2;
  return spreadOf(pullsApart(before, after), Math.min(deciding(before), deciding(after)), { weight: 1, variance });
}

function pullsApart(before: Share, after: Share): readonly number[] {
  const pulled = pulls(before);
  return pulls(after).map((pull, index) => pull - (pulled[index] ?? 0));
}

/**
 * The spread that was seen, together with what it is taken for before anything was seen: few problems that happen to be alike would
 * otherwise promise too much. The weight is in problems; simulated, these two suffice from ten problems on.
 */
function spreadOf(
  terms: readonly number[],
  problems: number,
  before: { readonly weight: number; readonly variance: number },
): Spread | null {
  if (problems < FEWEST_PROBLEMS) return null;
  const degrees = problems - 1;
  const seen = standardError(terms) ** 2;
  const error = Math.sqrt((degrees * seen + before.weight * before.variance) / (degrees + before.weight));
  return error === 0 ? null : { error, quantile: studentQuantile(degrees, 0.975), degrees };
}

function logistic(x: number): number {
  return 1 / (1 + Math.exp(-x));
}
