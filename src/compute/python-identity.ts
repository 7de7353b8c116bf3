import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Sha256, sha256, sha256Json } from '../base/hash.js';
import type { Json } from '../base/json.js';
import { packageRoot } from '../base/package-root.js';
import { lockFileOf, type PackageSet } from '../setup/pinned-packages.js';
import { hasNvidiaGpu } from '../setup/python-environment.js';

const trainers = join(packageRoot, 'trainers');

/**
 * What decides the bytes that our Python code makes, apart from its inputs: the pinned packages or the image that it runs in, that code
 * itself, the kind of device, and how many processes share a training if there are several. Neither the host nor the number of threads is
 * in it. `auto` is what it comes to on this machine.
 */
export async function pythonIdentity(
  device: 'auto' | 'cpu' | 'cuda',
  image?: string,
  processes = 1,
  set: PackageSet = 'trainers',
): Promise<Json> {
  const packages =
    image === undefined ? sha256(await readFile(lockFileOf(set))) : image.slice(image.lastIndexOf('sha256:'));
  const code = await codeDigest(join(trainers, 'secpi_trainers'));
  return { packages, trainers: code, device: deviceHere(device), ...(processes === 1 ? {} : { processes }) };
}

/** What `auto` comes to on this machine. Where a driver is loaded a GPU is meant: if CUDA does not start, that is an error, and no CPU. */
export function deviceHere(device: 'auto' | 'cpu' | 'cuda'): 'cpu' | 'cuda' {
  return device === 'auto' ? (hasNvidiaGpu() ? 'cuda' : 'cpu') : device;
}

/** SHA-256 over path and content of all code below a folder; what interpreters leave beside it does not count. */
async function codeDigest(folder: string): Promise<Sha256> {
  const names = (await readdir(folder, { recursive: true })).filter((name) => /\.(?:py|jinja)$/.test(name)).sort();
  return sha256Json(await Promise.all(names.map(async (name) => [name, sha256(await readFile(join(folder, name)))])));
}
