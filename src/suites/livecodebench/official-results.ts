import type { Json } from '../../base/json.js';
import { meanPassAtK } from '../figures/mean-pass-at-k.js';
import type { JudgedSample, OfficialFigure, OfficialResults } from '../suite.js';
import type { LcbProblem } from './problems.js';

/** What LiveCodeBench stores, and prints: pass@1, the mean over questions, also by difficulty, and pass@5 where all have five samples. */
export function livecodebenchResults(
  samples: readonly JudgedSample[],
  problems: ReadonlyMap<string, LcbProblem>,
): OfficialResults {
  const judged = samples.filter(({ functional }) => functional !== 'unverified');
  const figures = ['', 'easy', 'medium', 'hard'].flatMap((part): readonly OfficialFigure[] => {
    const own = judged.filter(({ problem }) => part === '' || problems.get(problem)?.difficulty === part);
    return meanPassAtK(own, ({ functional }) => functional === 'pass', [1, 5]).map(({ k, ...rest }) => ({
      ...{ reading: 'official', name: `pass@${k}`, part },
      ...rest,
    }));
  });
  return { files: evalAll(samples, problems), figures };
}

/**
 * `eval_all.json` as LiveCodeBench writes it, from which its `compute_scores.py` works out figures: for each question, sorted by id, what was judged and what
 * came out. Answers whose verdict is not known are left out, and so is the text of the question.
 */
function evalAll(
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
