import { dirname, join } from 'node:path';
import * as z from 'zod';
import { SecpiError } from '../../base/errors.js';
import { writeJsonAtomic } from '../../base/files/atomic-file.js';
import { exists, readIfThere } from '../../base/files/if-there.js';
import type { Sha256 } from '../../base/hash.js';
import { tryLock } from '../../base/locks/lock.js';
import { readHandle } from '../../compute/jobs/handle.js';
import { handlesBelow } from '../../compute/jobs/known-jobs.js';
import { FETCHED } from '../../compute/jobs/run-job.js';
import { stopJob } from '../../compute/jobs/stop-job.js';
import { placeNamed } from '../../compute/open-target.js';
import type { Place } from '../../compute/places/place.js';
import { targetSchema } from '../../compute/target.js';
import { readUses } from '../../engine/runs/leases.js';
import type { RunRecord } from '../../engine/runs/run-record.js';
import { skimEvents } from '../../engine/runs/skim-journal.js';
import { workFolder } from '../../engine/work-directory.js';
import { findPythonEnvironment } from '../../setup/python-environment.js';
import type { CliEnvironment } from '../environment.js';

/** A job of a run on another machine, which goes on without the run and may be at it. */
export interface JobElsewhere {
  readonly stage: string;
  /** The name of that machine. */
  readonly place: string;
  /** Where it lies there. */
  readonly folder: string;
  readonly fingerprint: Sha256;
  readonly handle: string;
}

/** What became of such a job; `taken`: another run goes on with it. */
export type StoppedJob = JobElsewhere & { readonly state: 'stopped' | 'over' | 'none' | 'taken' };

/** The jobs that a run has begun on other machines, as far as is known here: nobody there is asked. */
export async function jobsElsewhere(
  { run }: RunRecord,
  { state }: Pick<CliEnvironment, 'state'>,
): Promise<readonly JobElsewhere[]> {
  const { work } = await readUses(state, run);
  if (work.size === 0) return [];
  const stages = new Map<string, string>();
  for (const event of await skimEvents(state, run)) {
    if (event.type === 'stage-started') stages.set(event.fingerprint, event.stage);
  }
  const jobs: JobElsewhere[] = [];
  for (const fingerprint of work) {
    for (const file of await handlesBelow(await workFolder(state, fingerprint))) {
      const handle = await openHandle(file);
      if (handle === undefined) continue;
      const { place, folder } = handle;
      jobs.push({ stage: stages.get(fingerprint) ?? 'a stage', place, folder, fingerprint, handle: file });
    }
  }
  return jobs;
}

/**
 * Stops them, and waits until they are over. A job that another run follows is that run's, and left alone: who follows one has the lock
 * of its stage. Begins nothing.
 *
 * @throws SecpiError `cli/no-such-place`, `compute/unreachable`, and what else a place says; only when all others were asked.
 */
export async function stopJobsElsewhere(
  record: RunRecord,
  environment: CliEnvironment,
  signal: AbortSignal,
  onNote: (message: string) => void,
): Promise<readonly StoppedJob[]> {
  const stopped: StoppedJob[] = [];
  const failures: unknown[] = [];
  for (const job of await jobsElsewhere(record, environment)) {
    try {
      onNote(`asking ${job.place} to stop the job of ${job.stage}`);
      stopped.push({ ...job, state: await stopOne(job, record, environment, signal) });
    } catch (error) {
      signal.throwIfAborted();
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
  return stopped;
}

async function stopOne(
  { fingerprint, handle: file }: JobElsewhere,
  record: RunRecord,
  environment: CliEnvironment,
  signal: AbortSignal,
): Promise<StoppedJob['state']> {
  const lock = await tryLock(environment.state.lock(fingerprint), signal);
  if (lock === undefined) return 'taken';
  try {
    const handle = await openHandle(file);
    if (handle === undefined) return 'over';
    const state = await stopJob(await placeOf(record, handle.place, environment), handle, signal);
    // It was stopped on purpose: the next attempt may be begun anywhere.
    if (state === 'stopped') await writeJsonAtomic(file, { ...handle, told: true });
    return state;
  } finally {
    await lock.release();
  }
}

/** The handle of a job that may be running elsewhere. */
async function openHandle(file: string) {
  const handle = await readHandle(file);
  if (handle === undefined || handle.attached || handle.told) return undefined;
  return (await exists(join(dirname(file), FETCHED))) ? undefined : handle;
}

/** What is asked of the recipe that a run was begun with. */
const recipeSchema = z.looseObject({ compute: z.record(z.string(), targetSchema).default({}) });

/** The machine of that name, by the recipe that the run was begun with, whatever has become of the file since. */
async function placeOf({ folder }: RunRecord, name: string, environment: CliEnvironment): Promise<Place> {
  const { cache, variables } = environment;
  const text = await readIfThere(join(folder, 'recipe.json'));
  const { compute } = recipeSchema.parse(JSON.parse(text ?? '{}'));
  const place = placeNamed(name, Object.values(compute), { python: () => findPythonEnvironment(cache), variables });
  if (place !== undefined) return place;
  throw new SecpiError('cli/no-such-place', `nothing under \`compute\` of this run's recipe leads to ${name}`, {
    hint: 'Stop the job there by hand.',
  });
}
