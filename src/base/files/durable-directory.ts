import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { atPath, systemCode } from './if-there.js';

/** Codes with which file systems say that a directory cannot be synced; there is nothing more one could do then. */
const CANNOT_SYNC = new Set(['EINVAL', 'EPERM', 'EACCES', 'EISDIR', 'ENOTSUP']);

/** Makes the names inside a directory survive a power cut: after a create or rename, the directory itself must be synced. */
export async function syncDirectory(path: string): Promise<void> {
  try {
    const handle = await open(path, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (!CANNOT_SYNC.has(systemCode(error) ?? '')) throw atPath(error, path);
  }
}

/** Creates a directory with its parents, so that it is still there after a power cut. Nothing happens if it exists. */
export async function makeDirectory(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true });
  if (first === undefined) return;
  for (let at = path; at.length >= first.length; at = dirname(at)) await syncDirectory(dirname(at));
}
