import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ifThere } from '../../base/files/if-there.js';
import { systemCode } from '../../base/files/system-code.js';
import type { Sha256 } from '../../base/hash.js';
import { livenessOfLock, readLock } from '../../base/locks/lock.js';
import { isNoDamage, readManifest } from '../artifacts/artifact-store.js';
import { readUses } from '../runs/leases.js';
import { type RunRecord, readRuns, unbornRuns } from '../runs/run-record.js';
import type { StateDirectory } from '../state-directory.js';
import { isRemoved } from '../work-directory.js';
import { holdsAnswers } from './answers-in-use.js';
import { sizeOf } from './folder-size.js';

/** What lies in a state folder, each kind on a line of its own. */
export const KINDS = [
  'runs',
  'artifacts',
  'objects',
  'work',
  'staging',
  'locks',
  'hashes',
  'damaged',
  'answers',
  'judgements',
  'services',
] as const;
export type Kind = (typeof KINDS)[number];

/** One thing that may go or stay. */
export interface Item {
  readonly kind: Kind;
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
  /** What it is made of, or points to. */
  readonly object?: Sha256;
  /** Whose work, staging or lock it is. */
  readonly fingerprint?: Sha256;
  /** Nothing that is kept needs it. */
  readonly garbage: boolean;
}

export interface GarbageOptions {
  /** Keep so many of the newest runs that are over, and what they stand on; default all of them. Live ones are kept besides. */
  readonly keepRuns?: number | undefined;
  /** Drop the oldest runs beyond these bytes, until the rest fits; never a live one, nor the newest. */
  readonly maxBytes?: number | undefined;
  /** Also what was set aside as damaged, for a person to look at. */
  readonly damaged?: boolean | undefined;
  /** Also every answer of a model, which cost money. */
  readonly answers?: boolean | undefined;
}

export interface GarbagePlan {
  readonly items: readonly Item[];
  /** Runs that stay, newest first. */
  readonly kept: readonly RunRecord[];
  /** What would be left is still more than `maxBytes`. */
  readonly tooLarge: boolean;
}

/** Runs that may be at work: that cannot be told of one on another host, or of one without a readable owner, so they count as live. */
function isLive({ state, owner }: RunRecord): boolean {
  return state === 'running' || state === 'unknown' || (state === 'unreadable' && owner === undefined);
}

/** Works out what can go. Changes nothing. */
export async function planGarbage(state: StateDirectory, options: GarbageOptions): Promise<GarbagePlan> {
  const runs: RunRecord[] = [];
  for await (const run of readRuns(state)) runs.push(run);
  const needs = new Map<string, Needs>();
  for (const { run } of runs) needs.set(run, await readUses(state, run));
  const everything = await survey(state);

  let over = runs.filter((run) => !isLive(run)).slice(0, options.keepRuns ?? runs.length);
  for (;;) {
    const kept = runs.filter((run) => isLive(run) || over.includes(run));
    const items = judge(everything, kept, needs, options);
    const left = items.filter(({ garbage }) => !garbage).reduce((sum, { bytes }) => sum + bytes, 0);
    const tooLarge = options.maxBytes !== undefined && left > options.maxBytes;
    if (!tooLarge || over.length <= 1) return { items, kept, tooLarge };
    over = over.slice(0, -1);
  }
}

type Needs = Awaited<ReturnType<typeof readUses>>;

/** A thing with what else decides over it. */
interface Found extends Omit<Item, 'garbage'> {
  readonly run?: string | undefined;
  /** Somebody holds it, or it is too new to be judged. */
  readonly busy?: boolean | undefined;
  /** It is the lock of somebody who asks models outside of a run. */
  readonly holdsAnswers?: true;
}

function judge(
  found: readonly Found[],
  kept: readonly RunRecord[],
  needs: ReadonlyMap<string, Needs>,
  { damaged = false, answers = false }: GarbageOptions,
): readonly Item[] {
  const runs = new Set(kept.map(({ run }) => run));
  const objects = new Set<Sha256>();
  const work = new Set<Sha256>();
  for (const run of runs) {
    for (const object of needs.get(run)?.objects ?? []) objects.add(object);
    for (const fingerprint of needs.get(run)?.work ?? []) work.add(fingerprint);
  }
  const isAsked = kept.some(isLive) || found.some((one) => one.holdsAnswers === true && one.busy === true);
  const isGarbage = ({ kind, run, object, fingerprint, busy = false }: Found): boolean => {
    switch (kind) {
      case 'runs':
        return run !== undefined && !runs.has(run);
      case 'artifacts':
      case 'objects':
      case 'hashes':
        return !busy && (object === undefined || !objects.has(object));
      case 'work':
        return !busy && (fingerprint === undefined || !work.has(fingerprint));
      case 'staging':
      case 'locks':
      case 'services':
        return !busy;
      case 'damaged':
        return damaged;
      case 'answers':
        return answers && !isAsked;
      case 'judgements':
        return !busy && !kept.some(isLive);
    }
  };
  return found.map(({ run, busy, holdsAnswers: _, ...item }) => ({
    ...item,
    garbage: isGarbage({ ...item, run, busy }),
  }));
}

/** The object that a manifest names. What makes no sense is rubbish; what cannot be read, or not by this version, is left alone. */
async function pointerIn(path: string): Promise<Pick<Found, 'object' | 'busy'>> {
  try {
    const manifest = await readManifest(path);
    return manifest === undefined ? {} : { object: manifest.object };
  } catch (error) {
    // A folder of that name is what older versions made.
    return { busy: isNoDamage(error) && systemCode(error) !== 'EISDIR' };
  }
}

const SHA256 = /^[0-9a-f]{64}/;
/** A memory of hashes of a place outside, or of what was judged, is kept this long after it was last written: both can be made again. */
const MEMORIES_KEPT_DAYS = 30;

async function survey(state: StateDirectory): Promise<readonly Found[]> {
  const within = async (folder: string): Promise<readonly { readonly name: string; readonly path: string }[]> =>
    ((await ifThere(readdir(folder))) ?? []).sort().map((name) => ({ name, path: join(folder, name) }));
  const sized = async (kind: Kind, name: string, path: string) => ({ kind, name, path, bytes: await sizeOf(path) });
  const found: Found[] = [];

  for await (const { run, folder } of readRuns(state)) found.push({ ...(await sized('runs', run, folder)), run });
  for (const run of await unbornRuns(state)) found.push({ ...(await sized('runs', run, state.run(run))), run });
  const objects = new Set<string>();
  for (const { name, path } of await within(join(state.root, 'objects'))) {
    objects.add(name);
    found.push({ ...(await sized('objects', name, path)), object: name as Sha256 });
  }
  for (const stage of await within(join(state.root, 'artifacts'))) {
    for (const { name, path } of await within(stage.path)) {
      const item = await sized('artifacts', `${stage.name}/${name.slice(0, 12)}`, path);
      found.push({ ...item, ...(await pointerIn(path)) });
    }
  }
  for (const { name, path } of await within(join(state.root, 'hashes'))) {
    const key = name.replace(/\.json$/, '') as Sha256;
    const busy = !objects.has(key) && (await isRecent(path));
    found.push({ ...(await sized('hashes', key.slice(0, 12), path)), object: key, busy });
  }
  for (const kind of ['work', 'staging'] as const) {
    for (const { name, path } of await within(kind === 'work' ? state.works : state.staging)) {
      const fingerprint = isRemoved(name) ? undefined : (SHA256.exec(name)?.[0] as Sha256 | undefined);
      const busy = fingerprint !== undefined && (await isHeld(state.lock(fingerprint)));
      const item = { ...(await sized(kind, name.slice(0, 12), path)), busy };
      found.push(fingerprint === undefined ? item : { ...item, fingerprint });
    }
  }
  for (const { name, path } of await within(join(state.root, 'locks'))) {
    if (holdsAnswers(name)) {
      found.push({ ...(await sized('locks', name, path)), busy: await isHeld(path), holdsAnswers: true });
      continue;
    }
    const key = SHA256.exec(name)?.[0] as Sha256 | undefined;
    if (key === undefined) continue;
    const busy = await isHeld(state.lock(key));
    found.push({ ...(await sized('locks', name.slice(0, 12), path)), fingerprint: key, busy });
  }
  for (const { name, path } of await within(state.damaged)) found.push(await sized('damaged', name, path));
  for (const { name, path } of await within(join(state.root, 'answers')))
    found.push(await sized('answers', name, path));
  for (const { name, path } of await within(join(state.root, 'judgements'))) {
    // The folder's own time is that of its newest file's beginning.
    found.push({ ...(await sized('judgements', name.slice(0, 12), path)), busy: await isRecent(path) });
  }
  for (const service of await within(join(state.root, 'services'))) {
    for (const { name, path } of await within(service.path)) {
      const item = await sized('services', `${service.name.slice(0, 12)}/${name}`, path);
      found.push({ ...item, busy: await isHeld(join(path, 'lock')) });
    }
  }
  return found;
}

async function isRecent(path: string): Promise<boolean> {
  const age = Date.now() - ((await ifThere(stat(path)))?.mtimeMs ?? 0);
  return age < MEMORIES_KEPT_DAYS * 86_400_000;
}

/** Whether somebody who may be alive has a lock. One that is no lock file is left for a person. */
async function isHeld(path: string): Promise<boolean> {
  const record = await readLock(path).catch(() => null);
  if (record === null) return true;
  return record !== undefined && (await livenessOfLock(record)) !== 'dead';
}
