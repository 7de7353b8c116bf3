import { rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { writeJsonAtomic } from '../../base/files/atomic-file.js';
import { makeDirectory, syncDirectory } from '../../base/files/durable-directory.js';
import { HashMemo } from '../../base/files/hash-memo.js';
import { exists } from '../../base/files/if-there.js';
import type { Sha256 } from '../../base/hash.js';
import type { AcquireOptions } from '../../base/locks/lock.js';
import type { StateDirectory } from '../state-directory.js';
import { type ArtifactReader, artifactReader } from './artifact.js';
import { isNoDamage, type Lease, leaseBytes, readManifest } from './artifact-store.js';
import { type ArtifactFile, filesHere, type Manifest, type ManifestFacts, makeManifest } from './manifest.js';
import { findDamage, sealFolder } from './object.js';
import { findObjectDamage, placeObject } from './object-store.js';
import { dissolve, leftovers, type Staging, stagedFiles, stagedManifest } from './staging.js';

/** As an `AcquireOptions`: how to wait for whoever puts the same bytes in their place at that moment. */
export interface CommitOptions extends AcquireOptions {
  readonly state: StateDirectory;
  readonly staging: Staging;
  readonly facts: ManifestFacts;
  /** Outputs that stay on another machine. */
  readonly references?: readonly ArtifactFile[] | undefined;
  readonly lease?: Lease | undefined;
  /** Throws if the artifact must not appear: inputs or pins are no longer what was read, or the lock is no longer ours. Asked last. */
  readonly assertSound: () => Promise<void>;
}

/**
 * Turns filled staging into an artifact: force the files to the disk, hash them once, write the manifest, rename. At any moment
 * there is the artifact that was there before or the new one, whole; a commit that was cut off is finished by whoever comes next.
 * Throws `engine/output-not-a-file`, the signal's reason, or what `assertSound` throws; then nothing has been decided.
 */
export async function commitArtifact(options: CommitOptions): Promise<ArtifactReader> {
  const { state, staging, facts, signal } = options;
  const memo = HashMemo.fresh();
  const sealed = await sealFolder(stagedFiles(staging), memo, signal);
  const manifest = makeManifest(facts, [...sealed, ...(options.references ?? [])]);

  signal.throwIfAborted();
  await options.assertSound();
  await writeJsonAtomic(stagedManifest(staging), manifest);
  await leaseBytes(manifest, options.lease);
  const placed = await placeObject(state, stagedFiles(staging), manifest, options);
  // A rename of their folder leaves the files what they were: what was hashed just now need not be hashed again.
  if (placed) await memo.save(state.hashes(manifest.object));
  await point(state, staging.folder, manifest);
  return artifactReader(state.object(manifest.object), manifest);
}

/** Ends an attempt that failed: what it adopted goes back to the work folder, unless its commit was decided already. */
export async function abandonStaging(staging: Staging, work: string): Promise<void> {
  if (!(await exists(stagedManifest(staging)))) await dissolve(staging.folder, work);
}

/**
 * Finishes what attempts at a fingerprint had decided before they died, and undoes the others. The caller holds the lock; `work`
 * is the folder that adopted files go back to.
 */
export async function recoverStaging(
  state: StateDirectory,
  fingerprint: Sha256,
  work: string,
  waiting: AcquireOptions,
): Promise<void> {
  for (const folder of await leftovers(state, fingerprint)) {
    const manifest = await readManifest(stagedManifest({ folder })).catch((error: unknown) => {
      if (isNoDamage(error)) throw error;
      return undefined; // the disk has spoilt it
    });
    if (manifest === undefined || !(await finish(state, folder, manifest, waiting))) await dissolve(folder, work);
  }
}

/** The rest of a commit, wherever it was cut off; false if its bytes are neither in one place nor in the other. */
async function finish(
  state: StateDirectory,
  folder: string,
  manifest: Manifest,
  waiting: AcquireOptions,
): Promise<boolean> {
  const { signal } = waiting;
  if ((await findObjectDamage(state, manifest, signal)) !== undefined) {
    const staged = stagedFiles({ folder });
    if ((await findDamage(staged, filesHere(manifest.outputs), HashMemo.fresh(), signal)) !== undefined) return false;
    await placeObject(state, staged, manifest, waiting);
  }
  await point(state, folder, manifest);
  return true;
}

/** Moves the manifest to where the artifact is looked for: from this rename on it is there. */
async function point(state: StateDirectory, folder: string, { stage, fingerprint }: Manifest): Promise<void> {
  const path = state.artifact(stage, fingerprint);
  await makeDirectory(dirname(path));
  await rename(stagedManifest({ folder }), path);
  await syncDirectory(dirname(path));
  await rm(folder, { recursive: true, force: true });
}
