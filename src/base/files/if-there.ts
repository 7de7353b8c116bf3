import { lstat, readFile } from 'node:fs/promises';

/** The code of a system error (`ENOENT`, `EIO`, …), or undefined for anything else that was thrown. */
export function systemCode(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^E[A-Z0-9]+$/.test(code) ? code : undefined;
}

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
  return ifThere(
    readFile(path, 'utf8').catch((error: unknown) => {
      throw atPath(error, path);
    }),
  );
}

/** Node names no file when an open one cannot be read or written; this does. Returns the error, for `throw atPath(error, path)`. */
export function atPath(error: unknown, path: string): unknown {
  if (systemCode(error) !== undefined) (error as NodeJS.ErrnoException).path ??= path;
  return error;
}

/** Whether there is anything of that name, be it a link that leads nowhere. */
export async function exists(path: string): Promise<boolean> {
  return (await ifThere(lstat(path))) !== undefined;
}
