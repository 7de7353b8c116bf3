import { chmod, mkdir, readdir, rm } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import * as z from 'zod';
import { copyTree, moveTree } from '../../base/files/copy.js';
import { makeDirectory } from '../../base/files/durable-directory.js';
import { exists, ifThere } from '../../base/files/if-there.js';
import { createJsonLines, readJsonLines } from '../../base/files/json-lines.js';
import type { Sha256 } from '../../base/hash.js';
import { resolveInside } from '../inside.js';
import type { StateDirectory } from '../state-directory.js';
import { listFolder } from './object.js';

/**
 * What one attempt at an artifact has made so far, in one folder:
 *
 *     files/          the output
 *     adopted.jsonl   what was moved there from the work folder instead of being written
 *     manifest.json   once everything is hashed and checked; from then on anybody may finish the commit
 *
 * Large files are adopted by a rename, so an attempt that dies holds what a day of training made: each move is written down before
 * it is done, and the next attempt gives back what was moved.
 */
export interface Staging {
  readonly folder: string;
  /** Moves a file or folder of the work folder into the output. */
  adopt(name: string, from: string, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

const adoptionSchema = z.object({ name: z.string(), from: z.string() });
type Adoption = z.output<typeof adoptionSchema>;

const ADOPTED = 'adopted.jsonl';
/** A file that goes back to the work folder is one that somebody may want to write over. */
const WORK_MODE = 0o644;

/** Where the stage writes. */
export function stagedFiles({ folder }: Pick<Staging, 'folder'>): string {
  return join(folder, 'files');
}

/** Where the manifest stands once the commit is decided. */
export function stagedManifest({ folder }: Pick<Staging, 'folder'>): string {
  return join(folder, 'manifest.json');
}

/** Attempts of one fingerprint that left something behind. */
export async function leftovers(state: StateDirectory, fingerprint: Sha256): Promise<readonly string[]> {
  const names = (await ifThere(readdir(state.staging))) ?? [];
  return names.filter((name) => name.startsWith(`${fingerprint}.`)).map((name) => join(state.staging, name));
}

export interface StagingOptions {
  readonly state: StateDirectory;
  readonly fingerprint: Sha256;
  /** Of the lock that the caller holds. */
  readonly nonce: string;
  /** Where adopted files come from. */
  readonly work: string;
  /** Copy instead of moving: the work folder is to stay as it is. */
  readonly keepWork: boolean;
}

/** An empty staging folder. The caller holds the lock of the fingerprint and has dealt with its leftovers. */
export async function openStaging({ state, fingerprint, nonce, work, keepWork }: StagingOptions): Promise<Staging> {
  const folder = join(state.staging, `${fingerprint}.${nonce}`);
  const files = stagedFiles({ folder });
  await makeDirectory(state.staging);
  await mkdir(folder);
  await mkdir(files);
  const adopted = await createJsonLines<Adoption>(join(folder, ADOPTED));
  return {
    folder,
    async adopt(name, from, signal) {
      const to = resolveInside(files, name);
      if (keepWork) return copyTree(from, to, signal);
      await adopted.append({ name, from: relative(work, from).split(sep).join('/') });
      await moveTree(from, to, signal);
    },
    close: () => adopted.close(),
  };
}

/** Gives back what an attempt has adopted, and removes the rest of it. Can be cut off and done again. */
export async function dissolve(folder: string, work: string): Promise<void> {
  const list = join(folder, ADOPTED);
  if (await exists(list)) {
    for await (const { name, from } of readJsonLines(list, adoptionSchema, { unfinished: 'drop' })) {
      const taken = resolveInside(stagedFiles({ folder }), name);
      const home = resolveInside(work, from);
      if (!(await exists(taken)) || (await exists(home))) continue;
      await makeWritable(taken);
      await moveTree(taken, home, new AbortController().signal);
    }
  }
  await rm(folder, { recursive: true, force: true });
}

async function makeWritable(path: string): Promise<void> {
  const inside = await listFolder(path).catch(() => undefined);
  const files = inside === undefined ? [path] : inside.files.map((name) => join(path, name));
  for (const file of files) await chmod(file, WORK_MODE);
}
