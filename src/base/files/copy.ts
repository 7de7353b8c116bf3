import { constants } from 'node:fs';
import { copyFile, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeFolder } from './durable-directory.js';
import { readInPieces } from './pieces.js';
import { atPath, systemCode } from './system-code.js';

const CHUNK_BYTES = 1024 * 1024;
/** What the system may keep in memory of a copy: to force more to the disk takes longer than a person waits after Ctrl-C. */
const FORCED_BYTES = 128 * CHUNK_BYTES;

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
  } catch {
    // Streamed then: what else kept it from being made, a name that is taken say, keeps that too.
  }
  const writer = await open(to, 'wx');
  try {
    let unforced = 0;
    for await (const chunk of chunksOf(from)) {
      signal.throwIfAborted();
      await writer.writeFile(chunk);
      unforced += chunk.length;
      if (unforced < FORCED_BYTES) continue;
      await writer.datasync();
      unforced = 0;
    }
  } catch (error) {
    await rm(to).catch(() => undefined);
    throw atPath(error, to);
  } finally {
    await writer.close();
  }
}

async function* chunksOf(path: string): AsyncGenerator<Buffer> {
  try {
    yield* await readInPieces(path, CHUNK_BYTES);
  } catch (error) {
    throw atPath(error, path);
  }
}

/** Copies a file, or a folder with everything below it; links are followed, so that the copy stands alone. */
export async function copyTree(from: string, to: string, signal: AbortSignal): Promise<void> {
  if (!(await stat(from)).isDirectory()) {
    makeFolder(dirname(to));
    return copyBytes(from, to, signal);
  }
  makeFolder(to);
  for (const name of await readdir(from)) await copyTree(join(from, name), join(to, name), signal);
}

/** Moves a file or folder by a rename; across file systems it is copied and stays where it was as well. */
export async function moveTree(from: string, to: string, signal: AbortSignal): Promise<void> {
  makeFolder(dirname(to));
  try {
    await rename(from, to);
  } catch (error) {
    if (systemCode(error) !== 'EXDEV') throw error;
    await copyTree(from, to, signal);
  }
}
