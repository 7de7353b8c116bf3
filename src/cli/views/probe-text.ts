import type { Found, ProbedTask, ProbeFigures, ProbeParts } from '../../stages/filter/probe/probe-figures.js';
import { type Rate, rateOf } from '../../suites/figures/rate.js';
import { plainTable } from './plain-table.js';
import { oneLine } from './printable.js';
import type { Style } from './style.js';

interface ProbeTextOptions {
  readonly style: Style;
  /** The recipe's. */
  readonly minConfidence: number;
}

/** What a classifier reaches on labelled tasks: in all, by confidence, by group, by weakness, and what is taken for what. */
export function probeTables(parts: ProbeParts, { style, minConfidence }: ProbeTextOptions): readonly string[] {
  const { all, for_tuning, held_out } = parts;
  const rates = ({ precision, recall }: Found) => [rateText(precision), rateText(recall)];
  const left = 'left' as const;
  const right = 'right' as const;
  const relevance = plainTable(
    [
      ...Object.entries({ all, 'for tuning': for_tuning, 'held out': held_out }).map(([name, part]) => [
        name,
        ...[part.tasks, part.relevant.expected, part.relevant.precision.of].map(String),
        ...rates(part.relevant),
      ]),
    ],
    {
      head: ['keeping what is relevant', 'tasks', 'relevant', 'kept', 'precision', 'recall'],
      align: [left, right, right, right, left, left],
      style,
    },
  );
  const thresholds = plainTable(
    all.thresholds.map((threshold) => [`${threshold.min_confidence}`, String(threshold.kept), ...rates(threshold)]),
    {
      head: [`min_confidence (here ${minConfidence})`, 'kept', 'precision', 'recall'],
      align: [left, right, left, left],
      style,
    },
  );
  const groups = plainTable(
    all.groups.map((group) => [group.group, String(group.expected), ...rates(group)]),
    { head: ['group', 'tasks', 'precision', 'recall'], align: [left, right, left, left], style },
  );
  const cwes = plainTable(
    all.cwes.map((cwe) => [
      cwe.id,
      String(cwe.expected),
      ...rates(cwe),
      cwe.taken_for
        .slice(0, 3)
        .map(({ as, tasks }) => `${as.replaceAll('_', ' ')}${tasks > 1 ? ` ×${tasks}` : ''}`)
        .join(', '),
    ]),
    { head: ['weakness', 'tasks', 'precision', 'recall', 'missed for'], align: [left, right, left, left, left], style },
  );
  const short = (name: string): string => name.slice(0, 8);
  const confusion = plainTable(
    all.confusion.tasks.map((row, at) => [
      all.confusion.groups[at] ?? '',
      ...row.map((count) => (count === 0 ? '·' : String(count))),
    ]),
    {
      head: ['group (down) taken for', ...all.confusion.groups.map(short)],
      align: [left, ...all.confusion.groups.map(() => right)],
      style,
    },
  );
  return [relevance, '', thresholds, '', groups, '', confusion, '', cwes, ...notes(all)];
}

function notes({ undecided, without_verdict }: ProbeFigures): readonly string[] {
  return [
    '',
    'Brackets: 95 % intervals (Clopper–Pearson). docs/probe.md says what is counted.',
    ...(undecided === 0 ? [] : [`${undecided} tasks count neither way: what they bring is not looked for.`]),
    ...(without_verdict === 0 ? [] : [`${without_verdict} tasks got no usable verdict and are not kept.`]),
  ];
}

/** What a filter of the curation does with labelled texts of one part; what it drops counts as found. */
export interface TextFilterFigures {
  readonly filter: string;
  readonly part: string;
  readonly counts: {
    /** Dropped, and rightly so. */
    readonly found: number;
    /** Kept, but it should have been dropped. */
    readonly missed: number;
    /** Dropped, but it should have been kept. */
    readonly wronged: number;
    readonly spared: number;
  };
}

/** One row for each filter and part: precision and recall of what it drops. */
export function textFilterTable(figures: readonly TextFilterFigures[], style: Style): string {
  const rows = figures.map(({ filter, part, counts: { found, missed, wronged, spared } }) => [
    filter.replaceAll('_', ' '),
    part.replaceAll('_', ' '),
    String(found + missed + wronged + spared),
    rateText(rateOf(found, found + wronged)),
    rateText(rateOf(found, found + missed)),
  ]);
  const head = ['filter of the curation', 'part', 'texts', 'precision', 'recall'];
  return plainTable(rows, { head, align: ['left', 'left', 'right', 'left', 'left'], style });
}

/** `0.93 (0.88–0.96) 188/202`. */
export function rateText({ right, of, share, interval }: Rate): string {
  if (share === null || interval === null) return '–';
  const [low, high] = interval.map((end) => end.toFixed(2));
  return `${share.toFixed(2)} (${low}–${high}) ${right}/${of}`;
}

/** Each task that was kept or dropped wrongly, with the classifier's reason; held-out ones stay unseen. */
export function mistakeLines(
  probed: readonly ProbedTask[],
  prompts: ReadonlyMap<string, string>,
  style: Style,
): readonly string[] {
  const wrong = probed.filter(
    ({ heldOut, expected, code }) => !heldOut && expected.kept !== null && expected.kept !== (code === 'kept'),
  );
  return [
    '',
    style('bold', `${wrong.length} tasks kept or dropped wrongly (those that are held out are not shown)`),
    ...wrong.flatMap(({ id, expected, code, named, confidence, reason }) => [
      `${id}: ${code.replaceAll('_', ' ')}${named.length > 0 ? ` as ${named.join(', ')}` : ''}${confidence === null ? '' : ` (${confidence})`}, expected ${expected.ids.join(', ') || 'nothing'}`,
      style('dim', `  ${oneLine(prompts.get(id) ?? '', 200)}`),
      style('dim', `  ${oneLine(reason, 200)}`),
    ]),
  ];
}
