import { appendFile, writeFile } from 'node:fs/promises';
import { blaming } from './system-code.js';

/** Writes a text file, neither at once nor for good. Throws the file system's error with the file's name. */
export function writeText(path: string, text: string): Promise<void> {
  return blaming(path, writeFile(path, text));
}

/** Adds to a text file, likewise. */
export function appendText(path: string, text: string): Promise<void> {
  return blaming(path, appendFile(path, text));
}
