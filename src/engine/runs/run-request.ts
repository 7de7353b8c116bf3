import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { writeJsonAtomic } from '../../base/files/atomic-file.js';
import { exists, ifThere, readIfThere } from '../../base/files/if-there.js';

/**
 * What another process asks of a run. `stop`: end as by Ctrl-C, saving what there is. `now`: as a second Ctrl-C. `leave`: end, but
 * let go on what was begun on other machines.
 */
export type RunRequest = 'stop' | 'now' | 'leave';

const requestSchema = z.object({ schema: z.literal(1), ask: z.enum(['stop', 'now', 'leave']) });

/** In the run's folder: asked, and not heard yet. */
const ASKED = 'request.json';
const HEARD = 'request-heard.json';

const LOOK_EVERY_MS = 500;

/**
 * Leaves a request in the folder of a run. A file rather than a signal: it reaches only the run that it is for, whatever has become of its
 * pid, and also one in another container or on another host that shares the folder.
 */
export async function askRun(folder: string, ask: RunRequest): Promise<void> {
  await writeJsonAtomic(join(folder, ASKED), { schema: 1, ask });
}

/** Whether the run has heard all that it was asked. */
export async function hasHeard(folder: string): Promise<boolean> {
  return !(await exists(join(folder, ASKED)));
}

/** Tells of each request that is left in a run's folder, until disposed. A folder that cannot be looked at is looked at again. */
export function hearRequests(folder: string, onRequest: (ask: RunRequest) => void): Disposable {
  let looking = false;
  const look = async (): Promise<void> => {
    if (looking) return;
    looking = true;
    const ask = await takeRequest(folder).catch(() => undefined);
    looking = false;
    if (ask !== undefined) onRequest(ask);
  };
  const timer = setInterval(() => void look(), LOOK_EVERY_MS);
  timer.unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/** The request that is there, if any. It is taken away first, so that one that comes in the same moment is not lost. */
async function takeRequest(folder: string): Promise<RunRequest | undefined> {
  const [asked, heard] = [join(folder, ASKED), join(folder, HEARD)];
  if (!(await exists(asked))) return undefined;
  await ifThere(rename(asked, heard));
  return requestSchema.parse(JSON.parse((await readIfThere(heard)) ?? '')).ask;
}
