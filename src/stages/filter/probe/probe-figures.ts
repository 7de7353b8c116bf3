import type { Catalogue } from '../../../security/catalogue.js';
import { CWE_GROUPS, type CweGroup } from '../../../security/cwe-entry.js';
import { type Rate, rateOf } from '../../../suites/figures/rate.js';
import type { Expectation } from './expectation.js';

/** What became of one labelled task. */
export interface ProbedTask {
  readonly id: string;
  readonly heldOut: boolean;
  readonly expected: Expectation;
  /** `kept`, or why not: a code of the stage's rejected tasks. */
  readonly code: string;
  /** The ids that were named, most likely first; also of a task that was not kept for its confidence. */
  readonly named: readonly string[];
  /** `null` without a verdict. */
  readonly confidence: number | null;
  readonly reason: string;
}

/** How often something was found where it is, and how often where it is not. */
export interface Found {
  /** Tasks in which it is. */
  readonly expected: number;
  readonly precision: Rate;
  readonly recall: Rate;
}

export interface Threshold extends Found {
  readonly min_confidence: number;
  readonly kept: number;
}

export interface CweFigures extends Found {
  readonly id: string;
  /** What was said of the tasks in which it was missed, most frequent first: other ids, or why the task was not kept. */
  readonly taken_for: readonly { readonly as: string; readonly tasks: number }[];
}

/** Precision and recall of a filter on labelled tasks. */
export interface ProbeFigures {
  readonly tasks: number;
  /** Tasks that count neither way, because only what their label allows is looked for. */
  readonly undecided: number;
  /** Tasks without a usable verdict; they are not kept. */
  readonly without_verdict: number;
  /** Of keeping what is relevant, at the recipe's `min_confidence`. */
  readonly relevant: Found;
  /** The same at other confidences. */
  readonly thresholds: readonly Threshold[];
  readonly groups: readonly (Found & { readonly group: CweGroup })[];
  /** Tasks by the group of their first label (rows) and of the first id that was named (columns); the last of each is none. */
  readonly confusion: { readonly groups: readonly string[]; readonly tasks: readonly (readonly number[])[] };
  readonly cwes: readonly CweFigures[];
}

const THRESHOLDS = [0, 0.3, 0.5, 0.7, 0.8, 0.9];

export function probeFigures(probed: readonly ProbedTask[], catalogue: Catalogue): ProbeFigures {
  const decided = probed.filter(({ expected }) => expected.kept !== null);
  const groupOf = (id: string): CweGroup | undefined => catalogue.entries.get(id)?.group;
  const ids = [...catalogue.entries.keys()];
  return {
    tasks: probed.length,
    undecided: probed.length - decided.length,
    without_verdict: probed.filter(({ confidence }) => confidence === null).length,
    relevant: foundOf(decided, (task) => task.expected.kept === true, isKept),
    thresholds: THRESHOLDS.map((least) => {
      const isAbove = (task: ProbedTask): boolean => isKeptAt(task, least);
      const found = foundOf(decided, (task) => task.expected.kept === true, isAbove);
      return { min_confidence: least, kept: decided.filter(isAbove).length, ...found };
    }),
    groups: CWE_GROUPS.map((group) => ({
      group,
      ...foundOf(
        probed,
        (task) => task.expected.ids.some((id) => groupOf(id) === group),
        (task) => labelled(task).some((id) => groupOf(id) === group),
        // An id that may be named excuses itself, not the others of its group: most groups have a general one.
        ({ expected, named }) =>
          expected.kept === null || named.every((id) => groupOf(id) !== group || expected.allowed.has(id)),
      ),
    })).filter(({ expected, precision }) => expected + precision.of > 0),
    confusion: confusionOf(decided, groupOf),
    cwes: ids
      .map((id) => ({
        id,
        ...foundOf(
          probed,
          (task) => task.expected.ids.includes(id),
          (task) => labelled(task).includes(id),
          (task) => task.expected.allowed.has(id) || task.expected.kept === null,
        ),
        taken_for: takenFor(probed, id),
      }))
      .filter(({ expected, precision }) => expected + precision.of > 0),
  };
}

type Test = (task: ProbedTask) => boolean;

/** `mayBe`: tasks in which finding it is neither right nor wrong. */
function foundOf(tasks: readonly ProbedTask[], isThere: Test, isNamed: Test, mayBe: Test = () => false): Found {
  let [right, wrong, missed] = [0, 0, 0];
  for (const task of tasks) {
    const [there, named] = [isThere(task), isNamed(task)];
    if (there && named) right += 1;
    else if (there) missed += 1;
    else if (named && !mayBe(task)) wrong += 1;
  }
  return { expected: right + missed, precision: rateOf(right, right + wrong), recall: rateOf(right, right + missed) };
}

function isKept({ code }: ProbedTask): boolean {
  return code === 'kept';
}

/** Whether a filter with another `min_confidence` would have kept it. */
function isKeptAt({ code, confidence }: ProbedTask, least: number): boolean {
  return (code === 'kept' || code === 'low_confidence') && confidence !== null && confidence >= least;
}

/** The ids that a task goes on with. */
function labelled(task: ProbedTask): readonly string[] {
  return isKept(task) ? task.named : [];
}

function takenFor(probed: readonly ProbedTask[], id: string): CweFigures['taken_for'] {
  const counts = new Map<string, number>();
  for (const task of probed) {
    if (!task.expected.ids.includes(id) || labelled(task).includes(id)) continue;
    const others = labelled(task).filter((other) => !task.expected.ids.includes(other));
    const named = isKept(task) ? (others.length > 0 ? others : ['only its other ids']) : [task.code];
    for (const as of named) counts.set(as, (counts.get(as) ?? 0) + 1);
  }
  return [...counts].map(([as, tasks]) => ({ as, tasks })).sort((one, other) => other.tasks - one.tasks);
}

function confusionOf(
  tasks: readonly ProbedTask[],
  groupOf: (id: string) => CweGroup | undefined,
): ProbeFigures['confusion'] {
  const groups = [...CWE_GROUPS, 'none'];
  const counts = groups.map(() => groups.map(() => 0));
  const indexOf = ([first]: readonly string[]): number => groups.indexOf((first && groupOf(first)) || 'none');
  for (const task of tasks) {
    const row = counts[indexOf(task.expected.ids)];
    const column = indexOf(labelled(task));
    if (row !== undefined) row[column] = (row[column] ?? 0) + 1;
  }
  const used = groups.flatMap((_, at) =>
    counts.some((row, i) => row[at] !== 0 || (i === at && row.some((n) => n !== 0))) ? [at] : [],
  );
  return {
    groups: used.map((at) => groups[at] ?? ''),
    tasks: used.map((row) => used.map((column) => counts[row]?.[column] ?? 0)),
  };
}

/** The figures of all tasks, and of the two parts that they are made of. */
export interface ProbeParts {
  readonly all: ProbeFigures;
  /** What may be looked at while a prompt, a catalogue or a threshold is tuned. */
  readonly for_tuning: ProbeFigures;
  readonly held_out: ProbeFigures;
}

export function probeParts(probed: readonly ProbedTask[], catalogue: Catalogue): ProbeParts {
  return {
    all: probeFigures(probed, catalogue),
    for_tuning: probeFigures(
      probed.filter(({ heldOut }) => !heldOut),
      catalogue,
    ),
    held_out: probeFigures(
      probed.filter(({ heldOut }) => heldOut),
      catalogue,
    ),
  };
}
