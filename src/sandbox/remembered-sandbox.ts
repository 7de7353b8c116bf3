import { readFile, realpath } from 'node:fs/promises';
import { release } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import { writeJsonAtomic } from '../base/files/atomic-file.js';
import { makeDirectory } from '../base/files/durable-directory.js';
import { stampOf } from '../base/files/hash-memo.js';
import { type Sha256, sha256Json, sha256Schema } from '../base/hash.js';
import { packIdentities, readPacks } from './packs.js';
import type { Sandbox } from './sandbox.js';
import { type SandboxFacts, sandboxFactsSchema } from './sandbox-facts.js';
import { findProgram, SYSTEM_PATH } from './toolchains.js';

const memorySchema = sandboxFactsSchema.extend({ schema: z.literal(2), machine: sha256Schema });

/** Programs that decide what the sandbox is, or are run in it to see whether they work there. */
const PROGRAMS = ['bwrap', 'prlimit', 'setpriv', 'env', 'python3', 'gcc', 'g++', 'go'] as const;
/** Kernel settings that decide whether ordinary users may make namespaces. */
const SETTINGS = [
  'kernel/unprivileged_userns_clone',
  'kernel/apparmor_restrict_unprivileged_userns',
  'user/max_user_namespaces',
] as const;

export interface RememberOptions {
  readonly cacheFolder: string;
  /** Where programs are looked up that are not the system's. */
  readonly path: string;
  /** What is found then may be that there is none; who does not accept that must not be told so from memory. */
  readonly withoutIsolation: boolean;
  readonly open: () => Promise<Sandbox>;
}

/**
 * What opening the sandbox would find. To open it starts a dozen programs, so what was found is remembered for as long as this is the
 * same boot of the same kernel with the same programs. Only for those who ask what there is: whoever runs something opens it.
 */
export async function sandboxFacts({
  cacheFolder,
  path,
  withoutIsolation,
  open,
}: RememberOptions): Promise<SandboxFacts> {
  const memory = join(cacheFolder, 'sandbox.json');
  const machine = await machineNow(path, cacheFolder, withoutIsolation);
  try {
    const known = memorySchema.parse(JSON.parse(await readFile(memory, 'utf8')));
    if (known.machine === machine) return known;
  } catch {
    // Never asked before, or by another version.
  }
  const { level, toolchains, packs } = await open();
  try {
    await makeDirectory(cacheFolder);
    await writeJsonAtomic(memory, { schema: 2, machine, level, toolchains, packs });
  } catch {
    // Then it is looked for again the next time.
  }
  return { level, toolchains, packs };
}

async function machineNow(path: string, cacheFolder: string, withoutIsolation: boolean): Promise<Sha256> {
  const places = [SYSTEM_PATH, path];
  const programs = await Promise.all(
    PROGRAMS.map(async (name) => [
      name,
      await Promise.all(places.map((place) => identityOf(findProgram(name, place)))),
    ]),
  );
  const settings = await Promise.all(SETTINGS.map(async (name) => [name, await textOf(`/proc/sys/${name}`)]));
  return sha256Json({
    programs: Object.fromEntries(programs),
    settings: Object.fromEntries(settings),
    node: await identityOf(process.execPath),
    kernel: release(),
    boot: await textOf('/proc/sys/kernel/random/boot_id'),
    user: process.getuid?.() ?? -1,
    path,
    packs: packIdentities(readPacks(cacheFolder)),
    without_isolation: withoutIsolation,
  });
}

async function identityOf(program: string | null): Promise<string> {
  if (program === null) return 'none';
  const real = await realpath(program);
  return `${real} ${(await stampOf(real)).identity}`;
}

async function textOf(path: string): Promise<string> {
  return readFile(path, 'utf8').then(
    (text) => text.trim(),
    () => '',
  );
}
