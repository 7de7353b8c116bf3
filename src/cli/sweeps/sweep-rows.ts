import { inspectArtifact } from '../../engine/artifacts/artifact-store.js';
import type { ErrorReport } from '../../engine/runs/event.js';
import type { RunRecord, RunState } from '../../engine/runs/run-record.js';
import { skimEvents } from '../../engine/runs/skim-journal.js';
import type { StateDirectory } from '../../engine/state-directory.js';
import { figuresSchema } from '../../stages/evaluate/records.js';
import { runCost } from '../runs/run-cost.js';
import { RunProgress } from '../views/run-progress.js';

/** func-sec@1 with its interval, where there is one. */
export interface Figure {
  readonly func_sec_at_1: number | null;
  readonly interval: readonly [number, number] | null;
}

/** One member of a sweep: a line of its table. */
export interface SweepRow {
  readonly member: string;
  readonly axes: Readonly<Record<string, string>>;
  /** Null for one that could not even be recorded. */
  readonly run: string | null;
  readonly state: RunState;
  /** What runs at the moment, or what it waits for. */
  readonly at?: string;
  readonly seconds: number;
  /** USD, of what this member has bought itself; what it shares counts where it was made. */
  readonly cost_usd: number;
  readonly suites: Readonly<Record<string, Readonly<Record<string, Figure>>>>;
  readonly error?: ErrorReport;
}

export async function sweepRow(state: StateDirectory, record: RunRecord): Promise<SweepRow> {
  const { run, summary, member } = record;
  const at = record.state === 'running' ? { at: await whatRuns(state, run) } : {};
  return {
    member: member?.name ?? '',
    axes: member?.axes ?? {},
    run,
    state: record.state,
    ...at,
    ...(await runCost(state, record, Date.now())),
    suites: await figuresOf(state, record),
    ...(summary?.error === undefined ? {} : { error: summary.error }),
  };
}

async function whatRuns(state: StateDirectory, run: string): Promise<string> {
  const progress = new RunProgress();
  for (const event of await skimEvents(state, run)) progress.apply(event);
  const at = progress.stages.filter((stage) => stage.state === 'running' || stage.state === 'waiting');
  if (at.length === 0) return 'waits for its turn';
  return at.map(({ stage, state: how }) => (how === 'waiting' ? `waits in ${stage}` : stage)).join(', ');
}

/** From the scores themselves: a run's summary holds no intervals. */
async function figuresOf(state: StateDirectory, { summary }: RunRecord): Promise<SweepRow['suites']> {
  const fingerprint = summary?.stages.find(({ stage }) => stage === 'evaluate')?.fingerprint;
  const outcome = summary?.stages.find(({ stage }) => stage === 'evaluate')?.outcome;
  if (!fingerprint || (outcome !== 'done' && outcome !== 'cached')) return {};
  const { signal } = new AbortController();
  const found = await inspectArtifact(state, 'evaluate', fingerprint, { signal });
  if (found.state !== 'whole') return {};
  const scores = await found.artifact.json('scores.json', figuresSchema);
  return Object.fromEntries(
    Object.entries(scores.suites).map(([suite, { variants }]) => {
      const figures = Object.entries(variants).map(([variant, { func_sec_at_1, intervals }]) => [
        variant,
        { func_sec_at_1, interval: intervals.func_sec_at_1 },
      ]);
      return [suite, Object.fromEntries(figures)];
    }),
  );
}
