import { randomBytes } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
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
export function writeDurably(path: string, text: string): Promise<void> {
  return fillDurably(path, (handle) => handle.writeFile(text));
}

/** The same of what comes in pieces. */
export async function fillDurably(path: string, fill: (handle: FileHandle) => Promise<void>): Promise<void> {
  const handle = await open(path, 'wx');
  try {
    try {
      await fill(handle);
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
  await replaceAtomically(path, (unfinished) => writeDurably(unfinished, text));
}

/** The same of a file that `write` makes and forces to the disk, under the name it is given. */
export async function replaceAtomically(path: string, write: (unfinished: string) => Promise<void>): Promise<void> {
  const unfinished = nameBeside(path);
  await write(unfinished);
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
