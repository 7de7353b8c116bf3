import { constants, createReadStream, createWriteStream } from 'node:fs';
import { copyFile, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { atPath, systemCode } from './if-there.js';

const CHUNK_BYTES = 1024 * 1024;

/**
 * Copies one file's bytes to a new name. Where the file system can share blocks (btrfs, XFS, ZFS, APFS) that takes no time and no
 * room; elsewhere it is streamed, so that an abort is heard at once and not at the end of a 5 GB shard.
 * Throws EEXIST, another error of the file system, or the signal's reason; a half copy is removed.
 */
export async function copyBytes(from: string, to: string, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  try {
    await copyFile(from, to, constants.COPYFILE_FICLONE_FORCE | constants.COPYFILE_EXCL);
    return;
  } catch (error) {
    if (systemCode(error) === 'EEXIST' || systemCode(error) === 'ENOENT') throw error;
  }
  try {
    const read = createReadStream(from, { highWaterMark: CHUNK_BYTES });
    await pipeline(read, createWriteStream(to, { flags: 'wx' }), { signal });
  } catch (error) {
    await rm(to, { force: true });
    signal.throwIfAborted();
    throw atPath(error, to);
  }
}

/** Copies a file, or a folder with everything below it; links are followed, so that the copy stands alone. */
export async function copyTree(from: string, to: string, signal: AbortSignal): Promise<void> {
  if (!(await stat(from)).isDirectory()) {
    await mkdir(dirname(to), { recursive: true });
    return copyBytes(from, to, signal);
  }
  await mkdir(to, { recursive: true });
  for (const name of await readdir(from)) await copyTree(join(from, name), join(to, name), signal);
}

/** Moves a file or folder by a rename; across file systems it is copied and stays where it was as well. */
export async function moveTree(from: string, to: string, signal: AbortSignal): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  try {
    await rename(from, to);
  } catch (error) {
    if (systemCode(error) !== 'EXDEV') throw error;
    await copyTree(from, to, signal);
  }
}
