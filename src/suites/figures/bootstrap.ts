/** A confidence interval: [low, high]. */
export type Interval = readonly [number, number];

export interface BootstrapOptions {
  /** Any integer; the same seed gives the same intervals on every machine. Default 7. */
  readonly seed?: number;
  /** Default 2,000. */
  readonly resamples?: number;
  /** Share of the resamples inside an interval. Default 0.95. */
  readonly confidence?: number;
}

/**
 * The percentile bootstrap over `count` items: calls `statistic` with the indices of each resample (drawn with putting
 * back) and returns its values in the order they were drawn. A statistic that a resample leaves undefined returns `null`
 * and is left out.
 */
export function resampled(
  count: number,
  statistic: (indices: Uint32Array) => number | null,
  options: BootstrapOptions = {},
): number[] {
  const { seed = 7, resamples = 2000 } = options;
  const next = xoshiro128(seed);
  const indices = new Uint32Array(count);
  const values: number[] = [];
  for (let round = 0; round < resamples; round += 1) {
    for (let i = 0; i < count; i += 1) indices[i] = Math.floor((next() / 2 ** 32) * count);
    const value = statistic(indices);
    if (value !== null) values.push(value);
  }
  return values;
}

/**
 * The interval between the two outer percentiles of `values`, linearly interpolated; `null` when there are none, and when all
 * of them are the same: where every item agrees, resampling cannot tell how far the next one might be off. It is widened to
 * hold `estimate`, which a sum in another order may miss by one rounding.
 */
export function percentileInterval(values: readonly number[], estimate: number, confidence = 0.95): Interval | null {
  if (values.every((value) => value === values[0])) return null;
  const sorted = [...values].sort((a, b) => a - b);
  const tail = (1 - confidence) / 2;
  return [Math.min(estimate, quantile(sorted, tail)), Math.max(estimate, quantile(sorted, 1 - tail))];
}

/**
 * The exact binomial interval (Clopper and Pearson 1934) for the two ends where it has a closed form and where the bootstrap
 * knows nothing: none of `count` items passed, or all of them did. `null` for any other estimate.
 */
export function unanimousInterval(estimate: number, count: number, confidence = 0.95): Interval | null {
  if (count === 0) return null;
  const reach = ((1 - confidence) / 2) ** (1 / count);
  if (estimate === 0) return [0, 1 - reach];
  return estimate === 1 ? [reach, 1] : null;
}

function quantile(sorted: readonly number[], q: number): number {
  const at = q * (sorted.length - 1);
  const low = sorted[Math.floor(at)] ?? 0;
  const high = sorted[Math.ceil(at)] ?? low;
  return low + (high - low) * (at - Math.floor(at));
}

/**
 * xoshiro128** by Blackman and Vigna (public domain), its state filled by splitmix32. `Math.random` cannot be seeded, and
 * a report must give the same intervals when it is made again. Returns 32-bit unsigned integers.
 */
function xoshiro128(seed: number): () => number {
  let mixed = seed >>> 0;
  const splitmix = () => {
    mixed = (mixed + 0x9e3779b9) >>> 0;
    let z = mixed;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return (z ^ (z >>> 16)) >>> 0;
  };
  let a = splitmix();
  let b = splitmix();
  let c = splitmix();
  let d = splitmix();
  return () => {
    const result = Math.imul(rotated(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotated(d, 11);
    return result;
  };
}

function rotated(x: number, bits: number): number {
  return (x << bits) | (x >>> (32 - bits));
}
