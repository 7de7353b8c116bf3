import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '../base/package-root.js';

/** Which pinned packages: those of the trainers, or those of Axolotl, which pins other versions of the same. */
export type PackageSet = 'trainers' | 'axolotl';

const names: Readonly<Record<PackageSet, string>> = {
  trainers: 'requirements.lock',
  axolotl: 'requirements-axolotl.lock',
};

/** Where they are listed, one a line: `name==version`. */
export function lockFileOf(set: PackageSet): string {
  return join(packageRoot, 'trainers', names[set]);
}

/** The versions that are pinned, by package. */
export async function pinnedPackages(set: PackageSet): Promise<Readonly<Record<string, string>>> {
  const lines = (await readFile(lockFileOf(set), 'utf8')).split('\n');
  const pins = lines.flatMap((line) => [...line.matchAll(/^([A-Za-z0-9._-]+)==([^\s;]+)$/g)]);
  return Object.fromEntries(pins.map(([, name, version]) => [name, version]));
}
