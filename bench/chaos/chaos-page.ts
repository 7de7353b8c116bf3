import type { Findings } from './trial.js';

export interface Row {
  readonly target: string;
  readonly kind: string;
  readonly kills: number;
  readonly found: readonly Findings[];
}

const columns = {
  'ran twice': 'ranTwice',
  'done without its output': 'wrongOutputs',
  'lines lost or doubled': 'lines',
  'secrets found': 'secrets',
  'left behind': 'left',
  'no end, or an odd one': 'odd',
} as const satisfies Record<string, keyof Findings>;

const fields = Object.values(columns);

/** The figures as a page: a line for each target and kind of kill, in how many trials something was wrong. */
export function chaosPage(rows: readonly Row[], command: string): string {
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`;
  const bad = (of: readonly Row[], field: keyof Findings) =>
    of.flatMap(({ found }) => found).filter((findings) => findings[field].length > 0).length;
  const figures = (of: readonly Row[]) => {
    const kills = of.reduce((sum, row) => sum + row.kills, 0);
    // Where nothing was killed, nothing was found either, and that is no finding.
    return [kills, ...fields.map((field) => (kills === 0 ? '–' : bad(of, field)))];
  };
  const head = ['target', 'killed', 'kills', ...Object.keys(columns)];
  return [
    '# Kills at random',
    '',
    `Written by \`${command}\`. In how many of the trials something was wrong, as seen from outside: runs are counted by the job itself.`,
    '',
    line(head),
    line(head.map(() => '---')),
    ...rows.map((row) => line([row.target, row.kind, ...figures([row])])),
    line(['**all**', '', ...figures(rows)]),
    '',
  ].join('\n');
}
