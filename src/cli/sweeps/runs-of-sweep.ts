import { type RunRecord, readRuns } from '../../engine/runs/run-record.js';
import type { StateDirectory } from '../../engine/state-directory.js';

/** Characters of a ULID that are its time. */
const TIME = 10;

/** The runs of a sweep, in the order in which they were begun. */
export async function runsOfSweep(state: StateDirectory, sweep: string): Promise<readonly RunRecord[]> {
  const runs: RunRecord[] = [];
  for await (const record of readRuns(state)) {
    // Ids sort by time, and no run of a sweep has an earlier one than the sweep.
    if (record.run.slice(0, TIME) < sweep.slice(0, TIME)) break;
    if (record.sweep === sweep) runs.push(record);
  }
  return runs.reverse();
}

/** A run, or all that were begun together with it and end with it, since they are one process. */
export async function membersWith(state: StateDirectory, record: RunRecord): Promise<readonly RunRecord[]> {
  return record.sweep === undefined ? [record] : runsOfSweep(state, record.sweep);
}
