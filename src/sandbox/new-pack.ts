import { chmod, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { packFolder } from './packs.js';

/**
 * Makes a pack whole or not at all: `fill` is given a folder of another name, beside the packs and not among them, and the cache folder in which
 * a sandbox would find it there. What it leaves takes the place of an earlier pack.
 */
export async function newPack<T>(
  cacheFolder: string,
  name: string,
  fill: (folder: string, cacheFolder: string) => Promise<T>,
): Promise<T> {
  await mkdir(cacheFolder, { recursive: true });
  const unfinished = await mkdtemp(join(cacheFolder, 'packs-unfinished-'));
  try {
    // The sandbox reads it as another user.
    await chmod(unfinished, 0o755);
    const folder = packFolder(unfinished, name);
    await mkdir(folder, { recursive: true });
    const made = await fill(folder, unfinished);
    const target = packFolder(cacheFolder, name);
    await mkdir(dirname(target), { recursive: true });
    await rm(target, { recursive: true, force: true });
    await rename(folder, target);
    return made;
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}
