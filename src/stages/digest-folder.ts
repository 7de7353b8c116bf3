import { readdir } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { type Sha256, sha256File, sha256Json } from '../base/hash.js';

/** SHA-256 over the relative path and content of every file below a folder. */
export async function digestFolder(folder: string): Promise<Sha256> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const named = files.map((path) => ({ path, name: relative(folder, path).split(sep).join('/') }));
  named.sort((left, right) => (left.name < right.name ? -1 : 1));
  const hashes: [string, string][] = [];
  for (const { path, name } of named) hashes.push([name, await sha256File(path)]);
  return sha256Json(hashes);
}
