import { stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ifThere } from './if-there.js';

/** Bytes that may still be written to the disk that a folder lies on, or would lie on. Throws the file system's error. */
export async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(await existingFolder(folder));
  return bavail * bsize;
}

/** The folder, or the nearest one above it that exists. */
export async function existingFolder(folder: string): Promise<string> {
  let path = folder;
  while (dirname(path) !== path && (await ifThere(stat(path))) === undefined) path = dirname(path);
  return path;
}
