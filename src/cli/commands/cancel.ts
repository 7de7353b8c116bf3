import { SecpiError } from '../../base/errors.js';
import type { RunRecord } from '../../engine/runs/run-record.js';
import type { CliEnvironment } from '../environment.js';
import { abortOnSignals } from '../interrupt.js';
import { writeJson } from '../output.js';
import type { OutputOptions } from '../recipes/run-options.js';
import { endRun, mayLive } from '../runs/end-run.js';
import { findRun } from '../runs/find-run.js';
import { type StoppedJob, stopJobsElsewhere } from '../runs/jobs-elsewhere.js';
import { runJson } from '../runs/run-json.js';
import { membersWith } from '../sweeps/runs-of-sweep.js';
import { oneLine } from '../views/printable.js';

export interface CancelOptions extends OutputOptions {
  /** As a second Ctrl-C. */
  readonly now?: boolean;
}

/** `secpi cancel`: ends a run of another process, all of its sweep if it has one, and what it has left running on other machines. */
export async function cancelCommand(
  id: string | undefined,
  options: CancelOptions,
  environment: CliEnvironment,
): Promise<number> {
  const { state, stdout, stderr } = environment;
  using interrupt = abortOnSignals();
  const { signal } = interrupt;
  const onNote = (message: string): void => {
    if (options.json !== true && options.quiet !== true) stderr.write(`${environment.redact(message)}\n`);
  };
  const before = await findRun(id, environment);
  if (before.state === 'unreadable') throw new SecpiError('engine/bad-run', before.problem ?? 'the run is unreadable');
  for (const member of await membersWith(state, before)) {
    let record = member;
    if (mayLive(member)) {
      onNote(`asking run ${member.run} to end${options.now === true ? ' at once' : '; it saves what it has'}`);
      record = await endRun(member, options.now === true ? 'now' : 'stop', { state, signal, onNote });
    }
    const jobs = await stopJobsElsewhere(record, environment, signal, onNote);
    if (options.json === true) writeJson({ ...runJson(record), jobs: jobs.map(jobJson) }, environment);
    else stdout.write(environment.redact(`${[endText(member, record), ...jobs.map(jobText)].join('\n')}\n`));
  }
  return 0;
}

function endText(before: RunRecord, { run, state }: RunRecord): string {
  if (!mayLive(before)) return `run ${run} was over already: ${state}`;
  switch (state) {
    case 'died':
    case 'unknown':
      return `run ${run} was ended at once; what is finished stays finished`;
    case 'interrupted':
    case 'detached':
      return `run ${run} was interrupted; what is finished stays finished`;
    default:
      return `run ${run} came to its end before it heard that: ${state}`;
  }
}

function jobText({ stage, place, state }: StoppedJob): string {
  const job = `the job of ${oneLine(stage)} on ${oneLine(place)}`;
  switch (state) {
    case 'stopped':
      return `${job} was stopped`;
    case 'over':
      return `${job} was over already; the next run takes what it has made`;
    case 'none':
      return `${job} had not begun`;
    case 'taken':
      return `${job} goes on: another run has taken it over, which \`secpi runs\` lists`;
  }
}

function jobJson({ stage, place, folder, state }: StoppedJob) {
  return { stage, place, folder, state };
}
