/** The code of a system error (`ENOENT`, `EIO`, …), or undefined for anything else that was thrown. */
export function systemCode(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^E[A-Z0-9]+$/.test(code) ? code : undefined;
}

/** Node names no file when an open one cannot be read or written; this does. Returns the error, for `throw atPath(error, path)`. */
export function atPath(error: unknown, path: string): unknown {
  if (systemCode(error) !== undefined) (error as NodeJS.ErrnoException).path ??= path;
  return error;
}

/** What the work gives; when it fails, its error names the file that it was about. */
export function blaming<T>(path: string, work: Promise<T>): Promise<T> {
  return work.catch((error: unknown) => {
    throw atPath(error, path);
  });
}
