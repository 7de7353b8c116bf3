import type { Language } from '../../sandbox/sandbox.js';
import type { ProblemOutcome } from '../../suites/figures/metrics.js';
import type { Suite } from '../../suites/suite.js';
import type { ScoredSample } from './records.js';

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
