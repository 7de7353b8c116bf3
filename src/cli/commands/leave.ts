import { SecpiError } from '../../base/errors.js';
import type { RunRecord } from '../../engine/runs/run-record.js';
import type { CliEnvironment } from '../environment.js';
import { abortOnSignals } from '../interrupt.js';
import { writeJson } from '../output.js';
import type { OutputOptions } from '../recipes/run-options.js';
import { endRun, mayLive } from '../runs/end-run.js';
import { findRun } from '../runs/find-run.js';
import { jobsElsewhere } from '../runs/jobs-elsewhere.js';
import { runJson } from '../runs/run-json.js';
import { membersWith } from '../sweeps/runs-of-sweep.js';
import { oneLine } from '../views/printable.js';

/** `secpi leave`: ends the process of a run, or of all its sweep, but not what the run has begun on other machines. */
export async function leaveCommand(
  id: string | undefined,
  options: OutputOptions,
  environment: CliEnvironment,
): Promise<number> {
  const { state, stdout, stderr } = environment;
  using interrupt = abortOnSignals();
  const onNote = (message: string): void => {
    if (options.json !== true && options.quiet !== true) stderr.write(`${message}\n`);
  };
  const before = await findRun(id, environment);
  if (before.state === 'unreadable') throw new SecpiError('engine/bad-run', before.problem ?? 'the run is unreadable');
  for (const member of await membersWith(state, before)) {
    let record = member;
    if (mayLive(member)) {
      onNote(`asking run ${member.run} to leave; what runs on this machine saves what it has`);
      record = await endRun(member, 'leave', { state, signal: interrupt.signal, onNote });
    }
    const jobs = (await jobsElsewhere(record, environment)).map(({ stage, place, folder }) => ({
      stage,
      place,
      folder,
    }));
    if (options.json === true) {
      writeJson({ ...runJson(record), jobs }, environment);
      continue;
    }
    const lines = [
      `run ${record.run} ${endOf(member, record)}`,
      ...jobs.map(({ stage, place }) => `the job of ${oneLine(stage)} on ${oneLine(place)} goes on there`),
      ...(record.state === 'detached' ? [`go on with: secpi attach ${record.run}`] : []),
    ];
    stdout.write(environment.redact(`${lines.join('\n')}\n`));
  }
  return 0;
}

function endOf(before: RunRecord, { state }: RunRecord): string {
  if (!mayLive(before)) return `was over already: ${state}`;
  return state === 'detached' ? 'has left' : `is over: ${state}`;
}
