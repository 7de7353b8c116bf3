import { readEvents } from '../../engine/runs/follow-run.js';
import { type RunRecord, type RunState, readRuns } from '../../engine/runs/run-record.js';
import type { CliEnvironment } from '../environment.js';
import { shownPath, writeJson } from '../output.js';
import type { OutputOptions } from '../recipes/run-options.js';
import { findRun } from '../runs/find-run.js';
import { dateTime, duration } from '../views/format.js';
import { oneLine, printable } from '../views/printable.js';
import { RunProgress, type StageProgress, secondsLeft } from '../views/run-progress.js';
import { outcomeText, progressText } from '../views/stage-text.js';
import { type Style, styleFor } from '../views/style.js';

export interface StatusOptions extends OutputOptions {
  readonly all?: boolean;
}

/** `secpi status`: what a run has done and is doing, read from its journal; any process may ask. */
export async function statusCommand(
  id: string | undefined,
  options: StatusOptions,
  environment: CliEnvironment,
): Promise<number> {
  const style = styleFor(environment.stdout, environment.variables);
  if (options.all === true) {
    let runs = 0;
    for await (const record of readRuns(environment.state)) {
      runs += 1;
      if (options.json === true) writeJson(runJson(record), environment);
      else environment.stdout.write(`${environment.redact(listLine(record, style))}\n`);
    }
    if (runs === 0 && options.json !== true) {
      environment.stdout.write(`no runs in ${shownPath(environment.state.root, environment)}\n`);
    }
    return 0;
  }
  const record = await findRun(id, environment);
  const progress = new RunProgress();
  for await (const event of readEvents(environment.state, record.run)) progress.apply(event);
  const now = Date.now();
  if (options.json === true) {
    const stages = progress.stages.map((stage) => stageJson(stage, record));
    writeJson({ ...runJson(record), seconds: secondsOf(record, progress, now), stages }, environment);
  } else {
    environment.stdout.write(environment.redact(statusText(record, progress, now, style)));
  }
  return 0;
}

const stateStyles: Readonly<Record<RunState, Parameters<Style>[0]>> = {
  done: 'green',
  running: 'cyan',
  failed: 'red',
  gate: 'red',
  interrupted: 'yellow',
  died: 'red',
  unknown: 'yellow',
  unreadable: 'red',
};

function listLine({ run, recipe, started_at, state, summary }: RunRecord, style: Style): string {
  const took = summary === undefined ? '' : `  ${duration(summary.seconds)}`;
  return `${run}  ${dateTime(started_at)}  ${style(stateStyles[state], state.padEnd(11))}  ${oneLine(recipe)}${took}`;
}

function statusText(record: RunRecord, progress: RunProgress, now: number, style: Style): string {
  const { run, recipe, started_at, state } = record;
  const took = duration(secondsOf(record, progress, now));
  const lines = [
    `${style('bold', oneLine(recipe))}  ${style(stateStyles[state], state)}  ${style('dim', `run ${run}, started ${dateTime(started_at)}, ${took}`)}`,
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

function adviceOf({ state, owner, problem }: RunRecord): string | undefined {
  switch (state) {
    case 'running':
      return 'follow it with: secpi logs -f';
    case 'died':
      return 'Its process is gone without a word (killed, or the machine went down). The same `secpi run` continues it.';
    case 'unknown':
      return `It was started on ${oneLine(owner?.host ?? 'another machine')}; whether it still runs cannot be told from here.`;
    case 'unreadable':
      return `${printable(problem ?? '')}. Its artifacts are not affected; its folder can be deleted.`;
    case 'interrupted':
      return 'The same `secpi run` continues it.';
    default:
      return undefined;
  }
}

/** Of a run that is over: what it took. Of one that was cut off: until it was last heard of. */
function secondsOf(record: RunRecord, { startedAt, lastAt }: RunProgress, now: number): number {
  if (record.summary !== undefined) return record.summary.seconds;
  const started = startedAt ?? Date.parse(record.started_at);
  const until = record.state === 'running' ? now : (lastAt ?? started);
  return Math.round(Math.max(0, until - started)) / 1000;
}

function runJson({ run, recipe, started_at, state, summary, folder }: RunRecord) {
  return {
    type: 'run',
    run,
    recipe,
    state,
    started_at,
    folder,
    ...(summary === undefined ? {} : { seconds: summary.seconds, metrics: summary.metrics }),
    ...(summary?.error === undefined ? {} : { error: summary.error }),
  };
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
