import { randomBytes } from 'node:crypto';
import { rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeDirectory, syncDirectory } from '../../base/files/durable-directory.js';
import { HashMemo } from '../../base/files/hash-memo.js';
import { ifThere } from '../../base/files/if-there.js';
import { systemCode } from '../../base/files/system-code.js';
import type { Sha256 } from '../../base/hash.js';
import { type AcquireOptions, acquireLock } from '../../base/locks/lock.js';
import type { StateDirectory } from '../state-directory.js';
import { filesHere, type Manifest } from './manifest.js';
import { findDamage } from './object.js';

/** Why the bytes that a manifest names are not what it says, or undefined. Quick when nobody has touched them. */
export async function findObjectDamage(
  state: StateDirectory,
  manifest: Manifest,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { object } = manifest;
  const memo = await HashMemo.open(state.hashes(object));
  const damage = await findDamage(state.object(object), filesHere(manifest.outputs), memo, signal);
  await memo.save(state.hashes(object));
  return damage;
}

/**
 * Gives a sealed folder its name as an object; false if somebody has made the same bytes before. Theirs stay then: others may be
 * reading them.
 */
export async function placeObject(
  state: StateDirectory,
  folder: string,
  manifest: Manifest,
  waiting: AcquireOptions,
): Promise<boolean> {
  const object = state.object(manifest.object);
  await makeDirectory(dirname(object));
  await using _held = await holdObject(state, manifest.object, waiting);
  for (;;) {
    try {
      await rename(folder, object);
      await syncDirectory(dirname(object));
      return true;
    } catch (error) {
      if (!['ENOTEMPTY', 'EEXIST'].includes(systemCode(error) ?? '')) throw error;
    }
    if ((await findObjectDamage(state, manifest, waiting.signal)) === undefined) return false;
    const aside = await asideFolder(state, `object-${manifest.object.slice(0, 12)}`);
    await moveAside(state, manifest.object, aside);
  }
}

/** Moves the bytes that a manifest names to `aside` if they are damaged. */
export async function setObjectAside(
  state: StateDirectory,
  manifest: Manifest,
  aside: string,
  waiting: AcquireOptions,
): Promise<void> {
  await using _held = await holdObject(state, manifest.object, waiting);
  // Looked at once more under the lock: another process may have put good bytes there by now.
  if ((await findObjectDamage(state, manifest, waiting.signal)) === undefined) return;
  await moveAside(state, manifest.object, aside);
}

/** A folder of its own for something that is damaged, for a person to look at. */
export async function asideFolder(state: StateDirectory, name: string): Promise<string> {
  const folder = join(state.damaged, `${name}-${randomBytes(4).toString('hex')}`);
  await makeDirectory(folder);
  return folder;
}

async function moveAside(state: StateDirectory, object: Sha256, aside: string): Promise<void> {
  await ifThere(rename(state.object(object), join(aside, 'files')));
  await syncDirectory(dirname(state.object(object)));
}

/** For as long as an object is put in its place or taken from it: artifacts of several fingerprints may have the same bytes. */
async function holdObject(state: StateDirectory, object: Sha256, waiting: AcquireOptions): Promise<AsyncDisposable> {
  const lock = await acquireLock(state.lock(object), waiting);
  return { [Symbol.asyncDispose]: () => lock.release() };
}
