import { lstat, readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type FileStamp, HashMemo, stampOf } from '../../base/files/hash-memo.js';
import { ifThere } from '../../base/files/if-there.js';
import { type Sha256, sha256, sha256Json } from '../../base/hash.js';
import { REMEMBERED_BYTES } from '../artifacts/remembered-hashes.js';
import type { PinnedFiles } from '../stage.js';
import type { StateDirectory } from '../state-directory.js';

/**
 * Hashes files and folders that a recipe names, and keeps what each file, folder and link was at that moment. Content alone would not
 * do: a file that is changed while a stage reads it and then put back has the hash it had before. Of what lies above the place that is
 * named, nothing is watched.
 */
export class WatchedFiles implements PinnedFiles {
  readonly #state: StateDirectory;
  readonly #signal: AbortSignal;
  /** Identity of whatever was looked at, by its absolute path. */
  readonly seen = new Map<string, string>();

  constructor(state: StateDirectory, signal: AbortSignal) {
    this.#state = state;
    this.#signal = signal;
  }

  async file(path: string): Promise<Sha256> {
    const [hash] = await this.#hashes(path, ['']);
    return hash as Sha256;
  }

  async folder(path: string): Promise<Sha256> {
    const names = (await this.#filesBelow(path, '')).sort();
    const hashes = await this.#hashes(path, names);
    return sha256Json(names.map((name, index) => [name, hashes[index] as Sha256]));
  }

  /** Hashes of files below one place; the empty name is the place itself. */
  async #hashes(place: string, names: readonly string[]): Promise<readonly Sha256[]> {
    const memoPath = this.#state.hashes(sha256(resolve(place)));
    const memo = await HashMemo.open(memoPath);
    const hashes: Sha256[] = [];
    let bytes = 0;
    for (const name of names) {
      const path = resolve(place, name);
      const before = await identityOf(path);
      const found: FileStamp & { readonly sha256: Sha256 } = await memo.hash(name, path, this.#signal);
      this.seen.set(path, before);
      hashes.push(found.sha256);
      bytes += found.bytes;
    }
    if (bytes >= REMEMBERED_BYTES) await memo.save(memoPath);
    return hashes;
  }

  /** Names of all files below a folder, relative to it. Links are followed: model caches consist of them. */
  async #filesBelow(root: string, inside: string): Promise<string[]> {
    const folder = join(root, inside);
    // A name that comes and goes changes no file, only the folder that holds it.
    this.seen.set(resolve(folder), await identityOf(folder));
    const names: string[] = [];
    for (const entry of await readdir(folder)) {
      const name = inside === '' ? entry : `${inside}/${entry}`;
      const found = await stat(join(root, name));
      if (found.isDirectory()) names.push(...(await this.#filesBelow(root, name)));
      else if (found.isFile()) names.push(name);
    }
    return names;
  }
}

/** Of a link both what it is and what it leads to: who turns it to something else and back makes a new one. */
async function identityOf(path: string): Promise<string> {
  const itself = await lstat(path, { bigint: true });
  const { identity } = await stampOf(path);
  return itself.isSymbolicLink() ? `${itself.ino}:${itself.ctimeNs} ${identity}` : identity;
}

/** The first file, folder or link that is not what it was: touched, replaced or gone. */
export async function firstTouched(seen: ReadonlyMap<string, string>): Promise<string | undefined> {
  for (const [path, identity] of seen) {
    if ((await ifThere(identityOf(path))) !== identity) return path;
  }
  return undefined;
}
