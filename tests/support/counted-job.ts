import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ifThere } from '../../src/base/files/if-there.js';
import type { JobSpec } from '../../src/compute/jobs/job.js';
import { type FinishedJob, runJob } from '../../src/compute/jobs/run-job.js';
import { here } from '../../src/compute/places/here.js';
import { hashAll } from '../../src/compute/places/manifest.js';
import type { Place, Queue } from '../../src/compute/places/place.js';
import { sshPlace } from '../../src/compute/places/ssh.js';

/**
 * A job that counts its own runs beside its folder, reports, and leaves a file. In a container (podman, an image with no programs of its
 * own) it counts where it may write.
 */
export function countedJob(folder: string, script = '', image?: string): JobSpec {
  const program = [
    `echo "{events}" >>"${image === undefined ? join(folder, 'runs') : '{work}/runs'}"`,
    'for n in 1 2 3 4 5; do echo "line $n" >>"{events}"; sleep 0.02; done',
    'echo made >"{work}/made"',
    script,
  ].join('\n');
  return {
    steps: [{ name: 'only', launch: 'one', argv: ['sh', '-c', program], env: {}, documents: {}, result: null }],
    env: { PATH: '/usr/local/bin:/usr/bin:/bin' },
    inherit: [],
    container:
      image === undefined ? null : { engine: 'podman', image, gpus: false, mounts: ['/usr'], sandboxes: false },
    inputs: {},
    outputs: [{ name: 'made', kind: 'file', path: '{work}/made' }],
    graceSeconds: 2,
  };
}

export const lines = ['line 1', 'line 2', 'line 3', 'line 4', 'line 5'];

/** The number of the attempt, for each time that the job ran on this machine. */
export async function runsOf(folder: string): Promise<number[]> {
  const counted = [join(folder, 'runs'), join(folder, 'home', 'job', 'work', 'runs')];
  const text = (await Promise.all(counted.map((path) => ifThere(readFile(path, 'utf8'))))).join('');
  return [...text.matchAll(/attempts\/(\d+)\//g)].map(([, attempt]) => Number(attempt));
}

/**
 * Where a job runs: on this machine, attached or not, over ssh with this configuration and below this folder, or in the queue of a cluster
 * with this configuration.
 */
export type JobPlace =
  | 'attached'
  | 'detached'
  | { readonly config: string; readonly root: string; readonly queue?: Queue }
  | { readonly slurm: string };

function reached(where: JobPlace): Place {
  const python = 'python3';
  if (typeof where === 'string') return here({ python: async () => python, env: {}, queue: null });
  const env = { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '' };
  if ('config' in where)
    return sshPlace({ host: 'far', python, env, queue: null, spareGib: 0, hashFiles: hashAll, ...where });
  const queue = { flags: ['--partition=low', '--time=10'], requeues: 3 };
  return here({ python: async () => python, env: { ...env, SLURM_CONF: where.slurm }, queue });
}

/** Such a place. Tells of each question and of each line of an answer. */
export function watchedPlace(where: JobPlace, atPoint: (what: string) => void = () => undefined): Place {
  const place = reached(where);
  return {
    ...place,
    attached: where === 'attached',
    async *ask(command, request, signal) {
      atPoint(`before ${command}`);
      for await (const line of place.ask(command, request, signal)) {
        atPoint(`${command} says ${line.type}`);
        yield line;
      }
      atPoint(`after ${command}`);
    },
    async fetch(...args) {
      atPoint('before fetch');
      const path = await place.fetch(...args);
      atPoint('after fetch');
      return path;
    },
  };
}

/** Runs it to its end in this process; with the lines that it reported. */
export async function runCounted(
  folder: string,
  place: Place,
  options: { readonly spec?: JobSpec; readonly signal?: AbortSignal } = {},
): Promise<FinishedJob & { readonly heard: readonly string[] }> {
  const heard: string[] = [];
  const finished = await runJob(place, options.spec ?? countedJob(folder), {
    key: `test-${folder.replaceAll('/', '-')}`,
    folder: join(folder, 'home'),
    signal: options.signal ?? new AbortController().signal,
    onEvent: (line) => heard.push(line),
    onNote: () => undefined,
  });
  return { ...finished, heard };
}
