import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256 } from '../base/hash.js';
import { acquireLock } from '../base/locks/lock.js';
import { packageRoot } from '../base/package-root.js';
import { packageInstaller } from './package-installer.js';
import { findInterpreter } from './python-interpreter.js';
import type { SetUpContext } from './set-up-step.js';

const lockFile = join(packageRoot, 'trainers', 'requirements-analysers.lock');

/**
 * Where the analysers of secpi's own tests are, or will be: an environment of their own, since with one more package in the trainers' all of that
 * would be installed anew.
 */
async function folderIn(cache: string): Promise<string> {
  const name = `analysers-${sha256(await readFile(lockFile, 'utf8')).slice(0, 16)}`;
  return join(cache, 'python', name);
}

/** The folder of their programs; `undefined` where they are not set up. */
export async function findTestAnalysers(cache: string): Promise<string | undefined> {
  const folder = await folderIn(cache);
  return existsSync(join(folder, '.secpi-ready')) ? join(folder, 'bin') : undefined;
}

/**
 * Installs them unless they are there.
 *
 * @throws SecpiError `python/not-found`, `python/set-up-failed`.
 */
export async function prepareTestAnalysers(options: SetUpContext & { readonly cache: string }): Promise<void> {
  const { cache, say } = options;
  if ((await findTestAnalysers(cache)) !== undefined) return;
  const folder = await folderIn(cache);
  const lock = await acquireLock(`${folder}.lock`, {
    signal: new AbortController().signal,
    onWaiting: ({ owner }) => say(`process ${owner.pid} is installing analysers already; waiting for it`),
  });
  try {
    if ((await findTestAnalysers(cache)) !== undefined) return;
    say('installing an analyser for the tests: Bandit');
    const { path } = await findInterpreter(options);
    const installer = await packageInstaller(path, options);
    await rm(folder, { recursive: true, force: true });
    await mkdir(join(cache, 'python'), { recursive: true });
    await installer.makeEnvironment(path, folder);
    await installer.install(join(folder, 'bin', 'python'), ['-r', lockFile]);
    await writeFile(join(folder, '.secpi-ready'), '');
  } finally {
    await lock.release();
  }
}
