import { randomBytes } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncDirectory } from './durable-directory.js';
import { atPath } from './system-code.js';

/** What names of unfinished files end in; whoever finds an old one may delete it. */
const UNFINISHED = '.unfinished';

/**
 * A name beside `path` that nobody else chooses. Not made from the pid, as libraries do: processes in two containers that share
 * a folder often have the same.
 */
function nameBeside(path: string): string {
  return `${path}.${randomBytes(8).toString('hex')}${UNFINISHED}`;
}

/** Writes a new file and forces it to the disk. Throws EEXIST if there is one; what was written in part is removed again. */
export async function writeDurably(path: string, text: string): Promise<void> {
  const handle = await open(path, 'wx');
  try {
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    await rm(path).catch(() => undefined);
    throw atPath(error, path);
  }
}

/**
 * Replaces a file as a whole: a reader sees the old bytes or the new ones, also after a crash or a power cut.
 * The folder must exist. Throws the file system's error.
 */
export async function writeTextAtomic(path: string, text: string): Promise<void> {
  const unfinished = nameBeside(path);
  await writeDurably(unfinished, text);
  try {
    await rename(unfinished, path);
  } catch (error) {
    await rm(unfinished).catch(() => undefined);
    throw error;
  }
  await syncDirectory(dirname(path));
}

/** Writes a value as indented JSON with a final line feed, atomically. */
export async function writeJsonAtomic(path: string, value: object): Promise<void> {
  await writeTextAtomic(path, `${JSON.stringify(value, null, 2)}\n`);
}
