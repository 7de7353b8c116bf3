import type { Json } from '../../base/json.js';
import type { JudgedSample } from '../suite.js';
import type { LcbProblem } from './problems.js';

/**
 * `eval_all.json` as LiveCodeBench writes it, from which its `compute_scores.py` works out figures: for each question, sorted by id, what was judged and what
 * came out. Answers whose verdict is not known are left out, and so is the text of the question.
 */
export function evalAll(
  samples: readonly JudgedSample[],
  problems: ReadonlyMap<string, LcbProblem>,
): Readonly<Record<string, Json>> {
  const byProblem = new Map<string, JudgedSample[]>();
  for (const sample of samples.toSorted((one, other) => one.sample - other.sample)) {
    if (sample.functional === 'unverified') continue;
    const own = byProblem.get(sample.problem) ?? [];
    byProblem.set(sample.problem, own);
    own.push(sample);
  }
  const rows = [...byProblem].sort(([one], [other]) => (one < other ? -1 : 1));
  return {
    'eval_all.json': rows.map(([id, own]): Json => {
      const problem = problems.get(id);
      const graded = own.map(({ functional }) => functional === 'pass');
      return {
        question_title: problem?.title ?? '',
        platform: problem?.platform ?? '',
        question_id: id,
        contest_id: problem?.contest ?? '',
        contest_date: problem?.date ?? '',
        difficulty: problem?.difficulty ?? '',
        code_list: own.map(({ submission }) => Object.values(submission ?? {})[0] ?? ''),
        graded_list: graded,
        'pass@1': graded.filter((passed) => passed).length / graded.length,
      };
    }),
  };
}
