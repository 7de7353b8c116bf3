import { lstat, rename, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import * as z from 'zod';
import { SecpiError } from '../../base/errors.js';
import { writeJsonAtomic } from '../../base/files/atomic-file.js';
import { copyBytes } from '../../base/files/copy.js';
import { makeDirectory, syncDirectory } from '../../base/files/durable-directory.js';
import { ifThere, readIfThere } from '../../base/files/if-there.js';
import { syncFile } from '../../base/files/sync-file.js';
import { sentenceOf } from '../../base/files/system-error.js';
import { sha256File } from '../../base/hash.js';
import type { PublishedFile } from './records.js';
import type { TreeFile } from './tree.js';

/** In the folder: which files there are ours. Everything else is never touched. */
const LIST = '.secpi-published.json';
/** In the folder, while it is written to: a rename must stay on one file system. */
const UNFINISHED = '.secpi-unfinished';

const PUBLISHED_MODE = 0o644;

type HashOf = (path: string) => Promise<string>;

const listSchema = z.strictObject({
  schema: z.literal(1),
  files: z.array(z.strictObject({ path: z.string(), sha256: z.string() })),
});
type Listed = z.infer<typeof listSchema>['files'];

export interface FolderOutcome {
  readonly written: readonly string[];
  readonly unchanged: readonly string[];
  /** Files of an earlier publish that are not part of this one. */
  readonly removed: readonly string[];
  /** Those among them that somebody has changed since; they stay. */
  readonly kept: readonly string[];
}

/**
 * Makes a folder hold the files. What differs is written beside its place and renamed; files of an earlier publish that are
 * no longer wanted go, unless somebody changed them. May be killed at any moment: the list of what is ours is extended
 * before the first file is written and cut down after the last.
 *
 * Throws `publish/foreign-file` before anything is written when a file that is not ours stands in the way, and
 * `publish/folder` when the folder cannot be written to.
 */
export async function publishToFolder(
  folder: string,
  files: readonly TreeFile[],
  signal: AbortSignal,
): Promise<FolderOutcome> {
  try {
    return await write(folder, files, signal);
  } catch (error) {
    if (error instanceof SecpiError || error === signal.reason) throw error;
    throw new SecpiError('publish/folder', `cannot publish to ${folder}: ${sentenceOf(error)}`, {
      hint: 'Check that the folder may be written to and that the disk has room; the next run goes on from here.',
      cause: error,
    });
  }
}

async function write(folder: string, files: readonly TreeFile[], signal: AbortSignal): Promise<FolderOutcome> {
  const before = await readList(folder);
  const ours = new Set(before.map(({ path }) => path));
  const different: TreeFile[] = [];
  const unchanged: string[] = [];
  for (const file of files) {
    signal.throwIfAborted();
    const state = await compare(folder, file, (path) => sha256File(path, signal));
    if (state === 'same') unchanged.push(file.path);
    else if (state === 'missing' || ours.has(file.path)) different.push(file);
    else throw foreign(folder, file.path);
  }
  const wanted = new Set(files.map(({ path }) => path));
  const leftover = before.filter(({ path }) => !wanted.has(path));
  const after = files.map(({ path, sha256 }) => ({ path, sha256: String(sha256) }));
  const unfinished = join(folder, UNFINISHED);

  await makeDirectory(folder);
  await rm(unfinished, { recursive: true, force: true });
  if (different.length > 0 || leftover.length > 0) {
    await writeJsonAtomic(join(folder, LIST), { schema: 1, files: [...after, ...leftover] });
  }
  for (const [index, file] of different.entries()) {
    signal.throwIfAborted();
    await put(file, join(unfinished, String(index)), join(folder, file.path), signal);
  }
  await rm(unfinished, { recursive: true, force: true });
  const { removed, kept } = await removeLeftover(folder, leftover, signal);
  if (!sameList(await readList(folder), after)) await writeJsonAtomic(join(folder, LIST), { schema: 1, files: after });
  return { written: different.map(({ path }) => path), unchanged, removed, kept };
}

async function put({ from }: TreeFile, temporary: string, to: string, signal: AbortSignal): Promise<void> {
  await makeDirectory(dirname(temporary));
  await makeDirectory(dirname(to));
  await copyBytes(from, temporary, signal);
  // What lies in the store is read-only; what is published belongs to whoever asked for it.
  await syncFile(temporary, PUBLISHED_MODE);
  await rename(temporary, to);
  await syncDirectory(dirname(to));
}

async function removeLeftover(
  folder: string,
  leftover: Listed,
  signal: AbortSignal,
): Promise<Pick<FolderOutcome, 'removed' | 'kept'>> {
  const removed: string[] = [];
  const kept: string[] = [];
  for (const file of leftover) {
    const state = await compare(folder, file, (path) => sha256File(path, signal));
    if (state === 'different') kept.push(file.path);
    if (state !== 'same') continue;
    await rm(join(folder, file.path));
    removed.push(file.path);
    // Folders that this leaves empty; one that holds something of others is not.
    for (let at = dirname(file.path); at !== '.'; at = dirname(at)) {
      if (
        !(await rmdir(join(folder, at)).then(
          () => true,
          () => false,
        ))
      )
        break;
    }
  }
  return { removed, kept };
}

async function compare(
  folder: string,
  file: { readonly path: string; readonly sha256: string; readonly bytes?: number },
  hashOf: HashOf,
): Promise<'same' | 'different' | 'missing'> {
  const path = join(folder, file.path);
  const found = await ifThere(lstat(path));
  if (found === undefined) return 'missing';
  if (!found.isFile() || (file.bytes !== undefined && found.size !== file.bytes)) return 'different';
  return (await hashOf(path)) === file.sha256 ? 'same' : 'different';
}

/** What an earlier publish left on record; nothing when there was none. Names that leave the folder are not believed. */
async function readList(folder: string): Promise<Listed> {
  const text = await readIfThere(join(folder, LIST));
  if (text === undefined) return [];
  try {
    return listSchema.parse(JSON.parse(text)).files.filter(({ path }) => path.split('/').every(isPlainName));
  } catch (cause) {
    throw new SecpiError('publish/bad-list', `${join(folder, LIST)} does not say what secpi wrote there`, {
      hint: 'Publish to another folder, or remove that file together with the files that were published before.',
      cause,
    });
  }
}

function isPlainName(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && !/[\\\0]/.test(name);
}

function sameList(left: Listed, right: Listed): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}

function foreign(folder: string, path: string): SecpiError {
  return new SecpiError(
    'publish/foreign-file',
    `${join(folder, path)} is there already and was not put there by secpi`,
    {
      hint: 'Move it away, or publish to another folder. Nothing was written.',
    },
  );
}

/** Why a folder no longer holds what was published, or `undefined`. */
export async function folderProblem(
  folder: string,
  files: readonly PublishedFile[],
  hashOf: HashOf,
): Promise<string | undefined> {
  for (const file of files) {
    const state = await compare(folder, file, hashOf);
    if (state !== 'same')
      return `the folder's ${file.path} is ${state === 'missing' ? 'not there' : 'not what was published'}`;
  }
  return undefined;
}
