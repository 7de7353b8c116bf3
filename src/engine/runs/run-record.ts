import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeTime } from 'ulid';
import * as z from 'zod';
import { SecpiError } from '../../base/errors.js';
import { exists, ifThere, readIfThere } from '../../base/files/if-there.js';
import { sentenceOf } from '../../base/files/system-error.js';
import { livenessOf, processOwnerSchema } from '../../base/processes/process-owner.js';
import { dataProblem } from '../../base/zod-message.js';
import type { StateDirectory } from '../state-directory.js';
import { type RunFinished, type RunMember, runFinishedSchema, runMemberSchema } from './event.js';

/** Names of the files in a run's folder. */
export const OWNER = 'owner.json';
export const SUMMARY = 'summary.json';

const runOwnerSchema = z.object({
  schema: z.literal(1),
  run: z.string(),
  recipe: z.string(),
  started_at: z.string(),
  owner: processOwnerSchema,
  sweep: z.string().exactOptional(),
  member: runMemberSchema.exactOptional(),
});

/** `owner.json`: who runs this, so that others can tell a run that died from one that is slow. */
export type RunOwner = z.infer<typeof runOwnerSchema>;

/**
 * `died` = its process is provably gone without a summary; `unknown` = that cannot be told from here (another host);
 * `unreadable` = its files cannot be read or make no sense.
 */
export type RunState = RunFinished['outcome'] | 'running' | 'died' | 'unknown' | 'unreadable';

/** A run as its folder tells it, also to another process. */
export interface RunRecord {
  readonly run: string;
  /** Empty when that is unreadable. */
  readonly recipe: string;
  readonly started_at: string;
  readonly folder: string;
  readonly state: RunState;
  /** There once the run has finished. */
  readonly summary?: RunFinished;
  readonly owner?: RunOwner['owner'];
  /** Names the runs that it was started together with. */
  readonly sweep?: string;
  readonly member?: RunMember;
  /** Why it is unreadable. */
  readonly problem?: string;
}

/** What a run's id looks like (a ULID). Whatever else lies beside the runs is not ours. */
const RUN_ID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;

/** A run writes who it is in its first moments; on another host's clock these may be hours ago. */
const BORN_WITHIN_MS = 86_400_000;

/** Throws `engine/bad-run` for a file that is not what it should be. */
async function readJson<T>(path: string, schema: z.ZodType<T>): Promise<T | undefined> {
  const text = await readIfThere(path);
  if (text === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    throw new SecpiError('engine/bad-run', `${path} is unreadable: ${dataProblem(error)}`, { cause: error });
  }
}

/** Reads one run; undefined if there is none of that name (or it was killed before it had one). */
export async function readRun(state: StateDirectory, run: string): Promise<RunRecord | undefined> {
  if (!RUN_ID.test(run)) return undefined;
  const folder = state.run(run);
  let base: Omit<RunRecord, 'state'> = { run, recipe: '', started_at: new Date(decodeTime(run)).toISOString(), folder };
  try {
    const started = await readJson(join(folder, OWNER), runOwnerSchema);
    if (started === undefined) return undefined;
    const { schema: _schema, ...facts } = started;
    base = { ...facts, run, folder };
    // The owner is asked before the summary is looked for: a run that ends in between has then written it.
    const liveness = await livenessOf(started.owner);
    const summary = await readJson(join(folder, SUMMARY), runFinishedSchema);
    if (summary !== undefined) return { ...base, state: summary.outcome, summary };
    return { ...base, state: liveness === 'alive' ? 'running' : liveness === 'dead' ? 'died' : 'unknown' };
  } catch (error) {
    return { ...base, state: 'unreadable', problem: sentenceOf(error) };
  }
}

async function runNames(state: StateDirectory): Promise<string[]> {
  const entries = (await ifThere(readdir(state.runs, { withFileTypes: true }))) ?? [];
  // ULIDs sort by time.
  return entries
    .filter((entry) => entry.isDirectory() && RUN_ID.test(entry.name))
    .map(({ name }) => name)
    .sort()
    .toReversed();
}

/** All runs, newest first. */
export async function* readRuns(state: StateDirectory): AsyncGenerator<RunRecord> {
  for (const run of await runNames(state)) {
    const record = await readRun(state, run);
    if (record !== undefined) yield record;
  }
}

/** Folders of runs that were killed before they had written who they are. */
export async function unbornRuns(state: StateDirectory): Promise<readonly string[]> {
  const unborn: string[] = [];
  for (const run of await runNames(state)) {
    if (Date.now() - decodeTime(run) > BORN_WITHIN_MS && !(await exists(join(state.run(run), OWNER)))) unborn.push(run);
  }
  return unborn;
}

/** The newest run, or undefined if there was none. */
export async function latestRun(state: StateDirectory): Promise<RunRecord | undefined> {
  for await (const record of readRuns(state)) return record;
  return undefined;
}
