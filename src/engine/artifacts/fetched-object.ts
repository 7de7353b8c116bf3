import { rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { SecpiError } from '../../base/errors.js';
import { makeDirectory, syncDirectory } from '../../base/files/durable-directory.js';
import { HashMemo } from '../../base/files/hash-memo.js';
import { acquireLock } from '../../base/locks/lock.js';
import type { StateDirectory } from '../state-directory.js';
import { type BytesElsewhere, objectOf } from './bytes-elsewhere.js';
import { digestOf } from './manifest.js';
import { findDamage, sealFolder } from './object.js';

/** Where a whole copy of it is here, if there is one. Checked as objects are: quick when nobody has touched it. */
export async function findCopy(
  state: StateDirectory,
  bytes: BytesElsewhere,
  signal: AbortSignal,
): Promise<string | undefined> {
  const object = objectOf(bytes);
  const copy = join(state.object(object), bytes.name);
  const memo = await HashMemo.open(state.hashes(object));
  const files = bytes.files.map((file) => ({ ...file, path: `${bytes.name}/${file.path}` }));
  const damage = await findDamage(state.object(object), files, memo, signal);
  await memo.save(state.hashes(object));
  return damage === undefined ? copy : undefined;
}

/**
 * The path of a copy here, which `fetch` brings, verified, into the folder that it is given, unless it is here. Who wants the same at the
 * same time waits; what a fetch that was cut off has brought is there for the next. The run has leased it (`inspectArtifact`), so it
 * stays as long as the run lives; after that it is garbage, because it can be fetched again.
 *
 * @throws SecpiError `engine/bad-copy`; what `fetch` throws; the signal's reason.
 */
export async function fetchedCopy(
  state: StateDirectory,
  bytes: BytesElsewhere,
  fetch: (into: string) => Promise<unknown>,
  signal: AbortSignal,
): Promise<string> {
  const object = objectOf(bytes);
  const lock = await acquireLock(state.lock(object), { signal });
  try {
    const copy = await findCopy(state, bytes, signal);
    if (copy !== undefined) return copy;
    const folder = join(state.staging, `${object}.fetched`);
    await makeDirectory(folder);
    await fetch(join(folder, bytes.name));
    const memo = HashMemo.fresh();
    if (digestOf(await sealFolder(folder, memo, signal)) !== object) {
      await rm(folder, { recursive: true });
      throw new SecpiError('engine/bad-copy', `the copy of ${bytes.name} of ${bytes.stage} is not what was fetched`, {
        hint: 'Run the same command again. If it says the same, look at the disk here.',
      });
    }
    const place = state.object(object);
    await lock.assertHeld();
    await rm(place, { recursive: true, force: true });
    await makeDirectory(dirname(place));
    await rename(folder, place);
    await syncDirectory(dirname(place));
    await memo.save(state.hashes(object));
    return join(place, bytes.name);
  } finally {
    await lock.release();
  }
}
