import { randomBits } from '../../src/suites/figures/random-bits.js';
import { pulls, type Share, standardError } from '../../src/suites/figures/share.js';

/** A figure, or the difference of two over the same problems: shares with their signs. */
export type Signed = readonly { readonly sign: 1 | -1; readonly share: Share }[];
type Interval = readonly [number, number];

export interface Contenders {
  readonly percentile: Interval;
  readonly bca: Interval;
  readonly studentised: Interval;
}

const bits = randomBits(11);

/** Bootstrap intervals over problems, after Efron and Tibshirani (1993), chapters 12 to 14. `null` where the figure has no spread. */
export function contenders(signed: Signed, resamples: number, [least, most]: Interval): Contenders | null {
  const count = signed[0]?.share.top.length ?? 0;
  const all = Array.from({ length: count }, (_, index) => index);
  const whole = at(signed, all);
  if (whole === null || whole.error < 1e-12) return null;
  const values: number[] = [];
  const ratios: number[] = [];
  for (let round = 0; round < resamples; round += 1) {
    const drawn = all.map(() => Math.floor((bits() / 2 ** 32) * count));
    const found = at(signed, drawn);
    if (found === null) continue;
    values.push(found.value);
    // One without spread has no such ratio.
    if (found.error > 1e-12) ratios.push((found.value - whole.value) / found.error);
  }
  values.sort((a, b) => a - b);
  ratios.sort((a, b) => a - b);
  const inside = ([low, high]: Interval): Interval => [Math.max(least, low), Math.min(most, high)];
  return {
    percentile: [quantile(values, 0.025), quantile(values, 0.975)],
    bca: bca(
      values,
      whole.value,
      all.map(
        (left) =>
          at(
            signed,
            all.filter((index) => index !== left),
          )?.value ?? whole.value,
      ),
    ),
    studentised: inside([
      whole.value - quantile(ratios, 0.975) * whole.error,
      whole.value - quantile(ratios, 0.025) * whole.error,
    ]),
  };
}

function at(signed: Signed, indices: readonly number[]): { readonly value: number; readonly error: number } | null {
  let value = 0;
  let pulled: readonly number[] = indices.map(() => 0);
  for (const { sign, share } of signed) {
    const drawn = {
      top: indices.map((index) => share.top[index] ?? 0),
      bottom: indices.map((index) => share.bottom[index] ?? 0),
    };
    const below = drawn.bottom.reduce((sum, term) => sum + term, 0);
    if (below === 0) return null;
    value += (sign * drawn.top.reduce((sum, term) => sum + term, 0)) / below;
    const own = pulls(drawn);
    pulled = pulled.map((pull, index) => pull + sign * (own[index] ?? 0));
  }
  return { value, error: standardError(pulled) };
}

/** Corrected for bias and acceleration. */
function bca(sorted: readonly number[], value: number, jackknife: readonly number[]): Interval {
  const below = sorted.reduce((sum, one) => sum + (one < value - 1e-12 ? 1 : one <= value + 1e-12 ? 0.5 : 0), 0);
  const bias = normalQuantile(Math.min(Math.max(below, 0.5), sorted.length - 0.5) / sorted.length);
  const mean = jackknife.reduce((sum, one) => sum + one, 0) / jackknife.length;
  const moment = (power: number) => jackknife.reduce((sum, one) => sum + (mean - one) ** power, 0);
  const acceleration = moment(3) / (6 * moment(2) ** 1.5 || 1);
  const end = (z: number) => normalShare(bias + (bias + z) / (1 - acceleration * (bias + z)));
  return [quantile(sorted, end(-1.959964)), quantile(sorted, end(1.959964))];
}

function quantile(sorted: readonly number[], share: number): number {
  const place = share * (sorted.length - 1);
  const low = sorted[Math.floor(place)] ?? 0;
  return low + ((sorted[Math.ceil(place)] ?? low) - low) * (place - Math.floor(place));
}

/** To seven digits (Abramowitz and Stegun 7.1.26), which a simulation does not need. */
function normalShare(z: number): number {
  const t = 1 / (1 + (0.3275911 * Math.abs(z)) / Math.SQRT2);
  const series = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  const outside = (series * Math.exp((-z * z) / 2)) / 2;
  return z < 0 ? outside : 1 - outside;
}

function normalQuantile(share: number): number {
  let [low, high] = [-9, 9];
  for (let round = 0; round < 60; round += 1) {
    const middle = (low + high) / 2;
    if (normalShare(middle) < share) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
