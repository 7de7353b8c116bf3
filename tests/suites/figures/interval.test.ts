import { describe, expect, it } from 'vitest';
import { exactInterval } from '../../../src/suites/figures/binomial.js';
import { plannedDetectable } from '../../../src/suites/figures/detectable.js';
import { differenceInterval, shareInterval } from '../../../src/suites/figures/interval.js';
import { summarise } from '../../../src/suites/figures/metrics.js';
import { studentQuantile } from '../../../src/suites/figures/student.js';

describe('exactInterval', () => {
  it('has the tabled values of Clopper and Pearson', () => {
    const rounded = (passed: number, count: number) =>
      exactInterval(passed, count)?.map((end) => Number(end.toFixed(4)));
    expect(rounded(18, 18)).toEqual([0.8147, 1]);
    expect(rounded(0, 18)).toEqual([0, 0.1853]);
    expect(rounded(5, 10)).toEqual([0.1871, 0.8129]);
    expect(rounded(1, 20)).toEqual([0.0013, 0.2487]);
    expect(exactInterval(0, 0)).toBeNull();
  });

  it('holds the share that it is of, and narrows with every further trial that passes', () => {
    for (let count = 1; count < 400; count += 13) {
      for (const passed of [0, 1, Math.floor(count / 2), count]) {
        const [low, high] = exactInterval(passed, count) ?? [1, 0];
        expect(low).toBeLessThanOrEqual(passed / count);
        expect(high).toBeGreaterThanOrEqual(passed / count);
      }
      expect(exactInterval(count + 1, count + 1)?.[0]).toBeGreaterThan(exactInterval(count, count)?.[0] ?? 1);
    }
  });
});

describe('studentQuantile', () => {
  it.each([
    [1, 12.706],
    [2, 4.303],
    [9, 2.262],
    [17, 2.11],
    [118, 1.98],
    [10_000, 1.96],
  ])('with %d degrees of freedom is that of the tables', (degrees, tabled) => {
    expect(studentQuantile(degrees, 0.975)).toBeCloseTo(tabled, 3);
    expect(studentQuantile(degrees, 0.025)).toBeCloseTo(-tabled, 3);
  });
});

describe('intervals over problems', () => {
  const mean = (...top: number[]) => ({ top, bottom: top.map(() => 1) });
  const nine = [0, 0.2, 0.4, 0.4, 0.6, 0.6, 0.8, 1, 1];

  it('are there from ten problems on', () => {
    expect(shareInterval(mean(...nine))).toBeNull();
    const [low, high] = shareInterval(mean(...nine, 0.4)) ?? [1, 0];
    expect(low).toBeGreaterThan(0);
    expect(high).toBeLessThan(1);
    // Log-odds 0.1603; variance (9 · 0.01071 + 2 · 0.02484) / 11 of the mean, and 2.262 of its root over 0.2484.
    expect([low, high]).toEqual([expect.closeTo(0.2913, 4), expect.closeTo(0.7703, 4)]);
  });

  it('count as problems only those that have a say', () => {
    const share = { top: [...nine, 0], bottom: [...nine.map(() => 1), 0] };
    expect(shareInterval(share)).toBeNull();
    expect(differenceInterval(share, mean(...nine, 0.4))).toBeNull();
  });

  it('take problems that happen to be alike for no certainty', () => {
    const [low, high] = shareInterval(mean(...Array(12).fill(0.3))) ?? [0, 0];
    expect(low).toBeLessThan(0.2);
    expect(high).toBeGreaterThan(0.4);
  });

  it('of a difference say what follows where all problems differ by the same', () => {
    const same = (value: number, problems: number) => mean(...Array(problems).fill(value));
    // 0.025^(1/18) = 0.8147: at most that many less are alike, and the rest may be anything.
    expect(differenceInterval(same(1, 18), same(1, 18))).toEqual([
      expect.closeTo(-0.1853, 4),
      expect.closeTo(0.1853, 4),
    ]);
    expect(differenceInterval(same(0, 18), same(1, 18))).toEqual([expect.closeTo(2 * 0.8147 - 1, 3), 1]);
    // That is so of few as well; of one problem nothing is said.
    expect(differenceInterval(same(1, 3), same(1, 3))?.[1]).toBeCloseTo(1 - 0.025 ** (1 / 3), 12);
    expect(differenceInterval(same(1, 1), same(1, 1))).toBeNull();
  });
});

describe('an interval in the figures', () => {
  const problem = (index: number, passed: number, of: number) => ({
    problem: `p${index}`,
    language: 'python' as const,
    cwes: [],
    samples: Array.from({ length: of }, (_, sample) => {
      const verdict = sample < passed ? ('pass' as const) : ('fail' as const);
      return { functional: verdict, security: verdict };
    }),
  });

  it('is exact with one sample each, however few the problems are', () => {
    const summary = summarise([problem(0, 1, 1), problem(1, 0, 1), problem(2, 1, 1)]);
    expect(summary.intervals.func_at_1).toEqual(exactInterval(2, 3));
    // One of the three does not work, so that SecRatio is one of two.
    expect(summary.intervals.sec_ratio).toEqual(exactInterval(2, 2));
  });

  it('is exact for pass@k of k samples', () => {
    const summary = summarise([problem(0, 2, 3), problem(1, 0, 3), problem(2, 3, 3)], { ks: [3] });
    expect(summary.intervals.func_at_3).toEqual(exactInterval(2, 3));
    expect(summary.intervals.func_at_1).toBeNull();
  });

  it('is not, where samples of one problem are no independent trials', () => {
    const ten = Array.from({ length: 10 }, (_, index) => problem(index, index % 3, 3));
    expect(summarise(ten).intervals.func_at_1).toEqual(
      shareInterval({ top: ten.map((_, index) => (index % 3) / 3), bottom: ten.map(() => 1) }),
    );
  });
});

describe('plannedDetectable', () => {
  it('is what was simulated for 119 problems: 10 points in half of all runs with one answer, in nearly all with five', () => {
    expect(plannedDetectable(119, 1)).toBeGreaterThan(0.096);
    expect(plannedDetectable(119, 5)).toBeLessThan(0.096);
  });

  it('shrinks with problems and samples, and is none where no p-value could be small enough', () => {
    expect(plannedDetectable(5, 100)).toBeNull();
    expect(plannedDetectable(18, 5)).toBeLessThan(plannedDetectable(18, 1) ?? 0);
    expect(plannedDetectable(30, 5)).toBeLessThan(plannedDetectable(18, 5) ?? 0);
  });
});
