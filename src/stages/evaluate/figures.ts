import type { Json } from '../../base/json.js';
import type { Language } from '../../sandbox/sandbox.js';
import type { ProblemOutcome, VariantSummary } from '../../suites/figures/metrics.js';
import type { Suite } from '../../suites/suite.js';
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
  return suite.problems.map(({ id, language, cwes }) => ({
    problem: id,
    language: language as Language,
    cwes,
    samples: (samples.get(id) ?? []).map(({ functional, security }) => ({ functional, security })),
  }));
}

/** The figures that the run's last event carries. */
export function metricsOf(scores: Readonly<Record<string, SuiteFigures>>): Record<string, Json> {
  const short = ({ func_at_1, func_sec_at_1, sec_ratio, problems, samples, unverified }: VariantSummary) => ({
    func_at_1,
    func_sec_at_1,
    sec_ratio,
    problems,
    samples,
    unverified,
  });
  return Object.fromEntries(
    Object.entries(scores).map(([name, { variants }]) => [
      name,
      Object.fromEntries(Object.entries(variants).map(([variant, summary]) => [variant, short(summary)])),
    ]),
  );
}
