import { rm } from 'node:fs/promises';
import * as z from 'zod';
import { SecpiError } from '../../base/errors.js';
import { readIfThere } from '../../base/files/if-there.js';
import { writeText } from '../../base/files/write-text.js';
import { livenessOf, processOwnerSchema, thisProcess } from '../../base/processes/process-owner.js';

/** Beside a file of answers: who adds to it. */
const ownerOf = (segment: string): string => `${segment}.owner`;

const ownerSchema = z.object({ schema: z.literal(1), owner: processOwnerSchema });

/** Says that this process adds to a file. Must stand there before the file does; a power cut may take it away, because it takes the process too. */
export async function takeSegment(segment: string): Promise<void> {
  const record: z.input<typeof ownerSchema> = { schema: 1, owner: await thisProcess() };
  await writeText(ownerOf(segment), `${JSON.stringify(record)}\n`);
}

/** Nobody adds to the file any more. */
export async function leaveSegment(segment: string): Promise<void> {
  await rm(ownerOf(segment), { force: true });
}

/**
 * Throws `store/in-use` unless nobody can be adding to the file: whoever did has left it, or is provably gone. Of a process on another
 * host, or in another container, that cannot be told.
 */
export async function refuseWhileOwned(segment: string): Promise<void> {
  const text = await readIfThere(ownerOf(segment));
  if (text === undefined) return;
  const owner = ownerIn(text);
  const liveness = owner === undefined ? 'unknown' : await livenessOf(owner);
  if (liveness === 'dead') return;
  const who = owner === undefined ? 'A process' : `Process ${owner.pid} on ${owner.host}`;
  throw new SecpiError('store/in-use', `${who} may be adding answers to ${segment}`, {
    hint:
      liveness === 'alive'
        ? 'Compact when it is over.'
        : `Compact when it is over. Whether it lives cannot be told from here: if you know that it does not, delete ${ownerOf(segment)}.`,
  });
}

function ownerIn(text: string) {
  try {
    return ownerSchema.parse(JSON.parse(text)).owner;
  } catch {
    return undefined;
  }
}
