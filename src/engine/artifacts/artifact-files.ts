import { open, readdir } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { SecpiError } from '../../base/errors.js';
import { syncDirectory } from '../../base/files/durable-directory.js';
import { type Sha256, sha256File, sha256Json } from '../../base/hash.js';
import type { ArtifactFile } from './artifact.js';

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

/**
 * Hashes every file of a finished output and forces all of it to the disk, folders last.
 * Throws `engine/output-not-a-file` if the output holds a link or anything else that is not a file.
 */
export async function sealFiles(root: string, signal: AbortSignal): Promise<ArtifactFile[]> {
  const content = await listFolder(root);
  const other = content.others[0];
  if (other !== undefined) {
    throw new SecpiError('engine/output-not-a-file', `the output holds ${other}, which is a link or not a plain file`, {
      hint: 'A stage writes plain files and folders only; copy what the link points at.',
    });
  }
  const files: ArtifactFile[] = [];
  for (const path of content.files) {
    signal.throwIfAborted();
    const handle = await open(join(root, path), 'r');
    try {
      await handle.sync();
      const { size } = await handle.stat();
      files.push({ path, sha256: await sha256File(join(root, path)), bytes: size });
    } finally {
      await handle.close();
    }
  }
  for (const folder of content.folders.toReversed()) await syncDirectory(join(root, folder));
  return files;
}

/** What a downstream fingerprint refers to: path and hash of every output, and nothing about when or how they were made. */
export function digestOf(files: readonly ArtifactFile[]): Sha256 {
  return sha256Json(files.map((file) => [file.path, file.sha256]));
}
