import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { ifThere } from '../../base/files/if-there.js';
import { HANDLE, readHandle } from './handle.js';

/** How deep below a stage's work folder jobs may have theirs. */
const DEPTH = 3;

/** Names of the folders of all jobs that some work folder has a handle of, wherever they run. Throws the file system's error. */
export async function knownJobs(works: string): Promise<readonly string[]> {
  const names = new Set<string>();
  for (const path of await handlesBelow(works, DEPTH)) {
    const handle = await readHandle(path);
    if (handle !== undefined) names.add(basename(handle.folder));
  }
  return [...names].sort();
}

async function handlesBelow(folder: string, depth: number): Promise<readonly string[]> {
  const entries = (await ifThere(readdir(folder, { withFileTypes: true }))) ?? [];
  const found = entries.filter((entry) => entry.isFile() && entry.name === HANDLE).map(() => join(folder, HANDLE));
  if (depth === 0) return found;
  for (const entry of entries) {
    if (entry.isDirectory()) found.push(...(await handlesBelow(join(folder, entry.name), depth - 1)));
  }
  return found;
}
