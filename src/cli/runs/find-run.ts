import { SecpiError } from '../../base/errors.js';
import { latestRun, type RunRecord, readRun, readRuns } from '../../engine/runs/run-record.js';
import type { CliEnvironment } from '../environment.js';
import { shownPath } from '../output.js';
import { oneLine } from '../views/printable.js';

/** What a run's id looks like (a ULID); nothing else is looked up, so an argument cannot lead out of the folder. */
const runId = /^[0-9A-Z]{26}$/;

export function isRunId(id: string): boolean {
  return runId.test(id.toUpperCase());
}

/** The run of that id, or the newest. Throws `cli/no-runs` and `cli/unknown-run`, both bad usage. */
export async function findRun(id: string | undefined, environment: CliEnvironment): Promise<RunRecord> {
  const { state } = environment;
  if (id === undefined) {
    const latest = await latestRun(state);
    if (latest !== undefined) return latest;
    throw new SecpiError('cli/no-runs', `there are no runs in ${shownPath(state.root, environment)}`, {
      hint: 'State lies in `.secpi` of the folder that `secpi run` was started in, or in $SECPI_HOME.',
      exitCode: 2,
    });
  }
  const name = id.toUpperCase();
  const found = runId.test(name) ? await readRun(state, name) : undefined;
  if (found !== undefined) return found;
  const newest: string[] = [];
  for await (const { run } of readRuns(state)) {
    newest.push(run);
    if (newest.length === 3) break;
  }
  throw new SecpiError('cli/unknown-run', `there is no run "${oneLine(id, 60)}"`, {
    hint:
      newest.length === 0
        ? 'There are no runs here yet.'
        : `The newest are: ${newest.join(', ')}. \`secpi runs\` lists all.`,
    exitCode: 2,
  });
}
