import { readdir, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { SecpiError } from '../../base/errors.js';
import { syncDirectory } from '../../base/files/durable-directory.js';
import { ifThere, readIfThere } from '../../base/files/if-there.js';
import { systemCode } from '../../base/files/system-code.js';
import type { Sha256 } from '../../base/hash.js';
import type { AcquireOptions } from '../../base/locks/lock.js';
import { dataProblem } from '../../base/zod-message.js';
import type { StateDirectory } from '../state-directory.js';
import { type ArtifactReader, artifactReader } from './artifact.js';
import { bytesElsewhere, objectOf } from './bytes-elsewhere.js';
import { type Manifest, parseManifest } from './manifest.js';
import { asideFolder, findObjectDamage, setObjectAside } from './object-store.js';

/**
 * Results. Bytes are objects under the digest of their content, which never change; an artifact is a manifest under its
 * fingerprint that names one. To make an artifact again moves that pointer, and whoever reads the old object goes on reading it.
 */

/** What the store has to say about one fingerprint. */
export type Inspection =
  | { readonly state: 'none' }
  | { readonly state: 'whole'; readonly artifact: ArtifactReader }
  | { readonly state: 'damaged'; readonly problem: string };

/** Told of an object before it is looked at: whoever clears up leaves it alone from then on. */
export type Lease = (object: Sha256) => Promise<void>;

export interface InspectOptions {
  readonly signal: AbortSignal;
  readonly lease?: Lease | undefined;
}

/** Leases an artifact's bytes; of those that lie elsewhere the copy that may be fetched. */
export async function leaseBytes(manifest: Manifest, lease: Lease | undefined): Promise<void> {
  await lease?.(manifest.object);
  for (const bytes of bytesElsewhere(manifest)) await lease?.(objectOf(bytes));
}

/** The manifest in a file, or undefined if there is none. Throws what `parseManifest` throws. */
export async function readManifest(path: string): Promise<Manifest | undefined> {
  const text = await readIfThere(path);
  return text === undefined ? undefined : parseManifest(text, path);
}

/** Whether a manifest could not be read, or not by this version, instead of making no sense: that says nothing about the artifact. */
export function isNoDamage(error: unknown): boolean {
  return error instanceof SecpiError || systemCode(error) !== undefined;
}

/**
 * Looks an artifact up and checks it: its seal, the sizes of its files, the hashes of those that may have been touched since they
 * were last hashed. Changes nothing. Only what is missing, torn or has a wrong hash is damaged: what cannot be read throws the
 * file system's error, and what a newer version wrote throws `engine/newer-state`.
 */
export async function inspectArtifact(
  state: StateDirectory,
  stage: string,
  fingerprint: Sha256,
  { signal, lease }: InspectOptions,
): Promise<Inspection> {
  let manifest: Manifest | undefined;
  try {
    manifest = await readManifest(state.artifact(stage, fingerprint));
  } catch (error) {
    if (isNoDamage(error)) throw error;
    return { state: 'damaged', problem: `its manifest is unreadable: ${dataProblem(error)}` };
  }
  if (manifest === undefined) return { state: 'none' };
  if (manifest.stage !== stage || manifest.fingerprint !== fingerprint) {
    return { state: 'damaged', problem: 'its manifest belongs to another artifact' };
  }
  await leaseBytes(manifest, lease);
  const problem = await findObjectDamage(state, manifest, signal);
  if (problem !== undefined) return { state: 'damaged', problem };
  return { state: 'whole', artifact: artifactReader(state.object(manifest.object), manifest) };
}

/**
 * Moves a damaged artifact out of the way and says where it is now; its bytes too, if it is they who are damaged. The caller
 * holds the artifact's lock.
 */
export async function setAside(
  state: StateDirectory,
  stage: string,
  fingerprint: Sha256,
  waiting: AcquireOptions,
): Promise<string> {
  const path = state.artifact(stage, fingerprint);
  const aside = await asideFolder(state, `${stage}-${fingerprint.slice(0, 12)}`);
  const manifest = await readManifest(path).catch(() => undefined);
  // The pointer first: an artifact without its bytes is damaged too, bytes without an artifact are only rubbish.
  await ifThere(rename(path, join(aside, 'manifest.json')));
  await syncDirectory(dirname(path));
  if (manifest !== undefined) await setObjectAside(state, manifest, aside, waiting);
  return aside;
}

/** Manifests of all artifacts of a stage that can be read, newest first. They are not verified. */
export async function listManifests(state: StateDirectory, stage: string): Promise<Manifest[]> {
  const manifests: Manifest[] = [];
  for (const name of (await ifThere(readdir(state.artifacts(stage)))) ?? []) {
    const manifest = await readManifest(join(state.artifacts(stage), name)).catch(() => undefined);
    if (manifest !== undefined) manifests.push(manifest);
  }
  return manifests.sort((a, b) => (a.started_at < b.started_at ? 1 : a.started_at > b.started_at ? -1 : 0));
}
