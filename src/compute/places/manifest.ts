import { stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type Sha256, sha256File, sha256Json } from '../../base/hash.js';
import type { Json } from '../../base/json.js';
import { listFolder } from '../../engine/artifacts/object.js';

/** One file of something that is brought to another machine, or back from it. */
export interface MovedFile {
  /** Relative, with forward slashes. */
  readonly path: string;
  readonly bytes: number;
  readonly sha256: Sha256;
}

/** A file or all that is below a folder, under its own name, and what all of it is called. */
export interface Manifest {
  readonly digest: Sha256;
  readonly files: readonly MovedFile[];
}

/** Size and SHA-256 of files below a folder, in the order of their names. Throws the signal's reason. */
export type HashFiles = (
  folder: string,
  names: readonly string[],
  signal: AbortSignal,
) => Promise<readonly Omit<MovedFile, 'path'>[]>;

/** Reads all of them. */
export const hashAll: HashFiles = async (folder, names, signal) => {
  const hashes: Omit<MovedFile, 'path'>[] = [];
  for (const name of names) {
    const file = join(folder, name);
    hashes.push({ bytes: (await stat(file)).size, sha256: await sha256File(file, signal) });
  }
  return hashes;
};

/** Describes a file or every plain file below a folder. Throws the signal's reason. */
export async function manifestOf(path: string, hashFiles: HashFiles, signal: AbortSignal): Promise<Manifest> {
  const isFolder = (await stat(path)).isDirectory();
  const names = isFolder ? await filesBelow(path) : [basename(path)];
  const hashes = await hashFiles(isFolder ? path : dirname(path), names, signal);
  const files = hashes.map(({ bytes, sha256 }, index) => {
    const name = names[index] as string;
    return { path: isFolder ? `${basename(path)}/${name}` : name, bytes, sha256 };
  });
  return { digest: digestOf(files), files };
}

/** The name that files have among the inputs of a host, wherever they were made. */
export function digestOf(files: readonly MovedFile[]): Sha256 {
  return sha256Json(files.toSorted((a, b) => (a.path < b.path ? -1 : 1)) as unknown as Json);
}

/** The plain files below a folder, without what interpreters leave beside code. */
export async function filesBelow(folder: string): Promise<readonly string[]> {
  return (await listFolder(folder)).files.filter((name) => !name.includes('__pycache__'));
}
