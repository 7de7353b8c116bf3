import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { ifThere } from '../../base/files/if-there.js';
import { HANDLE, readHandle } from './handle.js';

/** How deep below a stage's work folder jobs may have theirs. */
const DEPTH = 3;

/** The handles of all jobs that a stage's work folder knows, wherever they run. Throws the file system's error. */
export async function handlesBelow(work: string, depth = DEPTH): Promise<readonly string[]> {
  const entries = (await ifThere(readdir(work, { withFileTypes: true }))) ?? [];
  // Below it lies what the job has made, which can be much.
  if (entries.some(({ name }) => name === HANDLE)) return [join(work, HANDLE)];
  if (depth === 0) return [];
  const below = entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(work, name));
  return (await Promise.all(below.map((path) => handlesBelow(path, depth - 1)))).flat();
}

/** Names of the folders of all jobs that the work folders below this one know. Throws the file system's error. */
export async function knownJobs(works: string): Promise<readonly string[]> {
  const names = new Set<string>();
  for (const path of await handlesBelow(works, DEPTH + 1)) {
    const handle = await readHandle(path);
    if (handle !== undefined) names.add(basename(handle.folder));
  }
  return [...names].sort();
}
