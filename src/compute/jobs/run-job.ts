import { join, posix } from 'node:path';
import * as z from 'zod';
import { SecpiError } from '../../base/errors.js';
import { writeJsonAtomic } from '../../base/files/atomic-file.js';
import { makeDirectory } from '../../base/files/durable-directory.js';
import { exists, ifThere, readIfThere } from '../../base/files/if-there.js';
import type { Place } from '../places/place.js';
import { HANDLE, type Handle, parsedOrNothing, readHandle } from './handle.js';
import { exitSchema, type JobExit, type JobSpec, keptSchema } from './job.js';
import { type Collected, PlacedJob, type PlacedJobOptions } from './placed-job.js';

export interface FinishedJob extends Collected {
  readonly exit: JobExit;
}

/** A job that did not end well. */
export class JobFailure extends Error {
  override readonly name = 'JobFailure';
  /** How it ended; undefined when it is lost: whoever watched it is gone and has not said. */
  readonly exit: JobExit | undefined;
  /** The last lines that it printed. */
  readonly tail: string;
  /** Where it lies, at its place. */
  readonly folder: string;

  constructor(exit: JobExit | undefined, { tail, folder }: PlacedJob) {
    super(exit === undefined ? 'the job is lost' : `the job ${exit.outcome}`);
    this.exit = exit;
    this.tail = tail;
    this.folder = folder;
  }
}

/**
 * Runs a job to its end, or goes on with one that was begun before, by this process or by one that is gone. An attempt runs at most
 * once, whoever dies in between; another one is begun only when the one before is over for certain.
 *
 * @throws JobFailure when it fails, is lost or is stopped from outside; the signal's reason, once the job has stopped too; SecpiError
 * when the place cannot be reached at all.
 */
export async function runJob(place: Place, spec: JobSpec, options: PlacedJobOptions): Promise<FinishedJob> {
  options.signal.throwIfAborted();
  await makeDirectory(options.folder);
  const file = join(options.folder, HANDLE);
  const begun = await readHandle(file);
  const job = new PlacedJob(place, spec, { ...options, key: keyOf(begun, place, options.key) });
  const fetched = await readFetched(options.folder);
  if (fetched !== undefined) {
    await job.tidyUp();
    return fetched;
  }
  const handle = { schema: 1, place: place.name, folder: job.folder, attached: place.attached } as const;
  const known = handleOf(begun, handle, file);
  const earlier = known === undefined ? undefined : await goOn(job, known);
  if (earlier?.failure !== undefined) {
    await writeJsonAtomic(file, { ...known, told: true });
    throw earlier.failure;
  }
  const finished = earlier?.finished ?? (await begin(earlier?.next ?? 1));
  if (!place.isHere) {
    await writeJsonAtomic(join(options.folder, FETCHED), finished);
    await job.tidyUp();
  }
  return finished;

  async function begin(attempt: number): Promise<FinishedJob> {
    const write = (told: boolean) => writeJsonAtomic(file, { ...handle, attempt, told } satisfies Handle);
    await write(false);
    try {
      const exit = await job.run(attempt);
      if (exit?.outcome === 'done') return { exit, ...(await job.collect(exit)) };
      throw new JobFailure(exit, job);
    } catch (error) {
      // Also after Ctrl-C, if it was seen to stop.
      if (job.hasFailed) await write(true);
      throw error;
    }
  }
}

/** The name that the job was begun by: another host that shares this folder would call it otherwise. */
function keyOf(known: Handle | undefined, place: Place, key: string): string {
  return known === undefined || place.isHere || known.place !== place.name ? key : posix.basename(known.folder);
}

/** Says that all a job made elsewhere has been brought here, whole, or stays there for good. */
export const FETCHED = 'fetched.json';

const fetchedSchema = z.object({
  exit: exitSchema,
  outputs: z.record(z.string(), z.string()),
  kept: z.record(z.string(), keptSchema).default({}),
});

/** A job whose outputs were brought here before, and are still here; whether others are still where they stay, their readers see. */
export async function readFetched(folder: string): Promise<FinishedJob | undefined> {
  const text = await readIfThere(join(folder, FETCHED));
  if (text === undefined) return undefined;
  const { data } = fetchedSchema.safeParse(parsedOrNothing(text));
  for (const path of Object.values(data?.outputs ?? {})) if (!(await exists(path))) return undefined;
  return data;
}

/** Undefined for what is gone from where it was made. */
function unlessGone(error: unknown): undefined {
  if (error instanceof SecpiError && error.code === 'job/output-gone') return undefined;
  throw error;
}

/** What became of an attempt that was begun before: a finished job, a failure that nobody has heard of yet, or the number of the next. */
async function goOn(
  job: PlacedJob,
  { attempt, told }: Handle,
): Promise<{ readonly finished?: FinishedJob; readonly failure?: JobFailure; readonly next?: number }> {
  const { state } = await job.poll(attempt);
  if (state === 'new') return { next: attempt };
  const exit = await job.follow(attempt);
  if (exit?.outcome === 'done') {
    const collected = await ifThere(job.collect(exit)).catch(unlessGone);
    if (collected !== undefined) return { finished: { exit, ...collected } };
    // What it made has been taken away since, so what it noted is not true any more.
    await job.release();
    return { next: 1 };
  }
  // One that was stopped was stopped on purpose, or because whoever had started it was gone.
  if (told || exit?.outcome === 'stopped') return { next: attempt + 1 };
  return { failure: new JobFailure(exit, job) };
}

/**
 * What the handle that was found in `file` says of this job. Throws `compute/begun-elsewhere` when it was begun at another place and is
 * not known to be over there: it would run twice.
 */
export function handleOf(
  found: Handle | undefined,
  { place, folder }: Pick<Handle, 'place' | 'folder'>,
  file: string,
): Handle | undefined {
  if (found === undefined || (found.place === place && found.folder === folder)) return found;
  if (found.attached || found.told) return undefined;
  throw new SecpiError('compute/begun-elsewhere', `this was begun on ${found.place}, and may be running there`, {
    hint: `Run it there to its end, or stop it there with \`secpi cancel\`. If that machine is gone for good, delete ${file}.`,
  });
}
