import type { Task } from '../../datasets/task.js';
import type { RelevantTask } from '../filter/records.js';
import type { Trace } from '../trace/records.js';
import type { Funnel, FunnelStep, Sample } from './records.js';

/** Counts what is left after each step: in all, per language and per weakness. */
export async function countFunnel(records: {
  readonly tasks: AsyncIterable<Task>;
  readonly relevant: AsyncIterable<RelevantTask>;
  readonly traces: AsyncIterable<Trace>;
  readonly samples: readonly Sample[];
}): Promise<Funnel> {
  const empty = () => ({ tasks: 0, relevant: 0, traces: 0, samples: 0 });
  const total = empty();
  const byLanguage = new Map<string, ReturnType<typeof empty>>();
  const byCwe = new Map<string, ReturnType<typeof empty>>();
  const rowOf = (rows: typeof byLanguage, key: string) => {
    const row = rows.get(key) ?? empty();
    rows.set(key, row);
    return row;
  };
  const note = (step: keyof FunnelStep, language: string, cwes: readonly string[]): void => {
    total[step] += 1;
    rowOf(byLanguage, language)[step] += 1;
    for (const cwe of cwes) rowOf(byCwe, cwe)[step] += 1;
  };
  for await (const task of records.tasks) note('tasks', task.language, []);
  for await (const task of records.relevant) note('relevant', task.language, task.cwes);
  for await (const trace of records.traces) note('traces', trace.task.language, trace.task.cwes);
  for (const sample of records.samples) note('samples', sample.language, sample.cwes);
  return { schema: 1, total, by_language: sorted(byLanguage), by_cwe: sorted(byCwe) };
}

/** Keys in natural order, so that CWE-22 stands before CWE-117. */
function sorted(rows: ReadonlyMap<string, FunnelStep>): Record<string, FunnelStep> {
  return Object.fromEntries([...rows].sort(([left], [right]) => left.localeCompare(right, 'en', { numeric: true })));
}
