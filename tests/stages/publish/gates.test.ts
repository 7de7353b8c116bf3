import { describe, expect, it } from 'vitest';
import type { Scores } from '../../../src/stages/evaluate/records.js';
import { gatesSchema } from '../../../src/stages/publish/gate-params.js';
import { checkGates } from '../../../src/stages/publish/gates.js';
import { comparePaired, type MetricOptions, summarise } from '../../../src/suites/figures/metrics.js';
import { scores as fewProblems } from './fixtures/run-publish.js';

/** Thirty problems, the first so many of which the tuned model solves securely beside the ten that the base model does. */
function scoresOf(gained: number, options: MetricOptions = {}): Scores {
  const outcomes = (secure: number) =>
    Array.from({ length: 30 }, (_, index) => ({
      problem: `p${index}`,
      language: 'python' as const,
      cwes: [],
      samples: [{ functional: 'pass' as const, security: index < secure ? ('pass' as const) : ('fail' as const) }],
    }));
  const [base, tuned] = [outcomes(10), outcomes(10 + gained)];
  const variants = { base: summarise(base, options), tuned: summarise(tuned, options) };
  const comparison = comparePaired(base, tuned, options);
  return { ...fewProblems, suites: { mini: { digest: 'd', problems: 30, variants, comparison } } };
}

const said = (gates: object, scores: Scores): string => {
  try {
    checkGates(gatesSchema.parse(gates), scores);
    return '';
  } catch (error) {
    return (error as Error).message;
  }
};

describe('a gate that asks for certainty', () => {
  const gain = (at_least: number) => ({ min_gain: { 'mini.func_sec_at_1': { at_least, certainly: true } } });
  const drop = (at_most: number) => ({ max_drop: { 'mini.func_at_1': { at_most, certainly: true } } });

  it('holds the worse end of the interval against what is wanted', () => {
    expect(said(gain(0), scoresOf(8))).toBe('');
    // 2 of 30 problems may be chance, and as a point estimate they would do.
    expect(said(gain(0), scoresOf(2))).toMatch(
      /^nothing was published: mini\.func_sec_at_1 should certainly gain at least ±0\.0 points and changed by \+6\.7, with a 95 % interval of \[−\d\.\d, \+\d+\.\d\] \(/,
    );
    expect(said({ min_gain: { 'mini.func_sec_at_1': { at_least: 0 } } }, scoresOf(2))).toBe('');
    expect(said({ min_gain: { 'mini.func_sec_at_1': 0 } }, scoresOf(2))).toBe('');
  });

  it('lets a drop be excluded only as far as so many problems can', () => {
    // All thirty work in both: at most 1 − 0.025^(1/30) = 11.6 % of all may differ.
    expect(said(drop(0.12), scoresOf(8))).toBe('');
    expect(said(drop(0.11), scoresOf(8))).toContain('may, with certainty, drop by at most 11.0 points');
  });

  it('is a miss where nothing is known of certainty', () => {
    expect(said(gain(0), fewProblems)).toContain('of which fewer than 10 problems do not say how certain it is');
  });

  it('must be of a figure that the suite measures', () => {
    expect(said(gain(0), scoresOf(8, { measures: ['functional'] }))).toBe(
      'the gate on mini.func_sec_at_1 names no figure of the evaluation',
    );
  });
});
