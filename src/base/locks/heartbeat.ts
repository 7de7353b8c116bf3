import { readFile, writeFile } from 'node:fs/promises';
import { ifThere } from '../files/if-there.js';
import { writeText } from '../files/write-text.js';

/**
 * Signs of life of a lock's owner, for those who cannot see its process: a counter in a file of its own beside the lock, which
 * only this owner writes. Whoever waits looks whether the counter moves, by its own clock: clocks of two machines are never compared.
 */

/** How often an owner shows that it lives, and looks whether the lock is still its own. */
export const BEAT_SECONDS = 5;
/** An owner that cannot be seen and has not moved for this long is taken for dead. Longer than a server takes to restart. */
export const SILENCE_SECONDS = 120;

/** Where the owner with this nonce leaves its signs. */
export function beatPath(lock: string, nonce: string): string {
  return `${lock}.${nonce}.beat`;
}

export interface Heartbeat {
  /** Ends it; the file stays for whoever removes the lock. */
  stop(): Promise<void>;
}

/**
 * Beats until stopped. `check` is called before each beat and ends it by throwing: nothing may be written on behalf of a lock that
 * is gone. A beat that cannot be written (a disk that is full, a server that is away) is tried again at the next turn.
 */
export async function startHeartbeat(path: string, check: () => Promise<void>, seconds: number): Promise<Heartbeat> {
  // Opened and closed for each beat: network file systems show others what was written when the file is closed.
  await writeText(path, '0');
  let beats = 0;
  let turn: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  const beat = async (): Promise<void> => {
    try {
      await check();
    } catch {
      return;
    }
    beats += 1;
    await writeFile(path, String(beats)).catch(() => undefined);
    schedule();
  };
  const schedule = (): void => {
    if (stopped) return;
    timer = setTimeout(() => {
      turn = beat();
    }, seconds * 1000);
    timer.unref();
  };
  schedule();
  return {
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await turn;
    },
  };
}

/** Watches the signs of others from here. One for each wait: what it has seen is what it judges by. */
export class SilenceWatch {
  readonly #limitMs: number;
  readonly #seen = new Map<string, { beat: string; at: number }>();

  constructor(limitSeconds: number) {
    this.#limitMs = limitSeconds * 1000;
  }

  /** Seconds that the owner has not moved, as far as this watch has seen; 0 at the first look. */
  async silentFor(lock: string, nonce: string): Promise<number> {
    const now = performance.now();
    // No file at all is an owner that died before its first beat, or one that is just beginning.
    const beat = (await ifThere(readFile(beatPath(lock, nonce), 'utf8'))) ?? '';
    const before = this.#seen.get(nonce);
    if (before?.beat === beat) return (now - before.at) / 1000;
    this.#seen.set(nonce, { beat, at: now });
    return 0;
  }

  /** Whether the owner has been silent for so long that it is taken for dead. */
  async isDead(lock: string, nonce: string): Promise<boolean> {
    return (await this.silentFor(lock, nonce)) * 1000 >= this.#limitMs;
  }
}
