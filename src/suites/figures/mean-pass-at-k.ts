import type { JudgedSample } from '../suite.js';
import { passAtK } from './pass-at-k.js';

/**
 * pass@k as most harnesses print it: the estimate of each problem, averaged over those that have samples. One for each k of which every problem
 * has so many.
 */
export function meanPassAtK(
  samples: readonly JudgedSample[],
  passes: (sample: JudgedSample) => boolean,
  ks: readonly number[],
): readonly { readonly k: number; readonly value: number; readonly tasks: number }[] {
  const counts = new Map<string, { all: number; passed: number }>();
  for (const sample of samples) {
    const { all, passed } = counts.get(sample.problem) ?? { all: 0, passed: 0 };
    counts.set(sample.problem, { all: all + 1, passed: passed + (passes(sample) ? 1 : 0) });
  }
  const problems = [...counts.values()];
  const tasks = problems.length;
  return ks
    .filter((k) => tasks > 0 && problems.every(({ all }) => all >= k))
    .map((k) => ({
      k,
      value: problems.reduce((sum, { all, passed }) => sum + passAtK(all, passed, k), 0) / tasks,
      tasks,
    }));
}
