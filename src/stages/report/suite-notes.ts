import { labelOf } from '../../suites/figures/figure-names.js';
import { FEWEST_PROBLEMS } from '../../suites/figures/interval.js';
import type { Lacking } from '../../suites/figures/outcomes.js';
import { integer, probability } from './format.js';
import type { ReportSuite } from './report-data.js';

/** How sure the change of the main figure is, and what change would have been found. */
export function certaintyNotes({ tuned, comparison }: ReportSuite): readonly string[] {
  const key = tuned.measures.includes('security') ? 'func_sec_at_1' : 'func_at_1';
  const change = comparison[key];
  if (change === null) return [];
  const { problems, left_out } = comparison;
  const label = labelOf(key);
  const notes: string[] = [];
  if (change.p_value !== null) {
    const test = `${change.exact ? 'exact' : 'sampled'} sign-flip test over ${counted(problems, 'problem')}`;
    notes.push(
      change.p_value < 0.05
        ? `Chance alone would rarely make such a difference in ${label}: p ${equals(change.p_value)} (${test}).`
        : `The difference in ${label} may be chance: p ${equals(change.p_value)} (${test}).`,
    );
  }
  if (change.detectable !== null)
    notes.push(
      `With these problems and answers a true difference of ${(100 * change.detectable).toFixed(1)} points in ${label} would be found in four of five evaluations; one that is not found may still be there if it is smaller.`,
    );
  if (problems < FEWEST_PROBLEMS)
    notes.push(
      `${counted(problems, 'problem')} are too few for an interval, unless it is exact: fewer than ${FEWEST_PROBLEMS} say too little about the next ones.`,
    );
  if (left_out > 0)
    notes.push(
      `${counted(left_out, 'problem')} could be checked for only one of the two and ${left_out === 1 ? 'is' : 'are'} not in the change.`,
    );
  return notes;
}

const kinds = [
  ['no_answer', 'without an answer, since their thinking was cut off'],
  ['no_code', 'with an answer but no code in it'],
  ['refused', 'refused'],
] as const satisfies readonly (readonly [keyof Lacking, string])[];

/** Answers in which there was nothing to judge: they count as failed, and say that something other than the code may be wrong. */
export function answerNotes({ base, tuned }: ReportSuite): readonly string[] {
  const parts = kinds.flatMap(([key, what]) =>
    base[key] + tuned[key] === 0 ? [] : [`${what}: base ${integer(base[key])}, tuned ${integer(tuned[key])}`],
  );
  if (parts.length === 0) return [];
  return [`Nothing to judge, and counted as failed, was in these answers. ${capital(parts.join('; '))}.`];
}

function equals(p: number): string {
  const text = probability(p);
  return text.startsWith('<') ? text : `= ${text}`;
}

function counted(count: number, what: string): string {
  return `${integer(count)} ${what}${count === 1 ? '' : 's'}`;
}

function capital(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}
