import { randomBytes } from 'node:crypto';
import { link, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { SecpiError } from '../errors.js';
import { makeDirectory } from '../files/durable-directory.js';
import { type Liveness, livenessOf, processOwnerSchema, thisProcess } from '../processes/process-owner.js';
import { dataProblem } from '../zod-message.js';

const lockRecordSchema = z.object({
  schema: z.literal(1),
  /** Names this one taking of the lock. Whoever finds another nonce in the file has lost it. */
  nonce: z.string(),
  since: z.string(),
  owner: processOwnerSchema,
});

/** What stands in a lock file. */
export type LockRecord = z.infer<typeof lockRecordSchema>;

/** A lock that this process holds. */
export interface Lock {
  readonly nonce: string;
  /** Throws `engine/lock-lost` if somebody else holds it now. */
  assertHeld(): Promise<void>;
  release(): Promise<void>;
}

export interface AcquireOptions {
  /** Ends the waiting with the signal's reason. */
  readonly signal: AbortSignal;
  /** Called once for each owner that has to be waited for. */
  readonly onWaiting?: ((owner: LockRecord, liveness: Liveness) => void) | undefined;
  /** Take the lock also from an owner that cannot be proven dead, on a person's word. A live one is waited for all the same. */
  readonly takeOver?: boolean | undefined;
}

const POLL_MILLISECONDS = 200;

/** The record in a lock file, or undefined if there is none. */
export async function readLock(path: string): Promise<LockRecord | undefined> {
  try {
    return lockRecordSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new SecpiError('engine/unreadable-lock', `${path} is not a lock file: ${dataProblem(error)}`, {
      hint: 'Delete it if no other run is active.',
      cause: error,
    });
  }
}

async function writeDurably(path: string, text: string): Promise<void> {
  const handle = await open(path, 'wx');
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Puts `candidate` in the place of `path` only if nothing is there. A hard link does that in one step with whole content. */
async function linkIfFree(candidate: string, path: string): Promise<boolean> {
  try {
    await link(candidate, path);
    return true;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (code === 'EEXIST') return false;
    if (!['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP'].includes(code)) throw error;
    throw new SecpiError('engine/no-hard-links', `the file system of ${dirname(path)} has no hard links`, {
      hint: 'Set SECPI_HOME to a folder on another file system.',
      cause: error,
    });
  }
}

interface Attempt {
  readonly path: string;
  readonly candidate: string;
  readonly nonce: string;
  readonly takeOver: boolean;
}

type Blocker = { readonly record: LockRecord; readonly liveness: Liveness };

/**
 * One try. Returns undefined when the lock is ours, else who has it.
 *
 * Replacing a dead owner has to be safe against others who do the same at that moment. So the right to replace is itself a
 * lock, named after the dead owner's nonce: whoever gets it looks again, and only replaces a record that still has that
 * nonce. If its holder dies in between, the same rule applies to that lock.
 */
async function tryAcquire({ path, candidate, nonce, takeOver }: Attempt): Promise<Blocker | undefined> {
  for (;;) {
    if (await linkIfFree(candidate, path)) return undefined;
    const record = await readLock(path);
    if (record === undefined) continue;
    // Over NFS a link can succeed although its answer was lost.
    if (record.nonce === nonce) return undefined;
    const liveness = await livenessOf(record.owner);
    if (liveness === 'alive' || (liveness === 'unknown' && !takeOver)) return { record, liveness };

    const claim = `${path}.${record.nonce}`;
    const blocker = await tryAcquire({ path: claim, candidate, nonce, takeOver });
    if (blocker !== undefined) return blocker;
    try {
      if ((await readLock(path))?.nonce !== record.nonce) continue;
      // `candidate` must stay for its owner's next try, and rename does nothing between two names of one file.
      const replacement = `${candidate}.replacement`;
      await writeDurably(replacement, await readFile(candidate, 'utf8'));
      await rename(replacement, path);
      return undefined;
    } finally {
      await rm(claim, { force: true });
    }
  }
}

/** Removes what processes have left beside the lock that were killed while they tried to take it. */
async function removeLitter(path: string): Promise<void> {
  for (const name of await readdir(dirname(path))) {
    if (!name.startsWith(`${basename(path)}.`)) continue;
    const litter = join(dirname(path), name);
    const record = await readLock(litter).catch(() => undefined);
    if (record !== undefined && (await livenessOf(record.owner)) === 'dead') await rm(litter, { force: true });
  }
}

async function take(path: string, options: AcquireOptions, wait: boolean): Promise<Lock | undefined> {
  const nonce = randomBytes(8).toString('hex');
  const record: LockRecord = { schema: 1, nonce, since: new Date().toISOString(), owner: await thisProcess() };
  await makeDirectory(dirname(path));
  const candidate = `${path}.${nonce}.candidate`;
  await writeDurably(candidate, `${JSON.stringify(record)}\n`);
  try {
    let announced: string | undefined;
    for (;;) {
      options.signal.throwIfAborted();
      const blocker = await tryAcquire({ path, candidate, nonce, takeOver: options.takeOver ?? false });
      if (blocker === undefined) break;
      if (!wait) return undefined;
      if (blocker.record.nonce !== announced) options.onWaiting?.(blocker.record, blocker.liveness);
      announced = blocker.record.nonce;
      // An abort only cuts the sleep short; the check at the top throws the signal's own reason.
      await sleep(POLL_MILLISECONDS, undefined, { signal: options.signal }).catch(() => undefined);
    }
  } finally {
    await rm(candidate, { force: true });
  }
  await removeLitter(path);
  return heldLock(path, nonce);
}

function heldLock(path: string, nonce: string): Lock {
  return {
    nonce,
    assertHeld: async () => {
      const now = await readLock(path);
      if (now?.nonce === nonce) return;
      throw new SecpiError('engine/lock-lost', `another process has taken over ${path} while this one was at work`, {
        hint: 'Nothing was written over. Start the run again; it continues from what is there.',
      });
    },
    release: async () => {
      if ((await readLock(path))?.nonce === nonce) await rm(path, { force: true });
    },
  };
}

/**
 * Takes a lock file, waiting as long as a live process has it. A lock whose owner is provably dead (same machine, and the
 * process or the boot is gone) is replaced at once; one that cannot be judged, say on another host, is waited for.
 * Throws the signal's reason, `engine/unreadable-lock` or `engine/no-hard-links`.
 */
export async function acquireLock(path: string, options: AcquireOptions): Promise<Lock> {
  const lock = await take(path, options, true);
  if (lock === undefined) throw new Error('a waiting attempt ended without the lock');
  return lock;
}

/** As `acquireLock`, but gives up with undefined instead of waiting. */
export async function tryLock(path: string, signal: AbortSignal): Promise<Lock | undefined> {
  return take(path, { signal }, false);
}

/** An owner in words, for the person who waits. */
export function describeOwner(path: string, record: LockRecord, liveness: Liveness): string {
  const who = `process ${record.owner.pid} on ${record.owner.host} since ${record.since}`;
  if (liveness !== 'unknown') return who;
  return `${who} (cannot tell from here whether it still runs; if not, delete ${path})`;
}
