import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ifThere } from '../../base/files/if-there.js';

/** Bytes of a file, or of all files below a folder; 0 for what is gone. Links are not followed. */
export async function sizeOf(path: string): Promise<number> {
  const found = await ifThere(lstat(path));
  if (found === undefined || !found.isDirectory()) return found?.size ?? 0;
  let bytes = 0;
  for (const name of (await ifThere(readdir(path))) ?? []) bytes += await sizeOf(join(path, name));
  return bytes;
}
