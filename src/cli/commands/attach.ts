import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SecpiError } from '../../base/errors.js';
import { exists } from '../../base/files/if-there.js';
import { livenessOf } from '../../base/processes/process-owner.js';
import type { RunFinished } from '../../engine/runs/event.js';
import { exitCodeOf } from '../../engine/runs/exit-code.js';
import { followRun } from '../../engine/runs/follow-run.js';
import { type RunRecord, readRun } from '../../engine/runs/run-record.js';
import { skimEvents } from '../../engine/runs/skim-journal.js';
import type { CliEnvironment } from '../environment.js';
import { abortOnSignals } from '../interrupt.js';
import { shownPath } from '../output.js';
import { continueArguments, continueCommand } from '../recipes/continue-command.js';
import { readMembers } from '../recipes/recipe.js';
import type { OutputOptions } from '../recipes/run-options.js';
import { beginInBackground } from '../runs/background-run.js';
import { findRun } from '../runs/find-run.js';
import { type Invocation, optionsOf, readInvocation, successorOf } from '../runs/invocation.js';
import { elsewhereText, silentText } from '../runs/run-elsewhere.js';
import { REPORT } from '../runs/run-report.js';
import { openRunView } from '../views/open-run-view.js';
import { RunProgress } from '../views/run-progress.js';

/** `secpi attach`: shows a run of another process as if it were this one's; one whose process is gone goes on, in the background. */
export async function attachCommand(
  id: string | undefined,
  options: OutputOptions,
  environment: CliEnvironment,
): Promise<number> {
  using interrupt = abortOnSignals();
  const found = await findRun(id, environment);
  const record = await latestOf(found, environment);
  if (!hasEndedEarly(record)) return await watch(record, options, environment, interrupt.signal);
  const next = await continueRun(record, options, environment, interrupt.signal);
  return typeof next === 'number' ? next : await watch(next, options, environment, interrupt.signal);
}

/** Its process is gone, and nobody has stopped it. */
function hasEndedEarly({ state }: RunRecord): boolean {
  return state === 'died' || state === 'detached';
}

/** Where such a run was gone on with before: that one. */
async function latestOf(record: RunRecord, environment: CliEnvironment): Promise<RunRecord> {
  if (!hasEndedEarly(record)) return record;
  const successor = await successorOf(record, environment);
  if (successor === undefined) return record;
  environment.stderr.write(`run ${record.run} ${howItEnded(record)}; run ${successor.run} has gone on with it\n`);
  return successor;
}

function howItEnded({ state }: RunRecord): string {
  return state === 'detached' ? 'has left' : 'died';
}

/** Begins a run with what this one was begun with: what is done is taken from the store, and jobs on other machines are found again. */
async function continueRun(
  record: RunRecord,
  options: OutputOptions,
  environment: CliEnvironment,
  signal: AbortSignal,
): Promise<RunRecord | number> {
  const invocation = await readInvocation(record);
  if (invocation === undefined) {
    throw new SecpiError('cli/not-continued', `what run ${record.run} was begun with is not known any more`, {
      hint: 'The same `secpi run` continues it.',
      exitCode: 2,
    });
  }
  const { working_directory: workingDirectory } = invocation;
  const progress = new RunProgress();
  for (const event of await skimEvents(environment.state, record.run)) progress.apply(event);
  const done = progress.stages.flatMap(({ stage, state }) => (state === 'done' ? [{ stage, outcome: state }] : []));
  const words = continueArguments(invocation.recipe, optionsOf(invocation), done);
  await refuseChanged(record, invocation, environment);
  const command = continueCommand(invocation.recipe, optionsOf(invocation), done);
  environment.stderr.write(
    environment.redact(`run ${record.run} ${howItEnded(record)}; going on in the background with: ${command}\n`),
  );
  return beginInBackground({ arguments: words, options, workingDirectory }, environment, signal);
}

async function refuseChanged(record: RunRecord, invocation: Invocation, environment: CliEnvironment): Promise<void> {
  const { recipe, set, member, working_directory: workingDirectory, recipe_sha256 } = invocation;
  const [now] = await readMembers(recipe, { set, member }, { ...environment, workingDirectory });
  if (now.sha256 === recipe_sha256) return;
  throw new SecpiError('cli/recipe-changed', `${recipe} has changed since run ${record.run} was begun with it`, {
    hint: `\`${continueCommand(recipe, optionsOf(invocation), [])}\` runs it as it is now; what the change does not touch is not made again.`,
    exitCode: 2,
  });
}

async function watch(
  record: RunRecord,
  options: OutputOptions,
  environment: CliEnvironment,
  signal: AbortSignal,
): Promise<number> {
  const { state, stderr } = environment;
  const { run } = record;
  if (record.state === 'unreadable')
    throw new SecpiError('engine/bad-run', record.problem ?? `run ${run} is unreadable`);
  if (record.state === 'unknown') stderr.write(`${elsewhereText(record)}\n`);
  const invocation = await readInvocation(record);
  const view = await openRunView(options, environment, (stages) =>
    invocation === undefined
      ? 'the same `secpi run`'
      : continueCommand(invocation.recipe, optionsOf(invocation), stages),
  );
  let finished: RunFinished | undefined;
  for await (const event of followRun(state, run, { signal })) {
    view.onEvent(event);
    if (event.type === 'run-finished') finished = event;
  }
  await view.finish(finished);
  if (finished !== undefined && options.json !== true && hasReport(finished) && (await reportIsThere(record, signal))) {
    environment.stdout.write(`report: ${shownPath(join(record.folder, REPORT), environment)}\n`);
  }
  if (finished !== undefined) return finished.exit_code ?? exitCodeOf(finished.outcome);
  if (signal.aborted) {
    stderr.write(`the run goes on; \`secpi attach ${run}\` shows it again, \`secpi cancel ${run}\` stops it\n`);
    throw signal.reason;
  }
  // A disk that was full when it ended may have kept its last event from the journal.
  const now = await readRun(state, run);
  if (now?.summary !== undefined) return now.summary.exit_code ?? exitCodeOf(now.summary.outcome);
  if (now?.state === 'unknown') {
    throw new SecpiError('cli/run-silent', silentText(now), {
      hint: 'If it is gone, the same `secpi run` takes its stages over.',
    });
  }
  throw new SecpiError('cli/run-died', `run ${run} died: its process is gone without a word`, {
    hint: `It was killed, or the machine went down. \`secpi attach ${run}\` continues it.`,
  });
}

const LOOK_EVERY_MS = 50;
/** Rendering it takes a fraction of that. Of a sweep, the process goes on with others for days. */
const REPORT_WITHIN_MS = 10_000;

/** Its process writes the page when it has said its last word; whether it has. */
async function reportIsThere({ folder, owner }: RunRecord, signal: AbortSignal): Promise<boolean> {
  const path = join(folder, REPORT);
  for (let waited = 0; waited < REPORT_WITHIN_MS && !signal.aborted; waited += LOOK_EVERY_MS) {
    // Asked before looking: what has died since may have written it.
    const isGone = owner === undefined || (await livenessOf(owner)) === 'dead';
    if (await exists(path)) return true;
    if (isGone) return false;
    await sleep(LOOK_EVERY_MS);
  }
  return false;
}

function hasReport({ stages }: RunFinished): boolean {
  return stages.some(({ stage, outcome }) => stage === 'report' && (outcome === 'done' || outcome === 'cached'));
}
