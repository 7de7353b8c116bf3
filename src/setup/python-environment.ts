import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { SecpiError } from '../base/errors.js';
import { sha256 } from '../base/hash.js';
import { acquireLock } from '../base/locks/lock.js';
import { packageRoot } from '../base/package-root.js';

/** The Python environment that trainers and model servers run in: a venv under the user's cache, named by what is in it. */
export interface PythonEnvironment {
  readonly folder: string;
  /** The interpreter inside it. */
  readonly python: string;
}

/** The pinned packages ask for it; the trainers' own code runs on 3.10. */
const oldestPython = [3, 11] as const;
const lockFile = join(packageRoot, 'trainers', 'requirements.lock');
const developmentLockFile = join(packageRoot, 'trainers', 'requirements-dev.lock');
/** Where PyTorch publishes builds without CUDA; pip's own index has only the CUDA build for Linux on x86-64. */
const torchCpuIndex = 'https://download.pytorch.org/whl/cpu';
const reachableWithinMs = 4000;

/** The environment that fits this secpi, without looking whether it is there. The name holds the hash of the lock file. */
async function environmentFor(cache: string): Promise<PythonEnvironment> {
  const lock = await readFile(lockFile, 'utf8');
  const name = sha256(JSON.stringify([lock, process.platform, process.arch, hasNvidiaGpu()])).slice(0, 16);
  const folder = join(cache, 'python', name);
  return { folder, python: join(folder, 'bin', 'python') };
}

/** The prepared environment. Throws `python/not-set-up` when `secpi setup` has not been run for this lock file. */
export async function findPythonEnvironment(cache: string): Promise<PythonEnvironment> {
  const found = await environmentFor(cache);
  if (existsSync(stamp(found, 'ready'))) return found;
  throw new SecpiError('python/not-set-up', 'the Python environment for training and serving is not set up', {
    hint: 'Run `npx secpi setup` (or `npm run setup` in a clone); it takes a few minutes, once.',
  });
}

export interface PrepareOptions {
  readonly cache: string;
  /** Also installs pytest, mypy and ruff, for secpi's own tests. */
  readonly development: boolean;
  /** What the installers see: `PATH`, and what pip or uv are configured with. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Progress, one line at a time. */
  readonly say: (line: string) => void;
  /** Where builds of PyTorch without CUDA are looked for; default PyTorch's own index. */
  readonly torchIndex?: string;
  readonly signal?: AbortSignal;
}

/**
 * Makes the environment unless it is there already; quick when it is. uv is used when it is installed, else venv and pip. Of
 * several that are started together one works and the others wait.
 *
 * @throws SecpiError `python/not-found` (no suitable interpreter), `python/set-up-failed`; the signal's reason while waiting.
 */
export async function preparePythonEnvironment(options: PrepareOptions): Promise<PythonEnvironment> {
  const target = await environmentFor(options.cache);
  const developmentStamp = `development-${sha256(await readFile(developmentLockFile)).slice(0, 16)}`;
  const missing = (name: string): boolean => !existsSync(stamp(target, name));
  if (!missing('ready') && (!options.development || !missing(developmentStamp))) return target;
  const lock = await acquireLock(`${target.folder}.lock`, {
    signal: options.signal ?? new AbortController().signal,
    onWaiting: ({ owner }) => options.say(`process ${owner.pid} is setting Python up already; waiting for it`),
  });
  try {
    const uv = await works(['uv', '--version'], options);
    if (missing('ready')) {
      await makeEnvironment(target, uv, options);
      await writeFile(stamp(target, 'ready'), '');
    }
    if (options.development && missing(developmentStamp)) {
      options.say('installing pytest, mypy and ruff');
      await install(target, uv, ['-r', developmentLockFile], options);
      await writeFile(stamp(target, developmentStamp), '');
    }
  } finally {
    await lock.release();
  }
  return target;
}

async function makeEnvironment(target: PythonEnvironment, uv: boolean, options: PrepareOptions): Promise<void> {
  const python = await findInterpreter(options);
  // Without its stamp it is the rest of an interrupted set-up: a half-installed venv cannot be repaired reliably.
  await rm(target.folder, { recursive: true, force: true });
  await mkdir(join(options.cache, 'python'), { recursive: true });
  options.say(`Python ${python.version}: making an environment in ${target.folder}`);
  await command(
    uv ? ['uv', 'venv', '--python', python.path, target.folder] : [python.path, '-m', 'venv', target.folder],
    options,
  );
  await installTorch(target, uv, options);
  options.say('installing transformers, TRL, PEFT and what they need');
  await install(target, uv, ['-r', lockFile], options);
}

/** A CUDA build of PyTorch is gigabytes; without a GPU the CPU build is taken where it can be had. */
async function installTorch(target: PythonEnvironment, uv: boolean, options: PrepareOptions): Promise<void> {
  const lock = await readFile(lockFile, 'utf8');
  const torch = /^torch==\S+/m.exec(lock)?.[0];
  if (torch === undefined) throw new SecpiError('python/bad-lock', `${lockFile} does not pin torch`);
  const cpuOnly = process.platform === 'linux' && !hasNvidiaGpu();
  const index = options.torchIndex ?? torchCpuIndex;
  if (cpuOnly && (await reachable(index))) {
    options.say(`installing ${torch} (CPU build, about 200 MB)`);
    await install(target, uv, ['--index-url', index, torch], options);
    return;
  }
  const why = cpuOnly
    ? " (PyTorch's CPU index is not reachable: if your package index has the CUDA build only, this is about 3 GB)"
    : '';
  options.say(`installing ${torch}${why}`);
  await install(target, uv, [torch], options);
}

async function install(
  target: PythonEnvironment,
  uv: boolean,
  what: readonly string[],
  options: PrepareOptions,
): Promise<void> {
  const installer = uv
    ? ['uv', 'pip', 'install', '--python', target.python]
    : [target.python, '-m', 'pip', 'install', '--no-input', '--disable-pip-version-check'];
  await command([...installer, ...what], options);
}

/** Runs one installation step; shows which package it is at, and the end of its output when it fails. */
async function command(argv: readonly string[], options: PrepareOptions): Promise<void> {
  const [file = '', ...args] = argv;
  const tail: string[] = [];
  const child = execa(file, args, { ...inside(options), all: true, reject: false, buffer: false });
  for await (const line of child.iterable({ from: 'all' })) {
    tail.push(line);
    if (tail.length > 15) tail.shift();
    const step = /^(?:Collecting|Downloading|Installing collected packages|Prepared|Installed)\b.*/.exec(
      line.trim(),
    )?.[0];
    if (step !== undefined) options.say(`  ${step.length > 100 ? `${step.slice(0, 100)}…` : step}`);
  }
  const result = await child;
  if (result.exitCode === 0) return;
  throw new SecpiError('python/set-up-failed', `\`${[file, ...args].join(' ')}\` failed:\n${tail.join('\n')}`, {
    hint: 'Is there a network, or a package index that pip is configured with? The set-up can be started again at any time.',
    cause: result.cause,
  });
}

/** The first suitable Python on PATH. */
async function findInterpreter(options: PrepareOptions): Promise<{ path: string; version: string }> {
  const script = 'import sys, venv, ensurepip; print(sys.executable, "%d.%d.%d" % sys.version_info[:3])';
  for (const name of ['python3', 'python3.13', 'python3.12', 'python3.11', 'python']) {
    const result = await execa(name, ['-c', script], { ...inside(options), reject: false });
    const [path, version] = (typeof result.stdout === 'string' ? result.stdout : '').trim().split(' ');
    if (result.exitCode !== 0 || path === undefined || version === undefined) continue;
    const [major = 0, minor = 0] = version.split('.').map(Number);
    if (major === oldestPython[0] && minor >= oldestPython[1] && minor <= 13) return { path, version };
  }
  throw new SecpiError('python/not-found', `no Python ${oldestPython.join('.')} to 3.13 with venv was found on PATH`, {
    hint: 'Install one; on Debian or Ubuntu: apt-get install python3 python3-venv',
  });
}

/** Whether this machine has an NVIDIA driver loaded; decides which PyTorch build is wanted. */
export function hasNvidiaGpu(): boolean {
  return existsSync('/dev/nvidiactl') || existsSync('/proc/driver/nvidia/version');
}

async function works([file, ...args]: readonly [string, ...string[]], options: PrepareOptions): Promise<boolean> {
  return (await execa(file, args, { ...inside(options), reject: false })).exitCode === 0;
}

/** How programs are started here: with the environment that was given, and nothing to type into. */
function inside({ environment }: PrepareOptions) {
  return { env: { ...environment }, extendEnv: false, stdin: 'ignore' } as const;
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
