import type { Json } from '../../base/json.js';
import type { JudgedSample } from '../suite.js';
import { type Part, WHY_TIMEOUT } from './judge.js';

/**
 * `eval_results.json` as EvalPlus writes it: for each task its samples in their order. The failed inputs are left out; which call failed stands
 * with each sample. A sample whose verdict is not known has no entry.
 * @param hash MD5 of the data file, which EvalPlus writes down.
 */
export function evalResults(samples: readonly JudgedSample[], hash: string): Readonly<Record<string, Json>> {
  const tasks: Record<string, Json[]> = {};
  for (const sample of samples.toSorted((one, other) => one.sample - other.sample)) {
    if (sample.functional === 'unverified') continue;
    const entries = tasks[sample.problem] ?? [];
    tasks[sample.problem] = entries;
    entries.push({
      task_id: sample.problem,
      solution: Object.values(sample.submission ?? {})[0] ?? '',
      base_status: statusOf(sample, 'base'),
      plus_status: statusOf(sample, 'plus'),
      base_fail_tests: [],
      plus_fail_tests: [],
    });
  }
  return { 'eval_results.json': { hash, eval: tasks } };
}

/** As EvalPlus calls it. An answer without code is an empty solution there, which fails. */
function statusOf({ cases }: JudgedSample, part: Part): 'pass' | 'fail' | 'timeout' {
  const own = cases.find(({ name }) => name === part);
  if (own?.verdict === 'pass') return 'pass';
  return WHY_TIMEOUT.some((why) => own?.why.startsWith(why)) ? 'timeout' : 'fail';
}
