import * as z from 'zod';
import { livenessOf, processOwnerSchema } from '../../base/processes/process-owner.js';
import { askDriver, type Driver } from './driver.js';

/**
 * Removes the containers and images of processes that are gone: after `kill -9` of everything that takes part nobody else does.
 * Gives how many there were.
 */
export async function removeLeftovers(driver: Driver, signal: AbortSignal): Promise<number> {
  const { owners } = await askDriver(driver, 'list', {
    job: {},
    answer: z.object({ owners: z.array(z.string()) }),
    signal,
  });
  const dead: string[] = [];
  for (const label of owners) if (await isDead(label)) dead.push(label);
  if (dead.length === 0) return 0;
  const { removed } = await askDriver(driver, 'remove', {
    job: { owners: dead },
    answer: z.object({ removed: z.number() }),
    signal,
  });
  return removed;
}

/** Only who is gone for certain. */
async function isDead(label: string): Promise<boolean> {
  try {
    const owner = processOwnerSchema.parse(JSON.parse(Buffer.from(label, 'base64url').toString('utf8')));
    return (await livenessOf(owner)) === 'dead';
  } catch {
    return false; // not a label of ours
  }
}
