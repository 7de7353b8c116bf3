import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { messageOf, SecpiError } from '../../base/errors.js';
import { sha256File } from '../../base/hash.js';
import type { SuiteFiles, SuiteSetUp } from '../module.js';

/** A file of a benchmark, as it was released. */
export interface PinnedFile {
  /** What it is called in the cache, unpacked. */
  readonly name: string;
  /** Where it is published; with `.gz` behind it where it is packed. */
  readonly address: string;
  /** Of what it holds, unpacked. */
  readonly sha256: string;
}

/** Where the files of a benchmark lie, below the cache folder. */
export function pinnedPath({ name }: PinnedFile, { cacheFolder }: SuiteFiles): string {
  return join(cacheFolder, 'sources', name);
}

/**
 * The path of a file that was fetched before, with the content that the pin says.
 * @throws SecpiError `suites/not-set-up`; `suites/bad-source`
 */
export async function pinnedFile(suite: string, file: PinnedFile, files: SuiteFiles): Promise<string> {
  const path = pinnedPath(file, files);
  if (!existsSync(path)) {
    throw new SecpiError('suites/not-set-up', `${file.name} is not on this machine`, {
      hint: `\`secpi suites setup ${suite}\` fetches it, once.`,
    });
  }
  await check(path, file, 'Remove it: it is fetched again.');
  return path;
}

/**
 * Fetches a file into the cache where it is missing: from where it is published, or from `use.source`, which is a file, a folder or an address
 * that has it under its own name, packed or not.
 * @throws SecpiError `suites/not-fetched`; `suites/bad-source` where it is not what the pin says.
 */
export async function fetchPinned(file: PinnedFile, use: SuiteSetUp): Promise<void> {
  const target = pinnedPath(file, use);
  if (existsSync(target)) return check(target, file, 'Remove it: it is fetched again.');
  await mkdir(join(target, '..'), { recursive: true });
  const unfinished = await mkdtemp(`${target}.unfinished-`);
  try {
    const path = join(unfinished, file.name);
    const from = await placeOf(file, use.source);
    use.say(`fetching ${file.name} from ${from}`);
    try {
      const input = from.startsWith('/') ? createReadStream(from) : await download(from, use);
      const unpacked = from.endsWith('.gz') ? [createGunzip()] : [];
      await pipeline([input, ...unpacked, createWriteStream(path)], { signal: use.signal });
    } catch (error) {
      use.signal.throwIfAborted();
      throw notFetched(file, messageOf(error));
    }
    await check(path, file, 'The source has another version of it.');
    await rename(path, target);
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

/** The file itself, or where in a folder or below an address it lies. */
async function placeOf(file: PinnedFile, source: string | undefined): Promise<string> {
  if (source === undefined) return file.address;
  const name = basename(new URL(file.address).pathname);
  if (!source.startsWith('/')) return `${source.replace(/\/+$/, '')}/${name}`;
  const kind = await stat(source).catch(() => null);
  if (kind?.isFile()) return source;
  const found = [name, name.replace(/\.gz$/, ''), file.name].find((one) => existsSync(join(source, one)));
  if (found === undefined) throw notFetched(file, `there is no ${name} in ${source}`);
  return join(source, found);
}

async function download(address: string, { variables, signal }: SuiteSetUp): Promise<Readable> {
  const { EnvHttpProxyAgent, fetch } = await import('undici');
  const named = (name: string) => variables[name.toLowerCase()] ?? variables[name];
  const [httpProxy, httpsProxy, noProxy] = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'].map(named);
  const dispatcher = new EnvHttpProxyAgent({
    ...(httpProxy === undefined ? {} : { httpProxy }),
    ...(httpsProxy === undefined ? {} : { httpsProxy }),
    ...(noProxy === undefined ? {} : { noProxy }),
  });
  const response = await fetch(address, { dispatcher, signal });
  if (!response.ok || response.body === null) throw new Error(`${address} answers ${response.status}`);
  return Readable.fromWeb(response.body);
}

async function check(path: string, { name, sha256 }: PinnedFile, hint: string): Promise<void> {
  const found = await sha256File(path, new AbortController().signal);
  if (found === sha256) return;
  throw new SecpiError('suites/bad-source', `${path} is not ${name}: its SHA-256 is ${found}`, { hint });
}

function notFetched({ name }: PinnedFile, why: string): SecpiError {
  return new SecpiError('suites/not-fetched', `${name} cannot be fetched: ${why}`, {
    hint: 'Without a way there, name a copy: `secpi suites setup NAME --source PATH`.',
  });
}
