import type { Json } from '../../base/json.js';
import { meanPassAtK } from '../figures/mean-pass-at-k.js';
import type { JudgedSample, OfficialFigure, OfficialResults } from '../suite.js';
import { type Part, WHY_TIMEOUT } from './judge.js';

const KS = [1, 10, 100];

/**
 * What EvalPlus stores, and prints: pass@k of the base tests alone and of all tests, for each k of which all tasks have so many samples.
 * @param hash MD5 of the data file, which EvalPlus writes down.
 */
export function evalplusResults(samples: readonly JudgedSample[], hash: string): OfficialResults {
  const judged = samples.filter(({ functional }) => functional !== 'unverified');
  const base = (sample: JudgedSample) => statusOf(sample, 'base') === 'pass';
  const all = ({ functional }: JudgedSample) => functional === 'pass';
  const figures = [
    ...meanPassAtK(judged, base, KS).map(({ k, ...rest }) => ({ name: `pass@${k}, base tests`, ...rest })),
    ...meanPassAtK(judged, all, KS).map(({ k, ...rest }) => ({ name: `pass@${k}`, ...rest })),
  ].map((figure): OfficialFigure => ({ reading: 'official', part: '', ...figure }));
  return { files: evalResults(samples, hash), figures };
}

/**
 * `eval_results.json` as EvalPlus writes it: for each task its samples in their order. The failed inputs are left out; which call failed stands
 * with each sample. A sample whose verdict is not known has no entry.
 * @param hash MD5 of the data file, which EvalPlus writes down.
 */
function evalResults(samples: readonly JudgedSample[], hash: string): Readonly<Record<string, Json>> {
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
