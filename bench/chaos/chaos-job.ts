import { createHash } from 'node:crypto';
import { basename, join } from 'node:path';
import type { JobSpec } from '../../src/compute/jobs/job.js';

/** How many lines it reports. */
export const LINES = 8;

export const keyOf = (folder: string): string => `chaos-${basename(folder)}`;

/** A pipe that is held open by whoever counts. A container may write into it although it sees the folder as one to read only. */
export const counterOf = (folder: string): string => join(folder, 'counter');

/**
 * Counts each of its runs by the number of the attempt, where nothing of ours writes; reports lines that hold that number; leaves what it
 * was told in secret, as a digest.
 */
export function chaosJob(folder: string, image: string | undefined): JobSpec {
  const script = [
    'events="{events}"; attempt="$' + '{events%/*}"; attempt="$' + '{attempt##*/}"',
    `echo "$attempt" >>"${counterOf(folder)}"`,
    `n=0; while [ $n -lt ${LINES} ]; do n=$((n + 1)); echo "$attempt $n" >>"$events"; echo "printed $n"; sleep 0.12; done`,
    'printf %s "$TOKEN" | sha256sum >"{work}/made"',
  ].join('\n');
  return {
    steps: [{ name: 'only', launch: 'one', argv: ['sh', '-c', script], env: {}, documents: {}, result: null }],
    env: { PATH: '/usr/local/bin:/usr/bin:/bin' },
    inherit: [],
    container:
      image === undefined
        ? null
        : { engine: 'podman', image, gpus: false, mounts: ['/usr', counterOf(folder)], sandboxes: false },
    inputs: {},
    outputs: [{ name: 'made', kind: 'file', path: '{work}/made' }],
    graceSeconds: 2,
  };
}

/** What `made` holds when the job was given this. */
export const madeWith = (secret: string): string => `${createHash('sha256').update(secret).digest('hex')}  -\n`;
