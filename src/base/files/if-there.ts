import { lstat, readFile } from 'node:fs/promises';
import { blaming, systemCode } from './system-code.js';

/** What `look` gives, or undefined when it finds nothing there. Not being *allowed* to look is an error, not an absence. */
export async function ifThere<T>(look: Promise<T>): Promise<T | undefined> {
  try {
    return await look;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** A text file's content, or undefined if there is none. */
export function readIfThere(path: string): Promise<string | undefined> {
  return ifThere(blaming(path, readFile(path, 'utf8')));
}

/** Whether there is anything of that name, be it a link that leads nowhere. */
export async function exists(path: string): Promise<boolean> {
  return (await ifThere(lstat(path))) !== undefined;
}
