import type { RunRecord } from '../../engine/runs/run-record.js';
import { skimEvents } from '../../engine/runs/skim-journal.js';
import type { StateDirectory } from '../../engine/state-directory.js';
import { RunProgress } from '../views/run-progress.js';

/** What a run has taken so far. */
export interface RunCost {
  readonly seconds: number;
  /** USD, of the answers that its stages have used. */
  readonly cost_usd: number;
}

/** Of a run that is over: from its summary. Of one that is not: what its journal says until now, or until it was last heard of. */
export async function runCost(state: StateDirectory, record: RunRecord, now: number): Promise<RunCost> {
  const { summary, state: outcome } = record;
  if (outcome === 'unreadable') return { seconds: 0, cost_usd: 0 };
  if (summary?.cost_usd !== undefined) return { seconds: summary.seconds, cost_usd: summary.cost_usd };
  const progress = new RunProgress();
  for (const event of await skimEvents(state, record.run)) progress.apply(event);
  const cost_usd = progress.stages.reduce((sum, stage) => sum + (stage.cost_usd ?? 0), 0);
  return { seconds: secondsOf(record, progress, now), cost_usd };
}

/** Seconds of a run that is over: what it took. Of one that was cut off: until it was last heard of. */
export function secondsOf(record: RunRecord, { startedAt, lastAt }: RunProgress, now: number): number {
  if (record.summary !== undefined) return record.summary.seconds;
  const started = startedAt ?? Date.parse(record.started_at);
  const until = record.state === 'running' ? now : (lastAt ?? started);
  return Math.round(Math.max(0, until - started)) / 1000;
}
