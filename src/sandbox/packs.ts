/**
 * Packs: programs and libraries that somebody set up once for a suite, in a folder of the cache, and that runs are shown read-only when
 * they ask for them. `pack.json` says what is in one. It is believed: whoever writes into the cache folder may do all that secpi may.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, normalize, resolve } from 'node:path';
import * as z from 'zod';
import { SecpiError } from '../base/errors.js';
import { systemCode } from '../base/files/system-code.js';
import { dataProblem } from '../base/zod-message.js';
import type { Mount, Shown } from './toolchains.js';

/** What a pack adds to a run. */
export interface Pack {
  /** Changes when anything in it that may decide a verdict changes. */
  readonly identity: string;
  readonly mounts: readonly Mount[];
  /** Searched before the toolchain's own. */
  readonly path: readonly string[];
  /** Over the toolchain's own, below the run's. */
  readonly env: Readonly<Record<string, string>>;
}

/** What the sandbox itself lays there. Below the work folder packs may show something, beside what a run is given. */
const TAKEN = ['/proc', '/dev', '/tmp', '/etc/passwd', '/etc/hosts'];

const insideSchema = z
  .string()
  .refine((path) => path.startsWith('/') && normalize(path) === path && path !== '/' && !path.endsWith('/'), {
    error: 'has to be an absolute path without `..`',
  });

const packSchema = z.strictObject({
  identity: z.string().min(1),
  mounts: z.array(
    z.strictObject({
      /** A relative one is below the pack's own folder. */
      from: z.string().min(1),
      to: insideSchema.refine((path) => !TAKEN.some((taken) => path === taken || path.startsWith(`${taken}/`)), {
        error: 'is what the sandbox itself lays there',
      }),
    }),
  ),
  path: z.array(insideSchema).default([]),
  env: z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), z.string()).default({}),
});

/** Where a pack lies, below the cache folder. Its `pack.json` is written last: without it there is no pack. */
export function packFolder(cacheFolder: string, name: string): string {
  if (!/^[a-z0-9][a-z0-9._-]*$/.test(name)) throw new TypeError(`not a name of a pack: ${name}`);
  return join(cacheFolder, 'packs', name);
}

/** Its description, which says that it is there. */
export function packFile(cacheFolder: string, name: string): string {
  return join(packFolder(cacheFolder, name), 'pack.json');
}

/**
 * The packs of a cache folder, by name.
 *
 * @throws SecpiError `sandbox/bad-pack` for one whose description makes no sense.
 */
export function readPacks(cacheFolder: string): ReadonlyMap<string, Pack> {
  const packs = new Map<string, Pack>();
  for (const name of namesIn(join(cacheFolder, 'packs'))) {
    const folder = join(cacheFolder, 'packs', name);
    const file = join(folder, 'pack.json');
    try {
      const { mounts, ...rest } = packSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
      packs.set(name, { ...rest, mounts: mounts.map(({ from, to }) => ({ from: resolve(folder, from), to })) });
    } catch (error) {
      if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') continue;
      throw new SecpiError('sandbox/bad-pack', `The pack ${name} cannot be used: ${dataProblem(error)}.`, {
        hint: `Set it up again, or remove ${folder}.`,
        cause: error,
      });
    }
  }
  return packs;
}

/** Name and identity of each. */
export function packIdentities(packs: ReadonlyMap<string, Pack>): Readonly<Record<string, string>> {
  return Object.fromEntries([...packs].map(([name, { identity }]) => [name, identity]));
}

/** A toolchain with packs before it, the first one's programs first. */
export function withPacks(toolchain: Shown | null, packs: readonly Pack[]): Shown | null {
  if (packs.length === 0) return toolchain;
  const { path, mounts, env, scratch, seed } = toolchain ?? { path: [], mounts: [], env: {}, scratch: {}, seed: null };
  return {
    path: [...packs.flatMap((pack) => pack.path), ...path],
    mounts: [...mounts, ...packs.flatMap((pack) => pack.mounts)],
    env: Object.assign({}, env, ...packs.map((pack) => pack.env)),
    scratch,
    seed,
  };
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).sort();
  } catch (error) {
    // Nobody set up anything in a folder that is not there, or that this user may not read.
    if (['ENOENT', 'ENOTDIR', 'EACCES'].includes(systemCode(error) ?? '')) return [];
    throw error;
  }
}
