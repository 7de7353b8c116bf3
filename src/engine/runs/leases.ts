import { join } from 'node:path';
import * as z from 'zod';
import { writeTextAtomic } from '../../base/files/atomic-file.js';
import { exists, readIfThere } from '../../base/files/if-there.js';
import { appendText } from '../../base/files/write-text.js';
import { type Sha256, sha256Schema } from '../../base/hash.js';
import { acquireLock } from '../../base/locks/lock.js';
import type { StateDirectory } from '../state-directory.js';

/** Name of the file in a run's folder. */
const USES = 'uses.jsonl';

const useSchema = z.union([z.object({ object: sha256Schema }), z.object({ work: sha256Schema })]);

/** What a run needs: the objects it has read or made, and the fingerprints it has worked on. */
export interface Uses {
  readonly objects: ReadonlySet<Sha256>;
  readonly work: ReadonlySet<Sha256>;
}

/**
 * What a run is about to use, written down before it looks: as long as the run lives, nobody clears that away, and as long as its folder is
 * kept, it is what the run stands on. Without fsync, because it need not outlive a power cut, only be seen by others.
 */
export class Leases {
  readonly #state: StateDirectory;
  readonly #path: string;
  readonly #signal: AbortSignal;
  readonly #held = new Set<string>();

  constructor(state: StateDirectory, run: string, signal: AbortSignal) {
    this.#state = state;
    this.#path = join(state.run(run), USES);
    this.#signal = signal;
  }

  async object(object: Sha256): Promise<void> {
    await this.#hold({ object });
  }

  async work(work: Sha256): Promise<void> {
    await this.#hold({ work });
  }

  /** When the run is over: what it only looked at (the bytes that a forced stage replaced, say) it does not stand on. */
  async settle(objects: Iterable<Sha256>): Promise<void> {
    const worked = [...this.#held].filter((line) => line.startsWith('{"work"'));
    const stoodOn = [...new Set(objects)].map((object) => `${JSON.stringify({ object })}\n`);
    await writeTextAtomic(this.#path, [...stoodOn, ...worked].join(''));
  }

  async #hold(use: z.output<typeof useSchema>): Promise<void> {
    const line = `${JSON.stringify(use)}\n`;
    if (this.#held.has(line)) return;
    await appendText(this.#path, line);
    this.#held.add(line);
    // A sweep that read the leases a moment ago may still take away what this one is about; afterwards it is there or gone.
    const { sweepLock } = this.#state;
    if (await exists(sweepLock)) await (await acquireLock(sweepLock, { signal: this.#signal })).release();
  }
}

/** What a run has leased so far. Lines that make no sense are passed over. */
export async function readUses(state: StateDirectory, run: string): Promise<Uses> {
  const objects = new Set<Sha256>();
  const work = new Set<Sha256>();
  for (const line of ((await readIfThere(join(state.run(run), USES))) ?? '').split('\n')) {
    const use = parsed(line);
    if (use !== undefined && 'object' in use) objects.add(use.object);
    else if (use !== undefined) work.add(use.work);
  }
  return { objects, work };
}

function parsed(line: string): z.output<typeof useSchema> | undefined {
  try {
    return useSchema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}
