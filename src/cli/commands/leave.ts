import { SecpiError } from '../../base/errors.js';
import type { CliEnvironment } from '../environment.js';
import { abortOnSignals } from '../interrupt.js';
import { writeJson } from '../output.js';
import type { OutputOptions } from '../recipes/run-options.js';
import { endRun, mayLive } from '../runs/end-run.js';
import { findRun } from '../runs/find-run.js';
import { jobsElsewhere } from '../runs/jobs-elsewhere.js';
import { runJson } from '../runs/run-json.js';
import { oneLine } from '../views/printable.js';

/** `secpi leave`: ends the process of a run, but not what the run has begun on other machines. */
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
  let record = before;
  if (mayLive(before)) {
    onNote(`asking run ${before.run} to leave; what runs on this machine saves what it has`);
    record = await endRun(before, 'leave', { state, signal: interrupt.signal, onNote });
  }
  const jobs = (await jobsElsewhere(record, environment)).map(({ stage, place, folder }) => ({ stage, place, folder }));
  if (options.json === true) {
    writeJson({ ...runJson(record), jobs }, environment);
    return 0;
  }
  const end = mayLive(before)
    ? record.state === 'detached'
      ? 'has left'
      : `is over: ${record.state}`
    : `was over already: ${record.state}`;
  const lines = [
    `run ${record.run} ${end}`,
    ...jobs.map(({ stage, place }) => `the job of ${oneLine(stage)} on ${oneLine(place)} goes on there`),
    ...(record.state === 'detached' ? [`go on with: secpi attach ${record.run}`] : []),
  ];
  stdout.write(environment.redact(`${lines.join('\n')}\n`));
  return 0;
}
