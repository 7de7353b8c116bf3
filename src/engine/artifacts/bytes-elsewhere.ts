import type { Sha256 } from '../../base/hash.js';
import { type ArtifactFile, digestOf, type Manifest } from './manifest.js';

/** A folder of an artifact whose bytes lie on another machine, all of them. */
export interface BytesElsewhere {
  readonly stage: string;
  /** As the artifact calls it. */
  readonly name: string;
  /** The host, as ssh knows it. */
  readonly machine: string;
  /** Absolute, there. */
  readonly path: string;
  /** What is below it, by relative path. */
  readonly files: readonly Omit<ArtifactFile, 'at'>[];
}

/** The folders of an artifact that lie on other machines. */
export function bytesElsewhere({ stage, outputs }: Pick<Manifest, 'stage' | 'outputs'>): readonly BytesElsewhere[] {
  const folders = new Map<string, BytesElsewhere & { readonly files: Omit<ArtifactFile, 'at'>[] }>();
  for (const { path: whole, sha256, bytes, at } of outputs) {
    const [name = '', ...rest] = whole.split('/');
    const path = rest.join('/');
    if (at === undefined || path === '') continue;
    const folder = at.path.slice(0, -path.length - 1);
    const key = JSON.stringify([name, at.machine, folder]);
    const known = folders.get(key) ?? { stage, name, machine: at.machine, path: folder, files: [] };
    known.files.push({ path, sha256, bytes });
    folders.set(key, known);
  }
  return [...folders.values()];
}

/** The object that a copy of it here is: a copy is used as any other bytes are, and no artifact stands on it. */
export function objectOf({ name, files }: Pick<BytesElsewhere, 'name' | 'files'>): Sha256 {
  return digestOf(files.map((file) => ({ ...file, path: `${name}/${file.path}` })));
}
