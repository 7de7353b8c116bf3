import { duration, money } from '../views/format.js';
import { plainTable } from '../views/plain-table.js';
import { oneLine } from '../views/printable.js';
import { runStateStyles } from '../views/run-state.js';
import type { Style } from '../views/style.js';
import { shortAxis } from './short-names.js';
import type { Figure, SweepRow } from './sweep-rows.js';

/** All members: what each axis is, what became of it, how it did in each suite, what it took. */
export function sweepTable(rows: readonly SweepRow[], style: Style): string {
  const axes = [...new Set(rows.flatMap(({ axes: own }) => Object.keys(own)))];
  const suites = [...new Set(rows.flatMap(({ suites: own }) => Object.keys(own)))];
  const figures = suites.flatMap((suite) => {
    const variants = new Set(rows.flatMap(({ suites: own }) => Object.keys(own[suite] ?? {})));
    return [...variants].map((variant) => ({ suite, variant }));
  });
  const head = [
    ...axes.map((axis) => shortAxis(axis, axes)),
    'outcome',
    ...figures.map(({ suite, variant }) => `${oneLine(suite, 20)} ${variant}`),
    ...['cost', 'time', 'run'],
  ];
  const cells = rows.map((row) => [
    ...axes.map((axis) => oneLine(row.axes[axis] ?? '–', 40)),
    style(runStateStyles[row.state], row.state) + (row.at === undefined ? '' : ` (${oneLine(row.at, 40)})`),
    ...figures.map(({ suite, variant }) => figureText(row.suites[suite]?.[variant])),
    money(row.cost_usd),
    duration(row.seconds),
    row.run ?? '–',
  ]);
  const align = head.map((_, index) => (index <= axes.length || index === head.length - 1 ? 'left' : 'right'));
  const table = plainTable(cells, { head, align, style });
  return suites.length === 0 ? table : `${table}\n${style('dim', 'func-sec@1 with its 95 % interval')}`;
}

function figureText(figure: Figure | undefined): string {
  if (figure === undefined || figure.func_sec_at_1 === null) return '–';
  const { func_sec_at_1, interval } = figure;
  const within = interval === null ? '' : ` [${interval.map((end) => end.toFixed(2)).join(', ')}]`;
  return `${func_sec_at_1.toFixed(3)}${within}`;
}

/** `6 members: 4 done, 2 failed; cost $0.12`, and that it is more than what was paid where it is. */
export function sweepSum(rows: readonly SweepRow[]): string {
  const counts = new Map<string, number>();
  for (const { state } of rows) counts.set(state, (counts.get(state) ?? 0) + 1);
  const states = [...counts].map(([state, count]) => `${count} ${state === 'gate' ? 'stopped by a gate' : state}`);
  const cost = rows.reduce((sum, { cost_usd }) => sum + cost_usd, 0);
  const several = rows.filter(({ cost_usd }) => cost_usd > 0).length > 1;
  const spent = cost > 0 ? `; cost ${money(cost)}${several ? ' (answers that several used count for each)' : ''}` : '';
  return `${rows.length} members: ${states.join(', ')}${spent}`;
}
