import type { Measure, Verdict } from '../suite.js';

/**
 * What became of a question. `no_answer`: the model had not ended its thinking when its room ended. `no_code`: it answered, and there is
 * nothing in it to judge.
 */
export type Answered = 'code' | 'no_code' | 'no_answer' | 'refused';

export interface SampleOutcome {
  readonly functional: Verdict;
  readonly security: Verdict;
  /** Not there where it is not known. */
  readonly answered?: Answered;
}

/** How the answers of one variant (base, tuned …) to one problem were scored. */
export interface ProblemOutcome {
  readonly problem: string;
  readonly language: string;
  readonly cwes: readonly string[];
  /** Parts of the suite that it belongs to; see `Problem.groups`. */
  readonly groups?: readonly string[];
  readonly samples: readonly SampleOutcome[];
}

/** What the figures need of one problem: verified samples, and how many of them pass. */
export interface Counts {
  readonly problem: string;
  readonly n: number;
  readonly func: number;
  readonly both: number;
}

/**
 * Of problems with verified samples, sorted by problem, so that sums come out the same whatever order the scores arrived in. A sample is
 * verified when all that the suite measures could be checked.
 * @throws RangeError when a problem stands twice.
 */
export function verifiedCounts(outcomes: readonly ProblemOutcome[], measures: readonly Measure[]): Counts[] {
  if (new Set(outcomes.map((outcome) => outcome.problem)).size !== outcomes.length) {
    throw new RangeError('a problem stands twice in the outcomes: its samples belong together');
  }
  return outcomes
    .map(({ problem, samples }) => {
      const checked = samples.filter((sample) => isVerified(sample, measures));
      const func = checked.filter((sample) => sample.functional === 'pass');
      const both = func.filter((sample) => sample.security === 'pass');
      return { problem, n: checked.length, func: func.length, both: both.length };
    })
    .filter(({ n }) => n > 0)
    .sort((a, b) => (a.problem < b.problem ? -1 : Number(a.problem > b.problem)));
}

/** How many samples came without something to judge, by why; and how many could not be judged. All but the last count as failed. */
export interface Lacking {
  readonly no_answer: number;
  readonly no_code: number;
  readonly refused: number;
  readonly unverified: number;
}

export function lackingIn(outcomes: readonly ProblemOutcome[], measures: readonly Measure[]): Lacking {
  const samples = outcomes.flatMap((outcome) => outcome.samples);
  const count = (which: Answered) => samples.filter(({ answered }) => answered === which).length;
  return {
    no_answer: count('no_answer'),
    no_code: count('no_code'),
    refused: count('refused'),
    unverified: samples.filter((sample) => !isVerified(sample, measures)).length,
  };
}

function isVerified(sample: SampleOutcome, measures: readonly Measure[]): boolean {
  return measures.every((measure) => sample[measure] !== 'unverified');
}
