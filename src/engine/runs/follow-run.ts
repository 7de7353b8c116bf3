import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SecpiError } from '../../base/errors.js';
import { ifThere } from '../../base/files/if-there.js';
import { readLines } from '../../base/files/read-lines.js';
import { SILENCE_SECONDS, SilenceWatch } from '../../base/locks/heartbeat.js';
import type { StateDirectory } from '../state-directory.js';
import { type JournalEvent, parseEvent } from './event.js';
import { EVENTS } from './journal.js';
import { OWNER, readRun } from './run-record.js';

/** A run that speaks is heard at once; one that works silently for a day is asked less and less often. */
const POLL = { firstMs: 200, growth: 1.2, mostMs: 2000 } as const;
const CHUNK_BYTES = 256 * 1024;

/**
 * Everything a run has said so far. A line that its death cut off is left out, and so is what this version does not know.
 */
export async function* readEvents(state: StateDirectory, run: string): AsyncGenerator<JournalEvent> {
  const path = join(state.run(run), EVENTS);
  if ((await ifThere(open(path, 'r').then((handle) => handle.close().then(() => true)))) === undefined) return;
  for await (const line of readLines(path, { invalid: 'mark' })) {
    const event = line.complete ? parseEvent(line.text) : undefined;
    if (event !== undefined) yield event;
  }
}

/**
 * What a run has said and goes on to say, also a run of another process. Ends behind `run-finished`, or when the run has died
 * (or cannot be seen from here, and has given no sign of life for long) and everything is read, or when `signal` is aborted. Throws `engine/unknown-run`.
 */
export async function* followRun(
  state: StateDirectory,
  run: string,
  options: { readonly signal: AbortSignal },
): AsyncGenerator<JournalEvent> {
  const path = join(state.run(run), EVENTS);
  const buffer = Buffer.alloc(CHUNK_BYTES);
  let rest: Buffer = Buffer.alloc(0);
  let handle: FileHandle | undefined;
  let pause: number = POLL.firstMs;
  const watch = new SilenceWatch(SILENCE_SECONDS);
  try {
    while (!options.signal.aborted) {
      // Asked before reading, so that what a dying run wrote last is still read.
      const record = await readRun(state, run);
      if (record === undefined) throw new SecpiError('engine/unknown-run', `there is no run "${run}"`, { exitCode: 2 });
      handle ??= await ifThere(open(path, 'r'));
      for (;;) {
        const { bytesRead } = (await handle?.read(buffer, 0, CHUNK_BYTES, null)) ?? { bytesRead: 0 };
        if (bytesRead === 0) break;
        pause = POLL.firstMs;
        const text = Buffer.concat([rest, buffer.subarray(0, bytesRead)]);
        const end = text.lastIndexOf(0x0a) + 1;
        rest = Buffer.from(text.subarray(end));
        for (const line of text.toString('utf8', 0, end).split('\n')) {
          const event = parseEvent(line);
          if (event === undefined) continue;
          yield event;
          if (event.type === 'run-finished') return;
        }
      }
      if (record.state !== 'running' && record.state !== 'unknown') return;
      if (record.state === 'unknown' && (await watch.isDead(join(record.folder, OWNER), run))) return;
      await sleep(pause, undefined, { signal: options.signal }).catch(() => undefined);
      pause = Math.min(POLL.mostMs, pause * POLL.growth);
    }
  } finally {
    await handle?.close();
  }
}
