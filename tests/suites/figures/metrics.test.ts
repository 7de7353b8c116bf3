import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LANGUAGES } from '../../../src/sandbox/sandbox.js';
import { comparePaired, summarise } from '../../../src/suites/figures/metrics.js';
import type { ProblemOutcome } from '../../../src/suites/figures/outcomes.js';

const verdicts = { p: 'pass', f: 'fail', u: 'unverified' } as const;

/** `pp` is a sample that works and is secure, `pf` one that works and is not. */
function outcome(problem: string, samples: string, more: Partial<ProblemOutcome> = {}): ProblemOutcome {
  const verdict = (letter: string | undefined) => verdicts[letter as keyof typeof verdicts];
  return {
    problem,
    language: 'python',
    cwes: ['CWE-89'],
    samples: samples.split(' ').map((pair) => ({ functional: verdict(pair[0]), security: verdict(pair[1]) })),
    ...more,
  };
}

const byHand = [
  outcome('a', 'pp pf pp ff'),
  outcome('b', 'pf pf fp pf', { language: 'c', cwes: ['CWE-787', 'CWE-22'] }),
  outcome('c', 'uu pp uu uu', { language: 'go', cwes: ['CWE-22'] }),
  outcome('d', 'uu uu', { language: 'go', cwes: ['CWE-1333'] }),
];

const sample = fc.record({
  functional: fc.constantFrom('pass', 'fail', 'unverified' as const),
  security: fc.constantFrom('pass', 'fail', 'unverified' as const),
});
const someOutcomes = fc.uniqueArray(
  fc.record({
    problem: fc.stringMatching(/^[a-z]{1,6}$/),
    language: fc.constantFrom(...LANGUAGES),
    cwes: fc.uniqueArray(fc.constantFrom('CWE-22', 'CWE-78', 'CWE-121'), { minLength: 1 }),
    samples: fc.array(sample, { minLength: 1, maxLength: 6 }),
  }),
  { maxLength: 8, selector: (item) => item.problem },
);

describe('summarise', () => {
  it('gives the figures worked out by hand', () => {
    const summary = summarise(byHand);
    // func: 3/4, 3/4, 1/1; func and sec: 2/4, 0/4, 1/1.
    expect(summary.func_at_1).toBeCloseTo(2.5 / 3, 12);
    expect(summary.func_sec_at_1).toBeCloseTo(0.5, 12);
    // Pooled over samples: 3 of the 7 that work.
    expect(summary.sec_ratio).toBe(3 / 7);
    // Per task: 2/3, 0/3, 1/1.
    expect(summary.sec_ratio_per_task).toBeCloseTo(5 / 9, 12);
    expect(summary).toMatchObject({ problems: 3, samples: 9, unverified: 5 });
    expect(Object.keys(summary.per_cwe)).toEqual(['CWE-22', 'CWE-89', 'CWE-787', 'CWE-1333']);
    expect(summary.per_cwe['CWE-22']).toMatchObject({ problems: 2, samples: 5, unverified: 3, func_sec_at_1: 0.5 });
    expect(summary.per_language.go).toMatchObject({ problems: 1, func_at_1: 1, unverified: 5 });
  });

  it('calls nothing a figure that no verified sample stands behind', () => {
    const empty = {
      func_at_1: null,
      func_sec_at_1: null,
      sec_ratio: null,
      sec_ratio_per_task: null,
      problems: 0,
      samples: 0,
    };
    expect(summarise([])).toMatchObject({ ...empty, unverified: 0, per_cwe: {} });
    expect(summarise(byHand).per_cwe['CWE-1333']).toMatchObject({ ...empty, unverified: 2 });
    expect(summarise([outcome('a', 'ff'), outcome('b', 'fp')])).toMatchObject({
      func_at_1: 0,
      sec_ratio: null,
      // Two of two failed: the rate may still be as high as 1 - 0.025^(1/2).
      intervals: { func_at_1: [0, expect.closeTo(0.842, 3)], sec_ratio: null },
    });
  });

  it('gives no interval for a single problem', () => {
    expect(summarise([outcome('a', 'pp pf')]).intervals).toEqual({
      func_at_1: null,
      func_sec_at_1: null,
      sec_ratio: null,
      sec_ratio_per_task: null,
    });
  });

  it('gives every k that each problem has samples for', () => {
    const summary = summarise([outcome('a', 'pp pf ff'), outcome('b', 'pp ff ff uu')], { ks: [1, 2, 3, 4] });
    // 1 - C(1,2)/C(3,2) = 1 and 1 - C(2,2)/C(3,2) = 2/3.
    expect(summary.func_at_2).toBeCloseTo((1 + 2 / 3) / 2, 12);
    expect(summary.func_sec_at_2).toBeCloseTo(2 / 3, 12);
    expect(summary.func_at_3).toBe(1);
    expect(summary).not.toHaveProperty('func_at_4');
    expect(summary.intervals).toMatchObject({ func_at_2: null, func_at_3: [expect.closeTo(0.158, 3), 1] });
  });

  it('refuses a problem that stands twice', () => {
    expect(() => summarise([outcome('a', 'pp'), outcome('a', 'ff')])).toThrow('stands twice');
  });

  it('keeps every rate in bounds and inside its interval', () => {
    fc.assert(
      fc.property(someOutcomes, (outcomes) => {
        const summary = summarise(outcomes);
        const total = outcomes.reduce((count, { samples }) => count + samples.length, 0);
        expect(summary.samples + summary.unverified).toBe(total);
        for (const key of ['func_at_1', 'func_sec_at_1', 'sec_ratio', 'sec_ratio_per_task'] as const) {
          const value = summary[key];
          const interval = summary.intervals[key];
          if (value === null) expect(interval).toBeNull();
          else expect(value >= 0 && value <= 1).toBe(true);
          if (value === null || interval === null) continue;
          expect(interval[0]).toBeLessThanOrEqual(value);
          expect(interval[1]).toBeGreaterThanOrEqual(value);
          expect(interval[0]).toBeGreaterThanOrEqual(0);
          expect(interval[1]).toBeLessThanOrEqual(1);
        }
        const { func_at_1, func_sec_at_1 } = summary;
        if (func_at_1 === null || func_sec_at_1 === null) return;
        expect(func_sec_at_1).toBeLessThanOrEqual(func_at_1 + 1e-12);
      }),
      { numRuns: 60 },
    );
  });

  it('does not depend on the order of problems and samples, not by one bit', () => {
    fc.assert(
      fc.property(someOutcomes, fc.infiniteStream(fc.nat()), (outcomes, order) => {
        const shuffled = <T>(items: readonly T[]) =>
          items
            .map((item) => ({ item, at: order.next().value ?? 0 }))
            .sort((a, b) => a.at - b.at)
            .map(({ item }) => item);
        const moved = shuffled(outcomes.map((one) => ({ ...one, samples: shuffled(one.samples) })));
        expect(summarise(moved)).toEqual(summarise(outcomes));
      }),
      { numRuns: 40 },
    );
  });

  it('gives the same figures as JSON again', () => {
    const summary = summarise(byHand, { ks: [2] });
    expect(JSON.parse(JSON.stringify(summary))).toEqual(summary);
  });
});

describe('comparePaired', () => {
  const hard = Array.from({ length: 20 }, (_, index) => `p${index}`);
  const base = hard.map((id, index) => outcome(id, index < 10 ? 'pf' : 'pp'));

  it('finds a gain on the same problems', () => {
    const tuned = hard.map((id, index) => outcome(id, index < 4 ? 'pf' : 'pp'));
    const { problems, left_out, func_at_1, func_sec_at_1, sec_ratio } = comparePaired(base, tuned);
    expect({ problems, left_out }).toEqual({ problems: 20, left_out: 0 });
    // Every answer of both works.
    const interval = [expect.closeTo(-0.168, 3), expect.closeTo(0.168, 3)];
    expect(func_at_1).toEqual({ estimate: 0, interval, p_value: 1, exact: true, detectable: null });
    expect(func_sec_at_1?.estimate).toBeCloseTo(0.3, 12);
    expect(sec_ratio?.estimate).toBeCloseTo(0.3, 12);
    // Six problems got better, none worse: McNemar's exact test says 2 / 2^6.
    expect(func_sec_at_1?.p_value).toBeCloseTo(2 / 64, 12);
    expect(func_sec_at_1?.interval?.[0]).toBeGreaterThan(0);
    // Variance (19 · 0.3 · 0.7 / 19 + (0.5 · 0.5 + 0.8 · 0.2) / 2 / 20) / 20, quantiles of t with 19 degrees 2.093 and 0.861.
    expect(func_sec_at_1?.detectable).toBeCloseTo(Math.sqrt((0.21 + 0.01025) / 20) * (2.093 + 0.861), 3);
  });

  it('finds none between a variant and itself, and mirrors when the two are swapped', () => {
    expect(comparePaired(base, base).func_sec_at_1).toMatchObject({ estimate: 0, p_value: 1 });
    const other = hard.map((id, index) => outcome(id, index % 3 === 0 ? 'pf' : 'pp'));
    const there = comparePaired(base, other).func_sec_at_1;
    const back = comparePaired(other, base).func_sec_at_1;
    expect(back?.estimate).toBeCloseTo(-(there?.estimate ?? Number.NaN), 12);
    expect(back?.interval?.[0]).toBeCloseTo(-(there?.interval?.[1] ?? Number.NaN), 12);
    expect(back?.p_value).toBe(there?.p_value);
  });

  it('compares only problems that both sides could be scored on, and counts the others', () => {
    const result = comparePaired(
      [outcome('a', 'pf'), outcome('b', 'pp'), outcome('c', 'uu')],
      [outcome('a', 'pp'), outcome('c', 'pp'), outcome('d', 'pp')],
    );
    expect(result).toMatchObject({ problems: 1, left_out: 3 });
    expect(result.func_sec_at_1).toMatchObject({ estimate: 1, interval: null, p_value: 1, detectable: null });
  });

  it('gives no interval below ten problems, however many samples there are', () => {
    const pairs = (count: number) =>
      comparePaired(
        hard.slice(0, count).map((id) => outcome(id, 'pf pf pp')),
        hard.slice(0, count).map((id, index) => outcome(id, index % 2 === 0 ? 'pp pp pf' : 'pf pf pp')),
      ).func_sec_at_1;
    expect(pairs(9)).toMatchObject({ interval: null, detectable: null });
    expect(pairs(10)?.interval).not.toBeNull();
  });

  it('compares at every k too', () => {
    const tuned = hard.map((id) => outcome(id, 'pp pf'));
    const twice = hard.map((id, index) => outcome(id, index < 10 ? 'pf pf' : 'pp pf'));
    const result = comparePaired(twice, tuned, { ks: [2, 5] });
    expect(result.func_sec_at_2).toMatchObject({ estimate: 0.5, p_value: null });
    expect(result.func_sec_at_2?.interval?.[0]).toBeGreaterThan(0);
    expect(result).not.toHaveProperty('func_at_5');
  });

  it('has nothing to say without common problems', () => {
    expect(comparePaired([], [])).toEqual({
      problems: 0,
      left_out: 0,
      func_at_1: null,
      func_sec_at_1: null,
      sec_ratio: null,
      sec_ratio_per_task: null,
    });
  });
});

describe('a suite without security tests', () => {
  const measures = ['functional'] as const;
  const outcomes = [outcome('a', 'pu fu'), outcome('b', 'pu pu')];

  it('has func@k and nothing of security', () => {
    const summary = summarise(outcomes, { measures, ks: [2] });
    expect(summary).toMatchObject({
      measures: ['functional'],
      func_at_1: 0.75,
      func_at_2: 1,
      func_sec_at_1: null,
      sec_ratio: null,
      sec_ratio_per_task: null,
      samples: 4,
      unverified: 0,
    });
    expect(Object.keys({ ...summary, ...summary.intervals })).not.toContain('func_sec_at_2');
    // Judged as one that measures both, nothing of it is verified.
    expect(summarise(outcomes).func_at_1).toBeNull();
  });

  it('is compared by func@k alone', () => {
    const comparison = comparePaired(outcomes, outcomes, { measures });
    expect(comparison).toMatchObject({ problems: 2, func_sec_at_1: null, sec_ratio: null });
    expect(comparison.func_at_1).toMatchObject({ estimate: 0, p_value: 1 });
  });
});

describe('answers without code', () => {
  it('are counted apart, by why, and as not passed', () => {
    const failed = { functional: 'fail', security: 'fail' } as const;
    const samples: ProblemOutcome['samples'] = [
      { functional: 'pass', security: 'pass', answered: 'code' },
      { ...failed, answered: 'no_answer' },
      { ...failed, answered: 'no_answer' },
      { ...failed, answered: 'no_code' },
      { ...failed, answered: 'refused' },
    ];
    expect(summarise([outcome('a', 'pp', { samples })])).toMatchObject({
      func_at_1: 0.2,
      samples: 5,
      no_answer: 2,
      no_code: 1,
      refused: 1,
      unverified: 0,
    });
  });
});

describe('groups', () => {
  it('get figures of their own', () => {
    const summary = summarise([
      outcome('a', 'pp', { groups: ['core', 'core/py'] }),
      outcome('b', 'pf', { groups: ['core', 'core/c'] }),
      outcome('c', 'pf'),
    ]);
    expect(Object.keys(summary.per_group)).toEqual(['core', 'core/c', 'core/py']);
    expect(summary.per_group.core).toMatchObject({ problems: 2, func_sec_at_1: 0.5 });
  });
});
