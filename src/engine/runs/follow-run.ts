import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SecpiError } from '../../base/errors.js';
import { readJsonLines } from '../../base/files/json-lines.js';
import type { StateDirectory } from '../state-directory.js';
import type { JournalEvent } from './event.js';
import { journalEventSchema } from './event-schema.js';
import { EVENTS } from './journal.js';
import { readRun } from './run-record.js';

const POLL_MILLISECONDS = 200;
const CHUNK_BYTES = 64 * 1024;

/** Everything a run has said so far. A line that its death cut off is left out. */
export function readEvents(state: StateDirectory, run: string): AsyncGenerator<JournalEvent> {
  return readJsonLines(join(state.run(run), EVENTS), journalEventSchema, { unfinished: 'drop' });
}

async function openWhenThere(path: string): Promise<FileHandle | undefined> {
  return open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
}

/**
 * What a run has said and goes on to say, also a run of another process. Ends behind `run-finished`, or when the run has died
 * and everything is read, or when `signal` is aborted. Throws `engine/unknown-run`.
 */
export async function* followRun(
  state: StateDirectory,
  run: string,
  options: { readonly signal: AbortSignal },
): AsyncGenerator<JournalEvent> {
  const path = join(state.run(run), EVENTS);
  const buffer = Buffer.alloc(CHUNK_BYTES);
  let rest = Buffer.alloc(0);
  let handle: FileHandle | undefined;
  try {
    while (!options.signal.aborted) {
      // Asked before reading, so that what a dying run wrote last is still read.
      const record = await readRun(state, run);
      if (record === undefined) throw new SecpiError('engine/unknown-run', `there is no run "${run}"`, { exitCode: 2 });
      handle ??= await openWhenThere(path);
      for (;;) {
        const { bytesRead } = (await handle?.read(buffer, 0, CHUNK_BYTES, null)) ?? { bytesRead: 0 };
        if (bytesRead === 0) break;
        rest = Buffer.concat([rest, buffer.subarray(0, bytesRead)]);
        for (let end = rest.indexOf(0x0a); end !== -1; end = rest.indexOf(0x0a)) {
          const event = journalEventSchema.parse(JSON.parse(rest.subarray(0, end).toString('utf8')));
          rest = rest.subarray(end + 1);
          yield event;
          if (event.type === 'run-finished') return;
        }
      }
      if (record.state !== 'running' && record.state !== 'unknown') return;
      await sleep(POLL_MILLISECONDS, undefined, { signal: options.signal }).catch(() => undefined);
    }
  } finally {
    await handle?.close();
  }
}
