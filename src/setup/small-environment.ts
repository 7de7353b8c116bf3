import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256 } from '../base/hash.js';
import { acquireLock } from '../base/locks/lock.js';
import { packageInstaller } from './package-installer.js';
import type { PythonEnvironment } from './python-environment.js';
import { findInterpreter } from './python-interpreter.js';
import type { SetUpContext } from './set-up-step.js';

/** An environment for a few packages, beside that of the trainers, and named by what is in it. */
export interface SmallEnvironment {
  /** The folder that holds it. */
  readonly parent: string;
  readonly name: string;
  /** The file that lists its packages. */
  readonly requirements: string;
}

/** The prepared environment; `undefined` where it is not set up. */
export async function findSmallEnvironment(which: SmallEnvironment): Promise<PythonEnvironment | undefined> {
  const environment = await placeOf(which);
  return existsSync(stampOf(environment)) ? environment : undefined;
}

/**
 * Makes it unless it is there. Of several that are started together one works and the others wait.
 *
 * @throws SecpiError `python/not-found`, `python/set-up-failed`.
 */
export async function prepareSmallEnvironment(
  which: SmallEnvironment,
  context: SetUpContext & { readonly cache: string },
): Promise<PythonEnvironment> {
  const environment = await placeOf(which);
  const isThere = () => existsSync(stampOf(environment));
  if (isThere()) return environment;
  const { folder, python } = environment;
  const lock = await acquireLock(`${folder}.lock`, {
    signal: new AbortController().signal,
    onWaiting: ({ owner }) => context.say(`process ${owner.pid} is installing ${which.name} already; waiting for it`),
  });
  try {
    if (isThere()) return environment;
    context.say(`installing ${which.name}`);
    const { path } = await findInterpreter(context);
    const installer = await packageInstaller(path, context);
    // Without its stamp it is the rest of an interrupted set-up.
    await rm(folder, { recursive: true, force: true });
    await mkdir(which.parent, { recursive: true });
    await installer.makeEnvironment(path, folder);
    await installer.install(python, ['-r', which.requirements]);
    await writeFile(stampOf(environment), '');
    return environment;
  } finally {
    await lock.release();
  }
}

async function placeOf({ parent, name, requirements }: SmallEnvironment): Promise<PythonEnvironment> {
  const folder = join(parent, `${name}-${sha256(await readFile(requirements, 'utf8')).slice(0, 16)}`);
  return { folder, python: join(folder, 'bin', 'python') };
}

function stampOf({ folder }: PythonEnvironment): string {
  return join(folder, '.secpi-ready');
}
