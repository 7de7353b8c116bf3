import { existsSync, mkdirSync } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { atPath, systemCode } from './system-code.js';

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
  const first = await mkdir(path, { recursive: true }).catch((error: unknown) => {
    throw whyNoFolder(error, path);
  });
  if (first === undefined) return;
  for (let at = path; at.length >= first.length; at = dirname(at)) await syncDirectory(dirname(at));
}

/** As `makeDirectory`, at once and without forcing it to the disk: for what need not outlive a power cut. */
export function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch (error) {
    throw whyNoFolder(error, path);
  }
}

/** Node says ENOENT for whatever keeps it from making a folder above this one; asked for that folder alone, the system says why. */
function whyNoFolder(error: unknown, path: string): unknown {
  if (systemCode(error) !== 'ENOENT') return error;
  let missing = path;
  while (!existsSync(dirname(missing))) missing = dirname(missing);
  try {
    mkdirSync(missing);
  } catch (reason) {
    return reason;
  }
  return error;
}
