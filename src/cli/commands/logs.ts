import { SecpiError } from '../../base/errors.js';
import type { JournalEvent } from '../../engine/runs/event.js';
import { followRun, readEvents } from '../../engine/runs/follow-run.js';
import { readRun } from '../../engine/runs/run-record.js';
import type { CliEnvironment } from '../environment.js';
import { abortOnSignals } from '../interrupt.js';
import { writeJson } from '../output.js';
import type { OutputOptions } from '../recipes/run-options.js';
import { findRun } from '../runs/find-run.js';
import { successorOf } from '../runs/invocation.js';
import { silentText } from '../runs/run-elsewhere.js';
import { EventLines } from '../views/event-lines.js';
import { oneLine } from '../views/printable.js';
import { styleFor } from '../views/style.js';

export interface LogsOptions extends OutputOptions {
  readonly follow?: boolean;
  readonly stage?: string;
}

/** `secpi logs`: what a run said, and with `--follow` goes on to say; also a run of another process. */
export async function logsCommand(
  id: string | undefined,
  options: LogsOptions,
  environment: CliEnvironment,
): Promise<number> {
  const { state, stdout, redact, variables } = environment;
  const { run, sweep, member } = await findRun(id, environment);
  if (id === undefined && sweep !== undefined) {
    environment.stderr.write(
      redact(
        `note: run ${run} (${oneLine(member?.name ?? '')}) is one of sweep ${sweep}; \`secpi status\` lists the others\n`,
      ),
    );
  }
  using interrupt = abortOnSignals();
  const lines = new EventLines({
    logs: options.quiet === true ? 'warnings' : options.verbose === true ? 'debug' : 'info',
    style: styleFor(stdout, variables),
  });
  const events = options.follow === true ? followRun(state, run, { signal: interrupt.signal }) : readEvents(state, run);
  let over = false;
  for await (const event of events) {
    if (event.type === 'run-started') checkStage(options.stage, event);
    if (event.type === 'run-finished') over = true;
    const texts = lines.next(event);
    if (!isWanted(event, options.stage)) continue;
    if (options.json === true) writeJson(event, environment);
    else for (const text of texts) stdout.write(`${redact(text)}\n`);
  }
  if (interrupt.signal.aborted) throw interrupt.signal.reason;
  if (!over && options.json !== true) await sayWhyItStops(run, options.follow === true, environment);
  return 0;
}

function isWanted(event: JournalEvent, stage: string | undefined): boolean {
  return stage === undefined || ('stage' in event && event.stage === stage);
}

function checkStage(stage: string | undefined, { stages }: Extract<JournalEvent, { type: 'run-started' }>): void {
  if (stage === undefined || stages.includes(stage)) return;
  throw new SecpiError('cli/unknown-stage', `this run has no stage "${stage}"`, {
    hint: `Its stages are: ${stages.join(', ')}`,
    exitCode: 2,
  });
}

async function sayWhyItStops(run: string, follows: boolean, environment: CliEnvironment): Promise<void> {
  const { state, stderr } = environment;
  const now = await readRun(state, run);
  if (now?.state === 'running') stderr.write('the run goes on; `secpi logs -f` follows it\n');
  else if (now?.state === 'died') {
    const next = await successorOf(now, environment);
    const how =
      next === undefined
        ? 'the same `secpi run` continues it'
        : `run ${next.run} has gone on with it: \`secpi logs -f ${next.run}\``;
    stderr.write(`the run died here; ${how}\n`);
  } else if (now?.state === 'unknown' && follows) stderr.write(`${silentText(now)}\n`);
}
