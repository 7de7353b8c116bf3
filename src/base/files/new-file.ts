import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncDirectory } from './durable-directory.js';

/** Makes a file to which only this handle appends; its name outlives a power cut. Throws EEXIST if there is one. */
export async function createForAppending(path: string): Promise<FileHandle> {
  const handle = await open(
    path,
    constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_APPEND,
    0o666,
  );
  try {
    await syncDirectory(dirname(path));
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}
