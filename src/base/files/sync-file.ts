import { open } from 'node:fs/promises';
import { atPath } from './system-code.js';

/**
 * Forces a finished file to the disk and gives its size in bytes; `mode` sets its permissions besides.
 * Throws the file system's error with the file's name.
 */
export async function syncFile(path: string, mode?: number): Promise<number> {
  const handle = await open(path, 'r');
  try {
    if (mode !== undefined) await handle.chmod(mode);
    await handle.sync();
    return (await handle.stat()).size;
  } catch (error) {
    throw atPath(error, path);
  } finally {
    await handle.close();
  }
}
