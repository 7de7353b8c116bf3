import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { SecpiError } from '../base/errors.js';
import { acquireLock } from '../base/locks/lock.js';
import { answerOf, runStep, type SetUpContext } from './set-up-step.js';

/** Which uv is fetched where none is installed. */
const UV_VERSION = '0.13.9';

/** A uv that starts. */
export interface Uv {
  readonly program: string;
  /** An interpreter that has pip, which knows how pip is configured. */
  readonly python: string;
  /** What it has to see besides the user's environment. */
  readonly environment: Readonly<Record<string, string>>;
}

export interface UvOptions extends SetUpContext {
  readonly cache: string;
  readonly signal?: AbortSignal;
}

/**
 * The uv on PATH; else the one in the cache, which is fetched from the package index when it is not there. `undefined` when it
 * cannot be had, or the user wants none (`SECPI_INSTALLER=pip`).
 */
export async function findUv(interpreter: string, options: UvOptions): Promise<Uv | undefined> {
  const { environment, cache } = options;
  if (environment.SECPI_INSTALLER === 'pip') return undefined;
  if (await starts('uv', options)) return { program: 'uv', python: interpreter, environment: {} };
  const folder = join(cache, 'uv', UV_VERSION);
  const uv: Uv = {
    program: join(folder, 'bin', 'uv'),
    python: join(folder, 'bin', 'python'),
    // On the disk of the environments, so that a package is a hard link and no copy.
    environment: environment.UV_CACHE_DIR ? {} : { UV_CACHE_DIR: join(cache, 'uv', 'packages') },
  };
  if (await starts(uv.program, options)) return uv;
  await mkdir(join(cache, 'uv'), { recursive: true });
  const lock = await acquireLock(`${folder}.lock`, {
    signal: options.signal ?? new AbortController().signal,
    onWaiting: ({ owner }) => options.say(`process ${owner.pid} is fetching uv already; waiting for it`),
  });
  try {
    if (await starts(uv.program, options)) return uv;
    options.say(`fetching uv ${UV_VERSION}, which installs packages side by side`);
    await fetchUv(interpreter, folder, options);
    if (await starts(uv.program, options)) return uv;
    options.say('uv does not start here: pip installs instead, which takes longer');
  } catch (error) {
    if (!(error instanceof SecpiError)) throw error;
    options.say('uv cannot be fetched: pip installs instead, which takes longer');
  } finally {
    await lock.release();
  }
  return undefined;
}

/** Through pip, which knows the user's index; in an environment of its own, because a system's Python may lack or forbid it. */
async function fetchUv(interpreter: string, folder: string, context: SetUpContext): Promise<void> {
  // Whatever is there does not start: the rest of an interrupted attempt.
  await rm(folder, { recursive: true, force: true });
  await runStep([interpreter, '-m', 'venv', folder], context);
  const pip = [join(folder, 'bin', 'python'), '-m', 'pip', 'install', '--no-input', '--disable-pip-version-check'];
  // Where no wheel fits, pip would build uv from its Rust sources, which takes longer than uv can ever save.
  const what = ['--only-binary', ':all:', `uv==${UV_VERSION}`];
  await runStep([...pip, ...what], { ...context, say: () => undefined });
}

async function starts(program: string, context: SetUpContext): Promise<boolean> {
  return (await answerOf([program, '--version'], context)) !== undefined;
}
