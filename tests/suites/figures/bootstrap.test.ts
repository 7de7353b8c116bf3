import { describe, expect, it } from 'vitest';
import { percentileInterval, resampled, unanimousInterval } from '../../../src/suites/figures/bootstrap.js';

const meanOf = (values: readonly number[]) => (indices: Uint32Array) =>
  indices.reduce((total, index) => total + (values[index] ?? 0), 0) / indices.length;

describe('resampled', () => {
  it('draws the same for a seed and other values for another', () => {
    const values = [0, 1, 2, 3, 4, 5, 6, 7];
    const one = resampled(8, meanOf(values), { seed: 1, resamples: 50 });
    expect(resampled(8, meanOf(values), { seed: 1, resamples: 50 })).toEqual(one);
    expect(resampled(8, meanOf(values), { seed: 2, resamples: 50 })).not.toEqual(one);
    expect(one).toHaveLength(50);
  });

  it('draws every index about equally often', () => {
    const seen = new Array<number>(10).fill(0);
    resampled(
      10,
      (indices) => {
        for (const index of indices) seen[index] = (seen[index] ?? 0) + 1;
        return null;
      },
      { resamples: 10_000 },
    );
    // 10,000 draws each, give or take five standard deviations.
    for (const count of seen) expect(Math.abs(count - 10_000)).toBeLessThan(5 * Math.sqrt(10_000 * 0.9));
  });

  it('has about the standard error of a mean', () => {
    const values = Array.from({ length: 100 }, (_, index) => index % 2);
    const interval = percentileInterval(resampled(100, meanOf(values), { resamples: 10_000 }), 0.5);
    // 0.5 ± 1.96 · sqrt(0.25 / 100), in steps of 0.01.
    expect(interval?.[0]).toBeCloseTo(0.4, 1);
    expect(interval?.[1]).toBeCloseTo(0.6, 1);
  });
});

describe('percentileInterval', () => {
  it('interpolates between values', () => {
    const values = Array.from({ length: 101 }, (_, index) => index);
    expect(percentileInterval(values, 50, 0.9)).toEqual([expect.closeTo(5, 9), expect.closeTo(95, 9)]);
    expect(percentileInterval([1, 0], 0.5, 0.5)).toEqual([0.25, 0.75]);
  });

  it('is null without values and never leaves out the estimate', () => {
    expect(percentileInterval([], 0.5)).toBeNull();
    expect(percentileInterval([0.2, 0.3], 0.1 + 0.2, 1)).toEqual([0.2, 0.1 + 0.2]);
  });

  it('claims nothing where every resample is the same', () => {
    expect(percentileInterval([1, 1, 1], 1)).toBeNull();
  });
});

describe('unanimousInterval', () => {
  it('is the exact binomial one: the chance of such a run at its far end is half of what is left out', () => {
    // 0.8147^18 = 0.025; the table value of Clopper and Pearson for 18 of 18 is 81.5 %.
    expect(unanimousInterval(1, 18)).toEqual([expect.closeTo(0.8147, 4), 1]);
    expect(unanimousInterval(0, 18)).toEqual([0, expect.closeTo(0.1853, 4)]);
  });

  it('narrows with every further item, and says nothing about mixed results or no items', () => {
    const width = (count: number) => 1 - (unanimousInterval(1, count)?.[0] ?? 0);
    for (let count = 1; count < 200; count += 1) expect(width(count + 1)).toBeLessThan(width(count));
    expect(unanimousInterval(0.5, 10)).toBeNull();
    expect(unanimousInterval(1, 0)).toBeNull();
  });
});
