import { median } from '../../base/median.js';
import { skimEvents } from '../../engine/runs/skim-journal.js';
import type { StateDirectory } from '../../engine/state-directory.js';
import type { ReportRun } from '../../stages/report/report-data.js';

/**
 * What the training of a run took of the machine, from its journal; `undefined` where it trained nothing. Of a long one the medians are those
 * of steps spread evenly over it; memory is each process's most until then, so what lies between them adds nothing.
 */
export async function trainingRate(state: StateDirectory, run: string): Promise<ReportRun['training']> {
  const rates: number[] = [];
  const shares: number[] = [];
  let memory = 0;
  for (const event of await skimEvents(state, run)) {
    if (event.type !== 'metric' || event.stage !== 'train') continue;
    const { tokens_per_second, mfu, memory_gib } = event.values;
    if (typeof tokens_per_second === 'number') rates.push(tokens_per_second);
    if (typeof mfu === 'number') shares.push(mfu);
    if (typeof memory_gib === 'number') memory = Math.max(memory, memory_gib);
  }
  const rate = median(rates);
  return rate === undefined ? undefined : { tokens_per_second: rate, mfu: median(shares) ?? null, memory_gib: memory };
}
