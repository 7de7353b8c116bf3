import { median } from '../../base/median.js';
import type { Trace } from '../trace/records.js';

/** The median number of characters of the reasoning, by the source of its task. */
export async function usualLengths(traces: AsyncIterable<Trace>): Promise<ReadonlyMap<string, number>> {
  const lengths = new Map<string, number[]>();
  for await (const { task, reasoning } of traces) {
    const list = lengths.get(task.source) ?? [];
    lengths.set(task.source, list);
    list.push((reasoning ?? '').length);
  }
  return new Map(
    [...lengths].flatMap(([source, list]) => {
      const middle = median(list);
      return middle === undefined ? [] : [[source, middle] as const];
    }),
  );
}
