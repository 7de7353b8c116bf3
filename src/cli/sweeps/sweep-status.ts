import type { RunRecord } from '../../engine/runs/run-record.js';
import type { CliEnvironment } from '../environment.js';
import { writeJson } from '../output.js';
import type { OutputOptions } from '../recipes/run-options.js';
import { dateTime } from '../views/format.js';
import { oneLine } from '../views/printable.js';
import { styleFor } from '../views/style.js';
import { sweepRow } from './sweep-rows.js';
import { sweepSum, sweepTable } from './sweep-table.js';

/** `secpi status` of a sweep: the table that it ends with, as far as it has come. */
export async function sweepStatus(
  sweep: string,
  records: readonly RunRecord[],
  options: OutputOptions,
  environment: CliEnvironment,
): Promise<number> {
  const { state, stdout, variables, redact } = environment;
  const rows = await Promise.all(records.map((record) => sweepRow(state, record)));
  const [{ recipe, started_at } = { recipe: '', started_at: '' }] = records;
  if (options.json === true) {
    writeJson({ type: 'sweep', sweep, recipe, started_at, members: rows }, environment);
    return 0;
  }
  const style = styleFor(stdout, variables);
  const goesOn = rows.some(({ state: how }) => how === 'died' || how === 'interrupted' || how === 'detached');
  const lines = [
    `${style('bold', oneLine(recipe))}  ${style('dim', `sweep ${sweep}, started ${dateTime(started_at)}`)}`,
    sweepTable(rows, style),
    `${sweepSum(rows)}; one of them: secpi status RUN`,
    ...(goesOn ? ['The same `secpi run` continues it.'] : []),
  ];
  stdout.write(`${redact(lines.join('\n'))}\n`);
  return 0;
}
