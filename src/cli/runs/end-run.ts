import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, SecpiError } from '../../base/errors.js';
import { systemCode } from '../../base/files/system-code.js';
import { livenessOf } from '../../base/processes/process-owner.js';
import { type RunRecord, readRun } from '../../engine/runs/run-record.js';
import { askRun, hasHeard, type RunRequest } from '../../engine/runs/run-request.js';
import type { StateDirectory } from '../../engine/state-directory.js';
import { elsewhereText, hostOf } from './run-elsewhere.js';

export interface EndRunOptions {
  readonly state: StateDirectory;
  readonly signal: AbortSignal;
  readonly onNote: (message: string) => void;
}

const LOOK_EVERY_MS = 300;
/** A run that can be seen from here looks for requests twice a second; one that has not heard after this does nothing at all. */
const DEAF_AFTER_MS = 10_000;
/** Network file systems show a new file to other hosts up to a minute later. */
const SILENT_AFTER_MS = 90_000;

/** Whether a run may be going on. */
export function mayLive({ state }: RunRecord): boolean {
  return state === 'running' || state === 'unknown';
}

/**
 * Asks a run that may be going on to end, and waits until it has; resolves to how it stands then. One that is told to end `now` and hears
 * nothing is killed, if it is a process of this machine that is proven to be the run's.
 *
 * @throws SecpiError `cli/run-elsewhere` when it is not seen from here and gives no answer, `cli/cannot-end`; the signal's reason: what was
 * asked for is not taken back.
 */
export async function endRun(
  { run, folder }: RunRecord,
  ask: RunRequest,
  { state, signal, onNote }: EndRunOptions,
): Promise<RunRecord> {
  await askRun(folder, ask);
  let toldDeaf = false;
  for (let waitedMs = 0; ; waitedMs += LOOK_EVERY_MS) {
    signal.throwIfAborted();
    const now = await readRun(state, run);
    if (now === undefined) throw new SecpiError('engine/unknown-run', `there is no run "${run}"`, { exitCode: 2 });
    if (!mayLive(now)) return now;
    const heard = await hasHeard(folder);
    if (now.state === 'unknown') {
      // Nothing tells from here that it is gone, and it has no time to say so.
      if (heard && ask === 'now') return now;
      if (!heard && waitedMs >= SILENT_AFTER_MS) throw elsewhere(now);
    } else if (waitedMs >= DEAF_AFTER_MS && ask === 'now') {
      await kill(now);
    } else if (waitedMs >= DEAF_AFTER_MS && !heard && !toldDeaf) {
      toldDeaf = true;
      onNote('it has not heard that yet: its process may be stopped (Ctrl-Z, `fg` wakes it); --now ends it');
    }
    await sleep(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined);
  }
}

function elsewhere(record: RunRecord): SecpiError {
  return new SecpiError('cli/run-elsewhere', elsewhereText(record, ' and has not answered'), {
    hint: `It ends as soon as it hears it. On ${hostOf(record)} itself, the same command can tell.`,
  });
}

/** Looked at once more in the last moment: a pid is used again. */
async function kill({ owner }: RunRecord): Promise<void> {
  if (owner === undefined || (await livenessOf(owner)) !== 'alive') return;
  try {
    process.kill(owner.pid, 'SIGKILL');
  } catch (error) {
    if (systemCode(error) === 'ESRCH') return;
    throw new SecpiError('cli/cannot-end', `process ${owner.pid} cannot be ended: ${messageOf(error)}`, {
      hint: 'Only the user who has started it, or root, can.',
      cause: error,
    });
  }
}
