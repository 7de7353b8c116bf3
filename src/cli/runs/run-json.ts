import type { RunRecord } from '../../engine/runs/run-record.js';

/** A run as a line of `--json` output. */
export function runJson({ run, recipe, sweep, member, started_at, state, summary, folder, problem }: RunRecord) {
  return {
    type: 'run',
    run,
    recipe,
    ...(sweep === undefined ? {} : { sweep }),
    ...(member === undefined ? {} : { member: member.name, axes: member.axes }),
    state,
    started_at,
    folder,
    ...(summary === undefined ? {} : { seconds: summary.seconds, metrics: summary.metrics }),
    ...(summary?.error === undefined ? {} : { error: summary.error }),
    ...(problem === undefined ? {} : { problem }),
  };
}
