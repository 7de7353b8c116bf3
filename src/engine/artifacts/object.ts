import { readdir } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { SecpiError } from '../../base/errors.js';
import { syncDirectory } from '../../base/files/durable-directory.js';
import { type HashMemo, settled, stampOf } from '../../base/files/hash-memo.js';
import { ifThere } from '../../base/files/if-there.js';
import { syncFile } from '../../base/files/sync-file.js';
import type { ArtifactFile } from './manifest.js';

/**
 * An object: a folder of bytes under the digest of its content. Once it has that name it never changes; whoever opened it
 * goes on reading the same bytes whatever becomes of the artifacts that point to it.
 */

/** What lies in a folder: names are relative, with forward slashes, sorted by code unit so that every host agrees. */
export interface FolderContent {
  readonly files: readonly string[];
  readonly folders: readonly string[];
  /** Links, pipes, sockets, devices: nothing that an artifact may hold. */
  readonly others: readonly string[];
}

/** Lists a folder with all its subfolders, without following a single link. */
export async function listFolder(root: string): Promise<FolderContent> {
  const content = { files: [] as string[], folders: [] as string[], others: [] as string[] };
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    const name = relative(root, join(entry.parentPath, entry.name)).split(sep).join('/');
    (entry.isFile() ? content.files : entry.isDirectory() ? content.folders : content.others).push(name);
  }
  content.files.sort();
  content.folders.sort();
  content.others.sort();
  return content;
}

/** Read by everybody, written by nobody: an editor that opens a result by mistake is told so. */
const SEALED_MODE = 0o444;

/** From here on it is cheaper to wait until hashes can be remembered than to hash once more at the next run. */
const LARGE_BYTES = 64 * 1024 * 1024;

/**
 * Makes finished output fit to be an object: nothing but plain files, all of it on the disk, read-only, hashed. The hashes are
 * remembered in `memo`, so that nobody has to read the bytes again.
 * Throws `engine/output-not-a-file` if the output holds a link or anything else that is not a file; the signal's reason.
 */
export async function sealFolder(root: string, memo: HashMemo, signal: AbortSignal): Promise<ArtifactFile[]> {
  const content = await listFolder(root);
  const other = content.others[0];
  if (other !== undefined) {
    throw new SecpiError('engine/output-not-a-file', `the output holds ${other}, which is a link or not a plain file`, {
      hint: 'A stage writes plain files and folders only; copy what the link points at.',
    });
  }
  let bytes = 0;
  for (const path of content.files) {
    signal.throwIfAborted();
    bytes += await syncFile(join(root, path), SEALED_MODE);
  }
  for (const folder of content.folders.toReversed()) await syncDirectory(join(root, folder));
  const last = content.files.at(-1);
  if (last !== undefined && bytes >= LARGE_BYTES) await settled(join(root, last), signal);

  const files: ArtifactFile[] = [];
  for (const path of content.files) {
    const { sha256, bytes: size } = await memo.hash(path, join(root, path), signal);
    files.push({ path, sha256, bytes: size });
  }
  return files;
}

/**
 * Why a folder is not the object it should be, or undefined. Sizes are compared first; a file is hashed only if it may have been
 * touched since it was hashed before. Files that are not listed are passed over.
 * Not being able to read is no damage: the file system's error is thrown, and the signal's reason.
 */
export async function findDamage(
  root: string,
  files: readonly ArtifactFile[],
  memo: HashMemo,
  signal: AbortSignal,
): Promise<string | undefined> {
  const present = await ifThere(listFolder(root));
  if (present === undefined) return 'its files are missing';
  const names = new Set(present.files);
  const absent = files.find((file) => !names.has(file.path));
  if (absent !== undefined) {
    const through = present.others.find((other) => `${absent.path}/`.startsWith(`${other}/`));
    return through === undefined ? `${absent.path} is missing` : `${through} is a link or not a plain file`;
  }
  for (const file of files) {
    const now = await ifThere(stampOf(join(root, file.path)));
    if (now === undefined) return `${file.path} is missing`;
    if (now.bytes !== file.bytes) return `${file.path} has ${now.bytes} bytes instead of ${file.bytes}`;
  }
  for (const file of files) {
    const now = await ifThere(memo.hash(file.path, join(root, file.path), signal));
    if (now === undefined) return `${file.path} is missing`;
    if (now.sha256 !== file.sha256) return `${file.path} has other content than it had`;
  }
  return undefined;
}
