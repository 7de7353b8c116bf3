import { rounded } from '../measure.js';
import type { Figures } from './figures.js';

const HEAD = [
  'contender',
  'requests/s, whole command',
  'requests/s, asking',
  'of raw-node',
  'of the ideal',
  'CPU ms a request',
  'peak MB',
  'lost',
  'twice',
  'requests',
  'after one edit',
  'recovery s',
  'notes',
];

/** One table for each concurrency, without faults and with them. */
export function tablesOf(all: readonly Figures[]): string {
  const loads = new Map<string, Figures[]>();
  for (const figures of all) {
    const load = `${figures.tasks} tasks, ${figures.concurrency} at a time, ${figures.faults ? 'faults' : 'clean'}`;
    loads.set(load, [...(loads.get(load) ?? []), figures]);
  }
  return [...loads].map(([load, rows]) => tableOf(load, rows)).join('\n');
}

function tableOf(load: string, rows: readonly Figures[]): string {
  const raw = rows.find(({ contender }) => contender === 'raw-node');
  const lines = rows.map((row) => cellsOf(row, raw));
  const ideal = rows[0]?.ideal;
  const bound =
    ideal === undefined
      ? ''
      : `\nIdeal: ${rounded(ideal.seconds)} s of asking, ${rounded(ideal.withTail)} s with a slow row at the end.\n`;
  const text = [HEAD, HEAD.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
  return `**${load}**\n\n${text}\n${bound}`;
}

function cellsOf(row: Figures, raw: Figures | undefined): readonly string[] {
  const { contender, tasks, seconds, askingSeconds, ideal, recoverySeconds, afterEdit, code, lost } = row;
  const answered = tasks - lost;
  const rate = (part: number, whole: number): string => (whole === 0 ? '' : rounded(part / whole));
  return [
    contender,
    rounded(answered / seconds),
    rate(answered, askingSeconds),
    // Who has lost rows has done less in its time.
    raw === undefined ? '' : rate(answered * raw.askingSeconds, askingSeconds * (tasks - raw.lost)),
    rate(answered * ideal.seconds, tasks * askingSeconds),
    rounded(row.cpuMsPerTask),
    rounded(row.peakMB),
    String(lost),
    String(row.twice),
    String(row.requests),
    afterEdit === undefined ? '' : String(afterEdit),
    recoverySeconds === undefined ? '' : rounded(recoverySeconds),
    code === 0 ? '' : code === null ? 'ended: it took too long' : `exit ${code}`,
  ];
}
