import { existsSync } from 'node:fs';
import { chmod, copyFile, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Sha256, sha256 } from '../../../base/hash.js';
import { RECHECK } from '../source.js';

/** Lays the program that judges regular expressions into the pack: CWEval's own, or where that is missing the same version from npm. */
export async function takeRecheck(
  folder: string,
  checkout: string,
  node: string,
): Promise<{ readonly hash: Sha256; readonly isOfficial: boolean }> {
  const official = join(checkout, RECHECK);
  const npm = join(node, 'node_modules', 'recheck-linux-x64', 'recheck');
  const isOfficial = existsSync(official);
  const target = join(folder, 'recheck');
  await copyFile(isOfficial ? official : npm, target);
  await chmod(target, 0o755);
  await rm(npm);
  return { hash: sha256(await readFile(target)), isOfficial };
}
