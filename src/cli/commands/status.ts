import { latestRun, type RunRecord, readRun } from '../../engine/runs/run-record.js';
import { skimEvents } from '../../engine/runs/skim-journal.js';
import type { CliEnvironment } from '../environment.js';
import { writeJson } from '../output.js';
import type { OutputOptions } from '../recipes/run-options.js';
import { findRun, isRunId } from '../runs/find-run.js';
import { secondsOf } from '../runs/run-cost.js';
import { elsewhereText } from '../runs/run-elsewhere.js';
import { runJson } from '../runs/run-json.js';
import { membersWith, runsOfSweep } from '../sweeps/runs-of-sweep.js';
import { dateTime, duration } from '../views/format.js';
import { oneLine, printable } from '../views/printable.js';
import { RunProgress, type StageProgress, secondsLeft } from '../views/run-progress.js';
import { runStateStyles } from '../views/run-state.js';
import { outcomeText, progressText } from '../views/stage-text.js';
import { type Style, styleFor } from '../views/style.js';
import { runsCommand } from './runs.js';

export interface StatusOptions extends OutputOptions {
  readonly all?: boolean;
}

/** `secpi status`: what a run, or all runs of a sweep, have done and are doing, read from their journals; any process may ask. */
export async function statusCommand(
  id: string | undefined,
  options: StatusOptions,
  environment: CliEnvironment,
): Promise<number> {
  if (options.all === true) return runsCommand(options, environment);
  const style = styleFor(environment.stdout, environment.variables);
  const members = await membersOf(id, environment);
  const [{ sweep } = {}] = members;
  if (sweep !== undefined) {
    const { sweepStatus } = await import('../sweeps/sweep-status.js');
    return sweepStatus(sweep, members, options, environment);
  }
  const record = await findRun(id, environment);
  const progress = new RunProgress();
  for (const event of await skimEvents(environment.state, record.run)) progress.apply(event);
  const now = Date.now();
  if (options.json === true) {
    const stages = progress.stages.map((stage) => stageJson(stage, record));
    writeJson({ ...runJson(record), seconds: secondsOf(record, progress, now), stages }, environment);
  } else {
    environment.stdout.write(environment.redact(statusText(record, progress, now, style)));
  }
  return 0;
}

/** The runs of the sweep that is meant: the one of that id, or the newest run's. None where a run is meant. */
async function membersOf(id: string | undefined, { state }: CliEnvironment): Promise<readonly RunRecord[]> {
  if (id === undefined) {
    const latest = await latestRun(state);
    return latest?.sweep === undefined ? [] : membersWith(state, latest);
  }
  // A run is found by its folder; only what is none can be a sweep.
  return isRunId(id) && (await readRun(state, id.toUpperCase())) === undefined
    ? runsOfSweep(state, id.toUpperCase())
    : [];
}

function statusText(record: RunRecord, progress: RunProgress, now: number, style: Style): string {
  const { run, recipe, member, started_at, state } = record;
  const took = duration(secondsOf(record, progress, now));
  const lines = [
    `${style('bold', oneLine([recipe, member?.name].filter(Boolean).join(' ')))}  ${style(runStateStyles[state], state)}  ${style('dim', `run ${run}, started ${dateTime(started_at)}, ${took}`)}`,
  ];
  const width = Math.max(8, ...progress.stages.map(({ stage }) => stage.length));
  for (const stage of progress.stages)
    lines.push(`  ${oneLine(stage.stage).padEnd(width)}  ${stageLine(stage, record, now)}`);
  for (const { stage, message } of progress.warnings.slice(-5)) {
    lines.push(`${style('yellow', 'warning:')} ${oneLine(stage)}: ${oneLine(message)}`);
  }
  const error = record.summary?.error;
  if (error !== undefined) {
    lines.push(`${style('red', 'error:')} ${printable(error.message).trim()}`);
    if (error.hint !== undefined) lines.push(`${style('bold', 'hint:')} ${printable(error.hint)}`);
    lines.push(`code: ${oneLine(error.code)}`);
  }
  const advice = adviceOf(record);
  if (advice !== undefined) lines.push(advice);
  return `${lines.join('\n')}\n`;
}

function stageLine(stage: StageProgress, record: RunRecord, now: number): string {
  if (stage.state === 'pending') return '–';
  if (stage.state !== 'running' && stage.state !== 'waiting') return outcomeText(stage);
  const { rate: _rate, ...still } = stage;
  const details = progressText(record.state === 'running' ? stage : still);
  const at = details === '' ? '' : `: ${details}`;
  if (record.state !== 'running') return `cut off${at}`;
  if (stage.state === 'waiting') return `waits: the same is being made by ${oneLine(stage.owner ?? '')}`;
  return `running for ${duration((now - (stage.startedAt ?? now)) / 1000)}${at}`;
}

function adviceOf(record: RunRecord): string | undefined {
  switch (record.state) {
    case 'running':
      return 'follow it with: secpi logs -f';
    case 'died':
      return 'Its process is gone without a word (killed, or the machine went down). The same `secpi run` continues it.';
    case 'detached':
      return 'It has left; what it has begun on other machines goes on there. `secpi attach` goes on with that.';
    case 'unknown':
      return elsewhereText(record);
    case 'unreadable':
      return `${printable(record.problem ?? '')}. Its artifacts are not affected; its folder can be deleted.`;
    case 'interrupted':
      return 'The same `secpi run` continues it.';
    default:
      return undefined;
  }
}

function stageJson(stage: StageProgress, record: RunRecord) {
  const left = record.state === 'running' ? secondsLeft(stage) : undefined;
  const cutOff = record.state !== 'running' && (stage.state === 'running' || stage.state === 'waiting');
  return {
    stage: stage.stage,
    state: cutOff ? 'cut-off' : stage.state,
    ...(stage.seconds === undefined ? {} : { seconds: stage.seconds }),
    ...(stage.work === undefined ? {} : { progress: stage.work }),
    ...(stage.loss.last === undefined ? {} : { loss: stage.loss.last }),
    ...(left === undefined ? {} : { seconds_left: Math.round(left) }),
    ...(stage.counts === undefined ? {} : { counts: stage.counts }),
    ...(stage.reasons === undefined ? {} : { reasons: stage.reasons }),
    ...(stage.error === undefined ? {} : { error: stage.error }),
  };
}
