import { isAbsolute, relative, resolve, sep } from 'node:path';
import { HashMemo } from '../../base/files/hash-memo.js';
import { type Sha256, sha256, sha256Schema } from '../../base/hash.js';
import { resolveInside } from '../inside.js';
import type { StateDirectory } from '../state-directory.js';

/** From here on hashing is slow enough to be worth remembering. */
export const REMEMBERED_BYTES = 16 * 1024 * 1024;

/**
 * SHA-256 and size of files below a folder, in the order of their names. What lies in an object was hashed when it was committed, and what
 * is large elsewhere is remembered too: a file is read only if it may have been touched since.
 * Throws the file system's error; the signal's reason.
 */
export async function rememberedHashes(
  state: StateDirectory,
  folder: string,
  names: readonly string[],
  signal: AbortSignal,
): Promise<readonly { readonly bytes: number; readonly sha256: Sha256 }[]> {
  const { key, prefix } = placeOf(state, folder);
  const memoPath = state.hashes(key);
  const memo = await HashMemo.open(memoPath);
  const hashes: { readonly bytes: number; readonly sha256: Sha256 }[] = [];
  for (const name of names) hashes.push(await memo.hash(prefix + name, resolveInside(folder, name), signal));
  if (hashes.reduce((sum, { bytes }) => sum + bytes, 0) >= REMEMBERED_BYTES) await memo.save(memoPath);
  return hashes;
}

/** Under which key the hashes below a folder are remembered, and what their names begin with there. */
function placeOf(state: StateDirectory, folder: string): { readonly key: Sha256; readonly prefix: string } {
  const path = resolve(folder);
  const inObjects = relative(resolve(state.root, 'objects'), path);
  const [first = '', ...rest] = inObjects.split(sep);
  const { data: object } = sha256Schema.safeParse(first);
  if (isAbsolute(inObjects) || object === undefined) return { key: sha256(path), prefix: '' };
  return { key: object, prefix: rest.map((name) => `${name}/`).join('') };
}
