import { type RunRecord, readRuns } from '../../engine/runs/run-record.js';
import type { CliEnvironment } from '../environment.js';
import { shownPath, writeJson } from '../output.js';
import type { OutputOptions } from '../recipes/run-options.js';
import { type RunCost, runCost } from '../runs/run-cost.js';
import { runJson } from '../runs/run-json.js';
import { dateTime, duration, money } from '../views/format.js';
import { plainTable } from '../views/plain-table.js';
import { oneLine } from '../views/printable.js';
import { runStateStyles } from '../views/run-state.js';
import { type Style, styleFor } from '../views/style.js';

/** `secpi runs`: all runs of this folder, newest first, with what became of them and what they took. */
export async function runsCommand(options: OutputOptions, environment: CliEnvironment): Promise<number> {
  const { state, stdout, redact, variables } = environment;
  const style = styleFor(stdout, variables);
  const now = Date.now();
  const rows: string[][] = [];
  for await (const record of readRuns(state)) {
    const cost = await runCost(state, record, now);
    if (options.json === true) writeJson({ ...runJson(record), ...cost }, environment);
    else rows.push(cells(record, cost, style));
  }
  if (options.json === true) return 0;
  if (rows.length === 0) {
    stdout.write(`no runs in ${shownPath(state.root, environment)}\n`);
    return 0;
  }
  const head = ['run', 'started', 'outcome', 'recipe', 'time', 'cost'];
  const table = plainTable(rows, { head, align: ['left', 'left', 'left', 'left', 'right', 'right'], style });
  stdout.write(`${redact(table)}\n`);
  return 0;
}

function cells(
  { run, started_at, state, recipe, member }: RunRecord,
  { seconds, cost_usd }: RunCost,
  style: Style,
): string[] {
  const start = [run, dateTime(started_at), style(runStateStyles[state], state)];
  if (state === 'unreadable') return [...start, '–', '–', '–'];
  return [
    ...start,
    oneLine(member === undefined ? recipe : `${recipe} ${member.name}`, 80),
    duration(seconds),
    money(cost_usd),
  ];
}
