import { appendFile, writeFile } from 'node:fs/promises';
import { atPath } from './if-there.js';

/** Writes a text file, neither at once nor for good. Throws the file system's error with the file's name. */
export async function writeText(path: string, text: string): Promise<void> {
  await writeFile(path, text).catch((error: unknown) => {
    throw atPath(error, path);
  });
}

/** Adds to a text file, likewise. */
export async function appendText(path: string, text: string): Promise<void> {
  await appendFile(path, text).catch((error: unknown) => {
    throw atPath(error, path);
  });
}
