import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { syncDirectory } from './durable-directory.js';

/**
 * Replaces a file as a whole: a reader sees the old bytes or the new ones, also after a crash or a power cut.
 * The folder must exist. Throws the file system's error.
 */
export async function writeTextAtomic(path: string, text: string): Promise<void> {
  await writeFileAtomic(path, text);
  // write-file-atomic does not look at how much a write took; on a full disk that can be less than everything.
  const { size } = await stat(path);
  const expected = Buffer.byteLength(text);
  if (size !== expected) throw new Error(`${path} was written only in part (${size} of ${expected} bytes): disk full?`);
  await syncDirectory(dirname(path));
}

/** Writes a value as indented JSON with a final line feed, atomically. */
export async function writeJsonAtomic(path: string, value: object): Promise<void> {
  await writeTextAtomic(path, `${JSON.stringify(value, null, 2)}\n`);
}
