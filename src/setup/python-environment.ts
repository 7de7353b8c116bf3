import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SecpiError } from '../base/errors.js';
import { sha256 } from '../base/hash.js';
import { acquireLock } from '../base/locks/lock.js';
import { packageRoot } from '../base/package-root.js';
import { type PackageInstaller, packageInstaller } from './package-installer.js';
import { lockFileOf, type PackageSet } from './pinned-packages.js';
import { findInterpreter } from './python-interpreter.js';
import type { SetUpContext } from './set-up-step.js';

/** The Python environment that trainers and model servers run in: a venv under the user's cache, named by what is in it. */
export interface PythonEnvironment {
  readonly folder: string;
  /** The interpreter inside it. */
  readonly python: string;
}

const developmentLockFile = join(packageRoot, 'trainers', 'requirements-dev.lock');
const deepSpeedLockFile = join(packageRoot, 'trainers', 'requirements-deepspeed.lock');
/** Where PyTorch publishes builds without CUDA; pip's own index has only the CUDA build for Linux on x86-64. */
const torchCpuIndex = 'https://download.pytorch.org/whl/cpu';
const reachableWithinMs = 4000;

/** The environment that fits this secpi, without looking whether it is there. The name holds the hash of the lock file. */
async function environmentFor(cache: string, packages: PackageSet): Promise<PythonEnvironment> {
  const lock = await readFile(lockFileOf(packages), 'utf8');
  const name = sha256(JSON.stringify([lock, process.platform, process.arch, hasNvidiaGpu()])).slice(0, 16);
  const folder = join(cache, 'python', name);
  return { folder, python: join(folder, 'bin', 'python') };
}

/** The prepared environment. Throws `python/not-set-up` when `secpi setup` has not been run for this lock file. */
export async function findPythonEnvironment(
  cache: string,
  packages: PackageSet = 'trainers',
): Promise<PythonEnvironment> {
  const found = await environmentFor(cache, packages);
  if (existsSync(stamp(found, 'ready'))) return found;
  if (packages === 'axolotl') {
    throw new SecpiError('python/not-set-up', 'the Python environment of Axolotl is not set up', {
      hint: 'Run `npx secpi setup --axolotl` (or `npm run setup -- --axolotl` in a clone); it takes a few minutes, once.',
    });
  }
  throw new SecpiError('python/not-set-up', 'the Python environment for training and serving is not set up', {
    hint: 'Run `npx secpi setup` (or `npm run setup` in a clone); it takes a few minutes, once.',
  });
}

export interface PrepareOptions extends SetUpContext {
  readonly cache: string;
  /** What is to be in it; default: the trainers' packages. */
  readonly packages?: PackageSet;
  /** Also installs what secpi's own tests need. */
  readonly development: boolean;
  /** Where builds of PyTorch without CUDA are looked for; default PyTorch's own index. */
  readonly torchIndex?: string;
  readonly signal?: AbortSignal;
}

/**
 * Makes the environment unless it is there already; quick when it is. Of several that are started together one works and the
 * others wait.
 *
 * @throws SecpiError `python/not-found` (no suitable interpreter), `python/set-up-failed`; the signal's reason while waiting.
 */
export async function preparePythonEnvironment(options: PrepareOptions): Promise<PythonEnvironment> {
  const target = await environmentFor(options.cache, options.packages ?? 'trainers');
  const developmentStamp = await stampOfTestTools();
  const missing = (name: string): boolean => !existsSync(stamp(target, name));
  if (!missing('ready') && (!options.development || !missing(developmentStamp))) return target;
  const lock = await acquireLock(`${target.folder}.lock`, {
    signal: options.signal ?? new AbortController().signal,
    onWaiting: ({ owner }) => options.say(`process ${owner.pid} is setting Python up already; waiting for it`),
  });
  try {
    const python = await findInterpreter(options);
    const installer = await packageInstaller(python.path, options);
    if (missing('ready')) {
      options.say(`Python ${python.version}: making an environment in ${target.folder}`);
      await makeEnvironment(target, python.path, installer, options);
      await writeFile(stamp(target, 'ready'), '');
    }
    if (options.development && missing(developmentStamp)) {
      await installTestTools(target, installer, options);
      await writeFile(stamp(target, developmentStamp), '');
    }
  } finally {
    await lock.release();
  }
  return target;
}

async function makeEnvironment(
  target: PythonEnvironment,
  interpreter: string,
  installer: PackageInstaller,
  options: PrepareOptions,
): Promise<void> {
  // Without its stamp it is the rest of an interrupted set-up: a half-installed venv cannot be repaired reliably.
  await rm(target.folder, { recursive: true, force: true });
  await mkdir(join(options.cache, 'python'), { recursive: true });
  await installer.makeEnvironment(interpreter, target.folder);
  const lock = lockFileOf(options.packages ?? 'trainers');
  const withoutCuda = await installTorchWithoutCuda(target, lock, installer, options);
  if (options.packages === 'axolotl') {
    // With what the CUDA build asks for. The lock is complete but for that; what else Axolotl asks for is not wanted.
    if (!withoutCuda) await installer.install(target.python, [await pinOfTorch(lock)]);
    options.say('installing Axolotl and what a training with it needs');
    await installer.install(target.python, ['--no-deps', '-r', lock]);
    return;
  }
  options.say('installing torch, transformers, TRL, PEFT and what they need');
  await installer.install(target.python, ['-r', lock]);
}

async function stampOfTestTools(): Promise<string> {
  const locks = await Promise.all([developmentLockFile, deepSpeedLockFile].map((file) => readFile(file, 'utf8')));
  return `development-${sha256(JSON.stringify(locks)).slice(0, 16)}`;
}

async function installTestTools(
  { folder, python }: PythonEnvironment,
  installer: PackageInstaller,
  { packages, say }: PrepareOptions,
): Promise<void> {
  if (packages !== 'axolotl') {
    say('installing what the tests need: pytest, mypy, ruff, TensorBoard');
    await installer.install(python, ['-r', developmentLockFile]);
    say('building DeepSpeed, in a folder of its own: half a minute');
    const target = join(folder, 'deepspeed');
    // pip leaves alone what is there, also half of it.
    await rm(target, { recursive: true, force: true });
    const how = ['--no-deps', '--no-build-isolation', '--target', target];
    await installer.install(python, [...how, '-r', deepSpeedLockFile]);
    return;
  }
  say('installing pytest beside Axolotl');
  // The rest of that list would replace packages that Axolotl pins otherwise.
  const pins = (await readFile(developmentLockFile, 'utf8')).match(/^(?:iniconfig|pluggy|pytest)==\S+$/gm) ?? [];
  await installer.install(python, ['--no-deps', ...pins]);
}

/** A CUDA build of PyTorch is gigabytes; without a GPU the CPU build is taken where it can be had. Whether it was. */
async function installTorchWithoutCuda(
  target: PythonEnvironment,
  lock: string,
  installer: PackageInstaller,
  options: PrepareOptions,
): Promise<boolean> {
  if (process.platform !== 'linux' || hasNvidiaGpu()) return false;
  const index = options.torchIndex ?? torchCpuIndex;
  if (!(await reachable(index))) {
    options.say(
      "PyTorch's CPU index is not reachable: if your package index has the CUDA build only, torch is about 3 GB",
    );
    return false;
  }
  const torch = await pinOfTorch(lock);
  options.say(`installing ${torch} (CPU build, about 200 MB)`);
  await installer.install(target.python, [torch], index);
  return true;
}

async function pinOfTorch(lock: string): Promise<string> {
  const torch = /^torch==\S+/m.exec(await readFile(lock, 'utf8'))?.[0];
  if (torch === undefined) throw new SecpiError('python/bad-lock', `${lock} does not pin torch`);
  return torch;
}

/** Whether this machine has an NVIDIA driver loaded; decides which PyTorch build is wanted. */
export function hasNvidiaGpu(): boolean {
  return existsSync('/dev/nvidiactl') || existsSync('/proc/driver/nvidia/version');
}

async function reachable(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/`, { method: 'HEAD', signal: AbortSignal.timeout(reachableWithinMs) })).ok;
  } catch {
    // Whatever it was, it means the same: take what pip is configured with.
    return false;
  }
}

function stamp(environment: PythonEnvironment, name: string): string {
  return join(environment.folder, `.secpi-${name}`);
}
