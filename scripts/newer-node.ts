/**
 * `npx tsx scripts/newer-node.ts` prints the path of a newer Node than the oldest that secpi runs on: the fast tests run with it
 * too. It is fetched into the cache the first time, from the npm registry that is configured.
 */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { messageOf } from '../src/base/errors.js';
import { acquireLock } from '../src/base/locks/lock.js';
import { cacheDirectory } from '../src/setup/cache-directory.js';

const VERSION = '24.21.0';

/** The binary in the cache. Throws, with the end of npm's output, when it cannot be had or does not start. */
export async function newerNode(environment: Readonly<Record<string, string | undefined>>): Promise<string> {
  // Packages of the project that publishes Node itself on npm; the names are those of Linux.
  const name = `node-${process.platform}-${process.arch}`;
  const folder = join(cacheDirectory(environment), 'node', VERSION);
  const program = join(folder, 'node_modules', name, 'bin', 'node');
  const starts = async (): Promise<boolean> =>
    (await execa(program, ['--version'], { reject: false })).stdout === `v${VERSION}`;
  if (await starts()) return program;
  await mkdir(join(folder, '..'), { recursive: true });
  const lock = await acquireLock(`${folder}.lock`, { signal: new AbortController().signal });
  try {
    if (await starts()) return program;
    // Whatever is there does not start: the rest of an interrupted attempt.
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder);
    // With a prefix: else npm takes the next folder above that looks like a project for the one that is meant.
    const install = ['install', '--prefix', folder, '--no-save', '--ignore-scripts', '--no-audit', '--no-fund'];
    install.push(`${name}@${VERSION}`);
    const options = { cwd: folder, env: { ...environment }, extendEnv: false, all: true, reject: false } as const;
    const { exitCode, all } = await execa('npm', install, options);
    if (exitCode !== 0) throw new Error(`Node ${VERSION} cannot be fetched: npm ${install.join(' ')} failed:\n${all}`);
    if (!(await starts())) throw new Error(`Node ${VERSION} was fetched and does not start: ${program}`);
    return program;
  } finally {
    await lock.release();
  }
}

if (process.argv[1] === import.meta.filename) {
  try {
    process.stdout.write(`${await newerNode(process.env)}\n`);
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n`);
    process.exitCode = 1;
  }
}
