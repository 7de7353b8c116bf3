import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { SecpiError } from '../../base/errors.js';
import { ifThere } from '../../base/files/if-there.js';
import { packFolder } from '../../sandbox/packs.js';
import type { SuiteFiles } from '../module.js';
import { type Driver, type Engine, engineSchema } from './driver.js';

/** The pack that `secpi suites setup baxbench` makes. Its identity is that of all that is judged with; runs of the sandbox are shown nothing of it. */
export const PACK = 'baxbench';

const machineSchema = z.object({
  engine: engineSchema,
  python: z.array(z.string()).min(1),
  env: z.record(z.string(), z.string()),
  /** What apps are built on, by `Task.base`: the engine's own names of them, which are hashes. */
  images: z.record(z.string(), z.string()),
});
/** What was set up here. */
export type Machine = Readonly<z.infer<typeof machineSchema>>;

/** Where the set-up lays what it has found out. */
export function packFiles({ cacheFolder }: SuiteFiles) {
  const folder = packFolder(cacheFolder, PACK);
  return { folder, machine: join(folder, 'machine.json'), tasks: join(folder, 'tasks.json') };
}

/** @throws SecpiError `suites/not-set-up` */
export async function readMachine(files: SuiteFiles): Promise<Machine> {
  const { machine } = packFiles(files);
  const text = await ifThere(readFile(machine, 'utf8'));
  if (text === undefined) {
    throw new SecpiError('suites/not-set-up', 'BaxBench was not set up here', {
      hint: '`secpi suites setup baxbench` makes what its tests need, once.',
    });
  }
  return machineSchema.parse(JSON.parse(text));
}

/** What of an engine is not there, in a few words. */
export function missingEngine(engine: Engine): string | null {
  const path = 'podman' in engine ? engine.podman : engine.socket.replace('unix://', '');
  return existsSync(path) ? null : `container engine at ${path}`;
}

/** How the driver is started. */
export function driverOf({ engine, python, env }: Machine, checkout: string): Driver {
  return { engine, python, env, checkout };
}
