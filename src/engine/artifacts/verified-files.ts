import { lstat, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { writeJsonAtomic } from '../../base/files/atomic-file.js';
import { makeDirectory } from '../../base/files/durable-directory.js';
import { sha256File } from '../../base/hash.js';
import type { ArtifactFile } from './artifact.js';

/**
 * Hashing a 65 GB checkpoint on every run would make "cached" slow, so the identity that a file had when it was last hashed
 * is remembered: as long as device, inode, size and both times are the same, nobody has written to it.
 */
const verifiedSchema = z.object({ schema: z.literal(1), files: z.record(z.string(), z.string()) });

/** Clocks of file systems tick in milliseconds: a file this young could be written again without its change time moving. */
const YOUNG_NANOSECONDS = 2_000_000_000n;

interface Seen {
  readonly size: bigint;
  readonly identity: string;
  readonly young: boolean;
}

async function look(path: string): Promise<Seen> {
  const stat = await lstat(path, { bigint: true });
  return {
    size: stat.size,
    identity: [stat.dev, stat.ino, stat.size, stat.mtimeNs, stat.ctimeNs].join(':'),
    young: BigInt(Date.now()) * 1_000_000n - stat.ctimeNs < YOUNG_NANOSECONDS,
  };
}

/**
 * Checks that every listed file still has the listed bytes. Sizes are compared first; a file is hashed only if it is not
 * the one hashed before. `memo` is where that is remembered. Returns what is wrong, or undefined. Missing files throw.
 */
export async function findChangedFile(
  root: string,
  files: readonly ArtifactFile[],
  memo: string,
): Promise<string | undefined> {
  const remembered = await readFile(memo, 'utf8')
    .then((text) => verifiedSchema.parse(JSON.parse(text)).files)
    .catch((): Record<string, string> => ({}));
  const seen = new Map<string, Seen>();
  for (const file of files) {
    const now = await look(join(root, file.path));
    if (now.size !== BigInt(file.bytes)) return `${file.path} has ${now.size} bytes instead of ${file.bytes}`;
    seen.set(file.path, now);
  }
  const verified: Record<string, string> = {};
  let news = false;
  for (const file of files) {
    const before = seen.get(file.path);
    if (before === undefined) continue;
    const entry = `${before.identity}:${file.sha256}`;
    if (remembered[file.path] !== entry) {
      if ((await sha256File(join(root, file.path))) !== file.sha256)
        return `${file.path} has other content than it had`;
      const after = await look(join(root, file.path));
      if (after.identity !== before.identity) return `${file.path} is being written to`;
      if (before.young) continue;
      news = true;
    }
    verified[file.path] = entry;
  }
  if (news) {
    await makeDirectory(dirname(memo));
    await writeJsonAtomic(memo, { schema: 1, files: verified });
  }
  return undefined;
}
