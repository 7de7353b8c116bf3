import { readdir, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { makeDirectory } from '../../base/files/durable-directory.js';
import { ifThere } from '../../base/files/if-there.js';
import { systemCode } from '../../base/files/system-code.js';
import type { Sha256 } from '../../base/hash.js';
import { acquireLock, tryLock } from '../../base/locks/lock.js';
import { recoverStaging } from '../artifacts/commit.js';
import { readUses, type Uses } from '../runs/leases.js';
import { readRuns } from '../runs/run-record.js';
import type { StateDirectory } from '../state-directory.js';
import { removeWork, workFolder } from '../work-directory.js';
import type { Item } from './plan-garbage.js';

/** What was removed, and what somebody has begun to use since it was planned. */
export interface Swept {
  readonly removed: readonly Item[];
  readonly spared: readonly Item[];
}

/**
 * Removes what a plan calls garbage. Safe beside runs, and after those that came and went since it was planned: objects are taken out
 * of sight while no run can begin to use one (it waits for `sweepLock`), and those that any run stands on that is to stay are
 * spared; work, staging and locks go only under the lock they belong to. What a killed sweep had taken away is put back first.
 */
export async function sweep(state: StateDirectory, items: readonly Item[], signal: AbortSignal): Promise<Swept> {
  const garbage = items.filter((item) => item.garbage);
  const of = (...kinds: readonly Item['kind'][]) => garbage.filter(({ kind }) => kinds.includes(kind));
  const removed: Item[] = [];
  const spared: Item[] = [];
  const note = (item: Item, gone: boolean): void => void (gone ? removed : spared).push(item);
  const leaving = new Set(of('runs').map(({ path }) => basename(path)));
  const uses = () => usesOfOthers(state, leaving);

  await putBack(state);
  // What is begun must be known before it is decided: staging may hold what a day of training made.
  for (const item of [...of('staging'), ...of('work', 'locks')])
    note(item, await removeUnderLock(state, item, signal, uses));
  await takeAway(state, of('objects', 'artifacts'), signal, note, uses);
  for (const item of of('hashes', 'damaged', 'answers', 'judgements', 'services', 'runs')) {
    signal.throwIfAborted();
    await rm(item.path, { recursive: true, force: true });
    note(item, true);
  }
  return { removed, spared };
}

/** What runs stand on that do not go with this sweep. */
async function usesOfOthers(state: StateDirectory, leaving: ReadonlySet<string>): Promise<Uses> {
  const objects = new Set<Sha256>();
  const work = new Set<Sha256>();
  for await (const { run } of readRuns(state)) {
    if (leaving.has(run)) continue;
    const uses = await readUses(state, run);
    for (const object of uses.objects) objects.add(object);
    for (const fingerprint of uses.work) work.add(fingerprint);
  }
  return { objects, work };
}

/** Under the lock of its fingerprint, so that nobody is at work on it. What a killed attempt had decided is finished. */
async function removeUnderLock(
  state: StateDirectory,
  item: Item,
  signal: AbortSignal,
  uses: () => Promise<Uses>,
): Promise<boolean> {
  const { fingerprint, kind, path } = item;
  if (fingerprint === undefined) {
    await rm(path, { recursive: true, force: true });
    return true;
  }
  const lock = await tryLock(state.lock(fingerprint), signal);
  if (lock === undefined) return false;
  try {
    if (kind === 'work') {
      // Somebody may have begun and been interrupted since the plan: that one goes on from here.
      if ((await uses()).work.has(fingerprint)) return false;
      await removeWork(state, fingerprint);
    }
    if (kind === 'staging') await recoverStaging(state, fingerprint, await workFolder(state, fingerprint), { signal });
    // To take the lock removes what dead owners left beside it, to give it back removes the lock.
    return true;
  } finally {
    await lock.release();
  }
}

function trash(state: StateDirectory): string {
  return join(state.root, 'trash');
}

async function putBack(state: StateDirectory): Promise<void> {
  for (const name of (await ifThere(readdir(trash(state)))) ?? []) {
    const path = join(trash(state), name);
    try {
      await rename(path, state.object(name as Sha256));
    } catch (error) {
      // Made again meanwhile.
      if (!['ENOTEMPTY', 'EEXIST'].includes(systemCode(error) ?? '')) throw error;
      await rm(path, { recursive: true, force: true });
    }
  }
}

async function takeAway(
  state: StateDirectory,
  items: readonly Item[],
  signal: AbortSignal,
  note: (item: Item, gone: boolean) => void,
  uses: () => Promise<Uses>,
): Promise<void> {
  const lock = await acquireLock(state.sweepLock, { signal });
  const taken: Item[] = [];
  try {
    await makeDirectory(trash(state));
    const { objects: before } = await uses();
    for (const item of items) {
      signal.throwIfAborted();
      if (item.object !== undefined && before.has(item.object)) {
        note(item, false);
      } else if (item.kind === 'artifacts') {
        await rm(item.path, { recursive: true, force: true });
        note(item, true);
      } else {
        await ifThere(rename(item.path, join(trash(state), basename(item.path))));
        taken.push(item);
      }
    }
    const { objects: after } = await uses();
    for (const item of taken.filter(({ object }) => object !== undefined && after.has(object))) {
      await ifThere(rename(join(trash(state), basename(item.path)), item.path));
      note(item, false);
    }
  } finally {
    await lock.release();
  }
  // The long part, in nobody's way.
  for (const item of taken) {
    const path = join(trash(state), basename(item.path));
    if ((await ifThere(readdir(path))) === undefined) continue;
    await rm(path, { recursive: true, force: true });
    note(item, true);
  }
}
