import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  comparePaired,
  type MetricOptions,
  summarise,
  type VariantSummary,
} from '../../../src/suites/figures/metrics.js';
import type { ProblemOutcome } from '../../../src/suites/figures/outcomes.js';

const verdict = fc.constantFrom('pass', 'fail', 'unverified' as const);
/** Few are unverified, as they are in practice: otherwise every `k` is left out. */
const sample = fc.oneof(
  {
    arbitrary: fc.record({
      functional: fc.constantFrom('pass', 'fail' as const),
      security: fc.constantFrom('pass', 'fail' as const),
    }),
    weight: 30,
  },
  { arbitrary: fc.record({ functional: verdict, security: verdict }), weight: 1 },
);

const evaluation = fc
  .record({
    problems: fc.oneof(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 10, max: 13 })),
    samples: fc.constantFrom(1, 1, 3, 5, 6),
  })
  .chain(({ problems, samples }) => {
    const outcomes = fc.array(fc.array(sample, { minLength: samples, maxLength: samples }), {
      minLength: problems,
      maxLength: problems,
    });
    return fc.record({
      base: outcomes.map(numbered),
      tuned: outcomes.map(numbered),
      measures: fc.constantFrom(['functional', 'security'] as const, ['functional'] as const),
      ks: fc.constant([2, 5]),
    });
  });

function numbered(samples: readonly ProblemOutcome['samples'][number][][]): ProblemOutcome[] {
  return samples.map((own, index) => ({ problem: `p${index}`, language: 'python', cwes: [], samples: own }));
}

interface Evaluation extends MetricOptions {
  readonly base: readonly ProblemOutcome[];
  readonly tuned: readonly ProblemOutcome[];
}

/** Where every number is one, or both are nothing. */
function expectSame(ours: unknown, theirs: unknown, at: string): void {
  if (typeof theirs === 'number' && typeof ours === 'number') {
    expect(Math.abs(ours - theirs), `${at}: ${ours}, independently ${theirs}`).toBeLessThanOrEqual(1e-12);
  } else if (Array.isArray(theirs) && Array.isArray(ours)) {
    for (const [index, one] of theirs.entries()) expectSame(ours[index], one, `${at}.${index}`);
  } else {
    expect(ours, at).toBe(theirs);
  }
}

it('figures, intervals and p-values equal an independent implementation to 1e-12', { timeout: 60_000 }, () => {
  const evaluations: Evaluation[] = fc.sample(evaluation, { numRuns: 80, seed: 8 });
  const short = (outcomes: readonly ProblemOutcome[]) =>
    outcomes.map(({ problem, samples }) => ({
      problem,
      samples: samples.map(({ functional, security }) => [functional, security]),
    }));
  const input = JSON.stringify(evaluations.map((one) => ({ ...one, base: short(one.base), tuned: short(one.tuned) })));
  const script = join(import.meta.dirname, 'independent.py');
  const output = execFileSync('python3', ['-I', script], { input, encoding: 'utf8', maxBuffer: 2 ** 26 });
  const theirs = JSON.parse(output) as {
    readonly base: object;
    readonly tuned: object;
    readonly comparison: object;
  }[];
  let compared = 0;
  for (const [index, { base, tuned, measures, ks }] of evaluations.entries()) {
    const options = { measures: measures ?? [], ks: ks ?? [] };
    const sides = { base: summarise(base, options), tuned: summarise(tuned, options) };
    const paired: Readonly<Record<string, unknown>> = { ...comparePaired(base, tuned, options) };
    for (const side of ['base', 'tuned'] as const) {
      for (const [name, found] of Object.entries(theirs[index]?.[side] ?? {})) {
        const at = `${index} ${side} ${name}`;
        const key = name as keyof VariantSummary['intervals'];
        expectSame(sides[side][key], found?.value ?? null, at);
        expectSame(sides[side].intervals[key], found?.interval ?? null, `${at} interval`);
        compared += 1;
      }
    }
    for (const [name, found] of Object.entries(theirs[index]?.comparison ?? {})) {
      const ours = paired[name] as Readonly<Record<string, unknown>> | null;
      if (found === null) expect(ours).toBeNull();
      for (const [key, value] of Object.entries(found ?? {})) expectSame(ours?.[key], value, `${index} ${name} ${key}`);
      compared += 1;
    }
  }
  expect(compared).toBeGreaterThan(500);
});
