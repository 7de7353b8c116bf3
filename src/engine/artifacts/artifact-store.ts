import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { SecpiError } from '../../base/errors.js';
import { writeJsonAtomic } from '../../base/files/atomic-file.js';
import { makeDirectory, syncDirectory } from '../../base/files/durable-directory.js';
import { type Sha256, sha256Json } from '../../base/hash.js';
import { dataProblem } from '../../base/zod-message.js';
import type { StateDirectory } from '../state-directory.js';
import type { ArtifactReader, Manifest } from './artifact.js';
import { digestOf, listFolder, sealFiles } from './artifact-files.js';
import { artifactReader } from './artifact-reader.js';
import { MANIFEST, manifestSchema } from './manifest.js';
import { findChangedFile } from './verified-files.js';

/** What the store has to say about one fingerprint. */
export type Inspection =
  | { readonly state: 'none' }
  | { readonly state: 'whole'; readonly artifact: ArtifactReader }
  | { readonly state: 'damaged'; readonly problem: string };

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}

async function readManifest(folder: string): Promise<Manifest> {
  return manifestSchema.parse(JSON.parse(await readFile(join(folder, MANIFEST), 'utf8')));
}

/** Says why the folder is not the artifact it claims to be, or undefined. */
async function problemOf(state: StateDirectory, folder: string, manifest: Manifest): Promise<string | undefined> {
  const { stage, fingerprint, outputs } = manifest;
  if (folder !== state.artifact(stage, fingerprint)) return 'its manifest belongs to another artifact';
  if (sha256Json(manifest.preimage) !== fingerprint) return 'its fingerprint does not follow from its preimage';
  if (digestOf(outputs) !== manifest.digest) return 'its digest does not follow from its list of files';
  const present = await listFolder(folder);
  const files = new Set(present.files);
  const absent = outputs.find((file) => !files.has(file.path));
  if (absent !== undefined) {
    const through = present.others.find((other) => `${absent.path}/`.startsWith(`${other}/`));
    return through === undefined ? `${absent.path} is missing` : `${through} is a link or not a plain file`;
  }
  return findChangedFile(folder, outputs, state.verified(stage, fingerprint));
}

/**
 * Looks an artifact up and checks it against its manifest: sizes always, hashes of all files that may have been touched
 * since they were last hashed. Changes nothing in the artifact.
 */
export async function inspectArtifact(state: StateDirectory, stage: string, fingerprint: Sha256): Promise<Inspection> {
  const folder = state.artifact(stage, fingerprint);
  try {
    const entries = await readdir(dirname(folder), { withFileTypes: true });
    const entry = entries.find((candidate) => candidate.name === fingerprint);
    if (entry === undefined) return { state: 'none' };
    if (!entry.isDirectory()) return { state: 'damaged', problem: 'it is a link or not a folder' };
  } catch (error) {
    if (isMissing(error)) return { state: 'none' };
    throw error;
  }
  let manifest: Manifest;
  try {
    manifest = await readManifest(folder);
  } catch (error) {
    if (!isMissing(error)) return { state: 'damaged', problem: `${MANIFEST} is unreadable: ${dataProblem(error)}` };
    return { state: 'damaged', problem: `${MANIFEST} is missing` };
  }
  try {
    const problem = await problemOf(state, folder, manifest);
    if (problem !== undefined) return { state: 'damaged', problem };
  } catch (error) {
    if (isMissing(error)) return { state: 'damaged', problem: 'a file vanished while it was being checked' };
    throw error;
  }
  return { state: 'whole', artifact: artifactReader(folder, manifest) };
}

/** Moves a damaged artifact out of the way, for a person to look at, and says where it is now. The caller holds the lock. */
export async function setArtifactAside(
  state: StateDirectory,
  stage: string,
  fingerprint: Sha256,
  nonce: string,
): Promise<string> {
  const aside = join(state.damaged, `${stage}-${fingerprint.slice(0, 12)}-${nonce}`);
  await makeDirectory(state.damaged);
  await rename(state.artifact(stage, fingerprint), aside);
  await syncDirectory(dirname(state.artifact(stage, fingerprint)));
  return aside;
}

/** Manifests of all artifacts of a stage that can be read, newest first. They are not verified. */
export async function listManifests(state: StateDirectory, stage: string): Promise<Manifest[]> {
  const names = await readdir(state.artifacts(stage)).catch((error: unknown) => {
    if (isMissing(error)) return [];
    throw error;
  });
  const manifests: Manifest[] = [];
  for (const name of names) {
    const manifest = await readManifest(join(state.artifacts(stage), name)).catch(() => undefined);
    if (manifest !== undefined) manifests.push(manifest);
  }
  return manifests.sort((a, b) => (a.started_at < b.started_at ? 1 : a.started_at > b.started_at ? -1 : 0));
}

/** An empty folder for the output of one fingerprint; what a killed run has left there is removed. The caller holds the lock. */
export async function openStaging(state: StateDirectory, fingerprint: Sha256, nonce: string): Promise<string> {
  await makeDirectory(state.staging);
  for (const name of await readdir(state.staging)) {
    if (name.startsWith(`${fingerprint}.`)) await rm(join(state.staging, name), { recursive: true, force: true });
  }
  const staging = join(state.staging, `${fingerprint}.${nonce}`);
  await mkdir(staging);
  return staging;
}

export interface CommitOptions {
  readonly state: StateDirectory;
  /** The folder that `openStaging` gave. */
  readonly staging: string;
  /** Everything in the manifest but what follows from the files. */
  readonly facts: Omit<Manifest, 'schema' | 'outputs' | 'digest'>;
  readonly signal: AbortSignal;
  /** Throws if the lock is no longer ours; asked last, right before the rename. */
  readonly assertHeld: () => Promise<void>;
}

/**
 * Turns a filled staging folder into an artifact: force the files to the disk, write the manifest, rename. At any moment
 * there is either no artifact or a whole one. Throws `engine/output-not-a-file`, `engine/reserved-name`, the signal's
 * reason, or what `assertHeld` throws; the staging folder is then left for the next attempt to clear.
 */
export async function commitArtifact(options: CommitOptions): Promise<ArtifactReader> {
  const { state, staging, facts, signal } = options;
  const outputs = await sealFiles(staging, signal);
  if (outputs.some((file) => file.path === MANIFEST)) {
    throw new SecpiError('engine/reserved-name', `no output may be called ${MANIFEST}: the engine writes that file`);
  }
  const manifest: Manifest = { schema: 1, ...facts, outputs, digest: digestOf(outputs) };
  await writeJsonAtomic(join(staging, MANIFEST), manifest);
  const target = state.artifact(facts.stage, facts.fingerprint);
  await makeDirectory(dirname(target));
  const present = await inspectArtifact(state, facts.stage, facts.fingerprint);

  signal.throwIfAborted();
  await options.assertHeld();
  if (present.state === 'whole' && present.artifact.manifest.digest === manifest.digest) {
    // Made again with the same bytes: the files stay where others may be reading them.
    await writeJsonAtomic(join(target, MANIFEST), manifest);
    await rm(staging, { recursive: true });
  } else {
    const old = `${staging}.old`;
    if (present.state !== 'none') await rename(target, old);
    await rename(staging, target);
    await syncDirectory(dirname(target));
    await rm(old, { recursive: true, force: true });
  }
  return artifactReader(target, manifest);
}
