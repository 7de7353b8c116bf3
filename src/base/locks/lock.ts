import { randomBytes } from 'node:crypto';
import { link, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { SecpiError } from '../errors.js';
import { writeDurably } from '../files/atomic-file.js';
import { makeDirectory } from '../files/durable-directory.js';
import { readIfThere } from '../files/if-there.js';
import { systemCode } from '../files/system-code.js';
import { type Liveness, livenessOf, processOwnerSchema, thisProcess } from '../processes/process-owner.js';
import { dataProblem } from '../zod-message.js';
import { BEAT_SECONDS, beatPath, SILENCE_SECONDS, SilenceWatch, startHeartbeat } from './heartbeat.js';

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
  /** The owner before could not be proven dead, only silent (or a person said so): it may still be writing somewhere. */
  readonly takenOver: boolean;
  /** Aborted with `base/lock-lost` as soon as it is seen that somebody else holds it. */
  readonly lost: AbortSignal;
  /** Throws `base/lock-lost` if somebody else holds it now. */
  assertHeld(): Promise<void>;
  release(): Promise<void>;
}

export interface LockTimes {
  readonly beatSeconds: number;
  readonly silenceSeconds: number;
}

export interface AcquireOptions {
  /** Ends the waiting with the signal's reason. */
  readonly signal: AbortSignal;
  /** Called once for each owner that has to be waited for. */
  readonly onWaiting?: ((owner: LockRecord, liveness: Liveness) => void) | undefined;
  /** Take the lock at once from an owner that cannot be proven dead, on a person's word. A live one is waited for all the same. */
  readonly takeOver?: boolean | undefined;
  readonly times?: LockTimes | undefined;
}

const DEFAULT_TIMES: LockTimes = { beatSeconds: BEAT_SECONDS, silenceSeconds: SILENCE_SECONDS };

/** Waiting begins eager and becomes patient: dozens of waiters on one network file system must not keep its server busy. */
const POLL = { firstMs: 100, growth: 1.5, most: { onThisMachineMs: 1000, elsewhereMs: 5000 } } as const;

/** The record in a lock file, or undefined if there is none. Throws `base/unreadable-lock` for one that is not a lock. */
export async function readLock(path: string): Promise<LockRecord | undefined> {
  const text = await readIfThere(path);
  if (text === undefined) return undefined;
  try {
    return lockRecordSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new SecpiError('base/unreadable-lock', `${path} is not a lock file: ${dataProblem(error)}`, {
      hint: 'Delete it if no other run is active.',
      cause: error,
    });
  }
}

/**
 * Puts our record in the place of `path` only if nothing is there. A hard link does that in one step with whole content.
 * Somebody who cleared up may have taken our candidate for litter, in the moment when it was not written yet.
 */
async function linkIfFree({ candidate, text }: Candidate, path: string): Promise<boolean> {
  try {
    await link(candidate, path);
    return true;
  } catch (error) {
    const code = systemCode(error) ?? '';
    if (code === 'EEXIST') return false;
    if (code === 'ENOENT') {
      await writeDurably(candidate, text);
      return linkIfFree({ candidate, text }, path);
    }
    if (!['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP'].includes(code)) throw error;
    throw new SecpiError('base/no-hard-links', `the file system of ${dirname(path)} has no hard links`, {
      hint: 'Set SECPI_HOME to a folder on another file system.',
      cause: error,
    });
  }
}

/** A file that holds what is to become the lock. */
interface Candidate {
  readonly candidate: string;
  readonly text: string;
}

interface Attempt extends Candidate {
  readonly path: string;
  readonly nonce: string;
  readonly takeOver: boolean;
  readonly watch: SilenceWatch;
}

/** Who has the lock; or that it is ours now, and what is known of the one before. */
type Outcome =
  | { readonly state: 'ours'; readonly takenOver: boolean }
  | { readonly state: 'theirs'; readonly record: LockRecord; readonly liveness: Liveness };

/**
 * One try.
 *
 * Replacing a dead owner has to be safe against others who do the same at that moment. So the right to replace is itself a
 * lock, named after the dead owner's nonce: whoever gets it looks again, and only replaces a record that still has that
 * nonce. If its holder dies in between, the same rule applies to that lock.
 */
async function tryAcquire(attempt: Attempt): Promise<Outcome> {
  const { path, candidate, text, nonce, takeOver, watch } = attempt;
  for (;;) {
    if (await linkIfFree(attempt, path)) return { state: 'ours', takenOver: false };
    const record = await readLock(path);
    if (record === undefined) continue;
    // Over NFS a link can succeed although its answer was lost.
    if (record.nonce === nonce) return { state: 'ours', takenOver: false };
    const liveness = await livenessOfLock(record);
    const lives =
      liveness === 'alive' || (liveness === 'unknown' && !takeOver && !(await watch.isDead(path, record.nonce)));
    if (lives) return { state: 'theirs', record, liveness };

    const claim = `${path}.${record.nonce}`;
    const claimed = await tryAcquire({ ...attempt, path: claim });
    if (claimed.state === 'theirs') return claimed;
    try {
      if ((await readLock(path))?.nonce !== record.nonce) continue;
      // `candidate` must stay for its owner's next try, and rename does nothing between two names of one file.
      const replacement = `${candidate}.replacement`;
      await writeDurably(replacement, text);
      await rename(replacement, path);
      return { state: 'ours', takenOver: liveness === 'unknown' };
    } finally {
      // One that stays behind is never asked for again: nobody has the dead owner's nonce any more.
      await rm(claim).catch(() => undefined);
    }
  }
}

/** What this process has taken, or tries to take, and has not given back. */
const held = new Set<string>();

/** Whether an owner still has its lock. One of our own that could not be removed when it was given back is nobody's. */
export async function livenessOfLock({ owner, nonce }: LockRecord): Promise<Liveness> {
  const liveness = await livenessOf(owner);
  const isOurs = liveness === 'alive' && owner.pid === process.pid;
  return isOurs && !held.has(nonce) ? 'dead' : liveness;
}

/** Removes what others have left beside the lock: signs of life of earlier owners, and names of those who died while they tried. */
async function removeLitter(path: string): Promise<void> {
  for (const name of await readdir(dirname(path))) {
    // What cannot be looked at or removed is no reason to do without the lock.
    if (name.startsWith(`${basename(path)}.`)) await removeIfLitter(join(dirname(path), name)).catch(() => undefined);
  }
}

/** Removes what nobody needs any more: signs of life, and what has an owner that is dead, or died before its name stood in it. */
async function removeIfLitter(path: string): Promise<void> {
  const record = await readLock(path).catch(nobodysIfUnreadable);
  if (record === undefined || (await livenessOfLock(record)) === 'dead') await rm(path);
}

/** A file that names no owner is nobody's lock. */
function nobodysIfUnreadable(error: unknown): undefined {
  if (error instanceof SecpiError) return undefined;
  throw error;
}

async function take(path: string, options: AcquireOptions, wait: boolean): Promise<Lock | undefined> {
  options.signal.throwIfAborted();
  const times = options.times ?? DEFAULT_TIMES;
  const nonce = randomBytes(8).toString('hex');
  const record: LockRecord = { schema: 1, nonce, since: new Date().toISOString(), owner: await thisProcess() };
  await makeDirectory(dirname(path));
  const candidate = `${path}.${nonce}.candidate`;
  const text = `${JSON.stringify(record)}\n`;
  let lock: Lock | undefined;
  held.add(nonce);
  try {
    await writeDurably(candidate, text);
    const watch = new SilenceWatch(times.silenceSeconds);
    const attempt = { path, candidate, text, nonce, takeOver: options.takeOver ?? false, watch };
    const outcome = wait ? await waitForTurn(attempt, options, times) : await tryAcquire(attempt);
    if (outcome.state === 'theirs') return undefined;
    await removeLitter(path);
    lock = await holdLock(path, nonce, outcome.takenOver, times);
    return lock;
  } finally {
    await rm(candidate).catch(() => undefined);
    // It may be ours although taking it has failed: over network file systems the answer can be lost.
    if (lock === undefined) await giveBack(path, nonce);
  }
}

async function waitForTurn(attempt: Attempt, options: AcquireOptions, times: LockTimes): Promise<Outcome> {
  let announced: string | undefined;
  let pause: number = POLL.firstMs;
  for (;;) {
    const outcome = await tryAcquire(attempt);
    if (outcome.state === 'ours') return outcome;
    if (outcome.record.nonce !== announced) {
      options.onWaiting?.(outcome.record, outcome.liveness);
      pause = POLL.firstMs;
    }
    announced = outcome.record.nonce;
    // An abort only cuts the sleep short; what is thrown is the signal's own reason.
    await sleep(pause * (0.8 + 0.4 * Math.random()), undefined, { signal: options.signal }).catch(() => undefined);
    options.signal.throwIfAborted();
    const { onThisMachineMs, elsewhereMs } = POLL.most;
    const most = outcome.liveness === 'unknown' ? Math.min(elsewhereMs, times.silenceSeconds * 250) : onThisMachineMs;
    pause = Math.min(most, pause * POLL.growth);
  }
}

/** Never fails: what was done under the lock is done. A file that cannot be removed now is nobody's lock any more. */
async function giveBack(path: string, nonce: string): Promise<void> {
  await rm(beatPath(path, nonce)).catch(() => undefined);
  try {
    if ((await readLock(path))?.nonce === nonce) await rm(path);
  } catch {
    // Others find it once this process has ended, we find it at once.
  } finally {
    // Not before: from here on somebody in this process may put another in its place, which must not be removed.
    held.delete(nonce);
  }
}

async function holdLock(path: string, nonce: string, takenOver: boolean, times: LockTimes): Promise<Lock> {
  const lost = new AbortController();
  const assertHeld = async (): Promise<void> => {
    lost.signal.throwIfAborted();
    if ((await readLock(path).catch(nobodysIfUnreadable))?.nonce === nonce) return;
    lost.abort(
      new SecpiError('base/lock-lost', `another process has taken over ${path} while this one was at work`, {
        hint: 'Nothing was written over. Start the run again; it continues from what is there.',
      }),
    );
    lost.signal.throwIfAborted();
  };
  const beats = await startHeartbeat(
    beatPath(path, nonce),
    // Not being able to look (a server that is away) says nothing about who holds it; whoever waits judges by our silence.
    () => assertHeld().catch(() => lost.signal.throwIfAborted()),
    times.beatSeconds,
  );
  return {
    nonce,
    takenOver,
    lost: lost.signal,
    assertHeld,
    async release() {
      await beats.stop();
      await giveBack(path, nonce);
    },
  };
}

/**
 * Takes a lock file, waiting as long as another has it. One whose owner is provably dead (same machine, and the process or the
 * boot is gone) is replaced at once; one that cannot be judged, say on another host or in another container, once it has shown
 * no sign of life for `silenceSeconds`, by the clock of the one who waits.
 *
 * Throws the signal's reason, `base/unreadable-lock`, `base/no-hard-links`, or the file system's error.
 */
export async function acquireLock(path: string, options: AcquireOptions): Promise<Lock> {
  return (await take(path, options, true)) as Lock;
}

/** As `acquireLock`, but gives up with undefined instead of waiting. */
export async function tryLock(path: string, signal: AbortSignal): Promise<Lock | undefined> {
  return take(path, { signal }, false);
}

/** An owner in words, for the person who waits, with the way out. */
export function describeOwner(record: LockRecord, liveness: Liveness): string {
  const who = `process ${record.owner.pid} on ${record.owner.host} since ${record.since.slice(0, 16).replace('T', ' ')} UTC`;
  if (liveness !== 'unknown') return who;
  const minutes = SILENCE_SECONDS / 60;
  return `${who} (its process cannot be seen from here; taken over after ${minutes} minutes without a sign of life, or at once with --steal-locks)`;
}
