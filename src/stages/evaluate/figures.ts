import type { Json } from '../../base/json.js';
import type { Language } from '../../sandbox/sandbox.js';
import { figuresOf } from '../../suites/figures/figure-names.js';
import type { VariantSummary } from '../../suites/figures/metrics.js';
import type { ProblemOutcome } from '../../suites/figures/outcomes.js';
import type { OfficialFigure, Suite } from '../../suites/suite.js';
import type { ScoredSample, SuiteFigures } from './records.js';

/** Beside @1, where there are that many samples. */
export const PASS_AT: readonly number[] = [5, 10, 50];

/** What the figures need of one variant's samples, in the order of the problems. */
export function outcomesOf(suite: Suite, scored: readonly ScoredSample[]): ProblemOutcome[] {
  const samples = new Map<string, ScoredSample[]>();
  for (const sample of scored) {
    const ofProblem = samples.get(sample.problem) ?? [];
    ofProblem.push(sample);
    samples.set(sample.problem, ofProblem);
  }
  return suite.problems.map(({ id, language, cwes, groups = [] }) => ({
    problem: id,
    language: language as Language,
    cwes,
    groups,
    samples: (samples.get(id) ?? []).map(({ functional, security, answered }) => ({ functional, security, answered })),
  }));
}

/** What the suite's own harness would report of all its tasks: `official: { 'func-sec@1': 0.5 }`. */
function reported(figures: readonly OfficialFigure[]): Record<string, Json> {
  const readings: Record<string, Record<string, number>> = {};
  for (const { reading, part, name, value } of figures)
    if (part === '') readings[reading] = { ...readings[reading], [name]: value };
  return readings;
}

/** The figures that the run's last event carries. */
export function metricsOf(scores: Readonly<Record<string, SuiteFigures>>): Record<string, Json> {
  const short = (summary: VariantSummary) => ({
    ...Object.fromEntries(figuresOf(summary.measures).map(({ key }) => [key, summary[key]])),
    problems: summary.problems,
    samples: summary.samples,
    unverified: summary.unverified,
    no_answer: summary.no_answer,
    no_code: summary.no_code,
    refused: summary.refused,
  });
  return Object.fromEntries(
    Object.entries(scores).map(([name, { variants, official = {} }]) => [
      name,
      Object.fromEntries(
        Object.entries(variants).map(([variant, summary]) => [
          variant,
          { ...short(summary), ...reported(official[variant] ?? []) },
        ]),
      ),
    ]),
  );
}
