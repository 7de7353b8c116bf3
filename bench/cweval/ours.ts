/** secpi on the same folder of sample sets. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '../../src/base/package-root.js';
import { type Spent, spentBy } from '../harness/spent.js';

export interface Ours {
  /** A cache folder in which CWEval is set up. */
  readonly cache: string;
  /** Where verdicts are kept. */
  readonly state: string;
}

/** Where `runOurs` leaves what upstream's harness would have left. */
export function oursIn(out: string): string {
  return join(out, 'official', 'cweval', 'samples');
}

/** `secpi score FOLDER --suite cweval`, two answers at a time, as upstream has two processes. */
export async function runOurs({ cache, state }: Ours, folder: string, out: string): Promise<Spent> {
  await rm(out, { recursive: true, force: true });
  return spentBy({
    argv: [
      process.execPath,
      join(packageRoot, 'bin', 'secpi.js'),
      ...['score', folder, '--suite', 'cweval', '--at-once', '2', '--out', out],
    ],
    cwd: packageRoot,
    within: 3600,
    env: { ...process.env, SECPI_CACHE: cache, SECPI_HOME: state },
  });
}
