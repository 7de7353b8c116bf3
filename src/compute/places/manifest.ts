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

/** Hashes a file or every plain file below a folder. Throws the signal's reason. */
export async function manifestOf(path: string, signal: AbortSignal): Promise<Manifest> {
  const isFolder = (await stat(path)).isDirectory();
  const names = isFolder ? (await filesBelow(path)).map((name) => `${basename(path)}/${name}`) : [basename(path)];
  const files: MovedFile[] = [];
  for (const name of names) {
    const file = join(dirname(path), name);
    files.push({ path: name, bytes: (await stat(file)).size, sha256: await sha256File(file, signal) });
  }
  return { digest: sha256Json(files as unknown as Json), files };
}

/** The plain files below a folder, without what interpreters leave beside code. */
export async function filesBelow(folder: string): Promise<readonly string[]> {
  return (await listFolder(folder)).files.filter((name) => !name.includes('__pycache__'));
}
