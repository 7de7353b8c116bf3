import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { ifThere } from '../../base/files/if-there.js';
import { HANDLE, readHandle } from './handle.js';
import type { KeptOutput } from './job.js';
import { readFetched } from './run-job.js';

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

/** What the work folders below one know of jobs. */
export interface KnownJobs {
  /** Names of their folders, wherever they run. */
  readonly names: readonly string[];
  /** What has stayed where they ran, and may not be part of an artifact yet. */
  readonly kept: readonly KeptOutput[];
}

/** Throws the file system's error. */
export async function knownJobs(works: string): Promise<KnownJobs> {
  const names = new Set<string>();
  const kept: KeptOutput[] = [];
  for (const path of await handlesBelow(works, DEPTH + 1)) {
    const handle = await readHandle(path);
    if (handle !== undefined) names.add(basename(handle.folder));
    kept.push(...Object.values((await readFetched(dirname(path)))?.kept ?? {}));
  }
  return { names: [...names].sort(), kept };
}
