import { access, constants } from 'node:fs/promises';
import { existingFolder, freeBytes } from '../../base/files/free-space.js';
import type { CliEnvironment } from '../environment.js';
import { shownPath } from '../output.js';
import { bytes } from '../views/format.js';
import type { Check } from './check.js';

const GIB = 1024 ** 3;
/** What the quickstart leaves behind is far below; checkpoints of real models are not. */
const DISK = { needed: 1 * GIB, wanted: 20 * GIB } as const;
/** Whether state and cache can be written, and what room there is. Makes no folder. */
export async function checkFolders(environment: CliEnvironment): Promise<readonly Check[]> {
  const { state, cache } = environment;
  return [
    ...(await checkFolder('state', state.root, environment, 'set SECPI_HOME to another one')),
    ...(await checkFolder('cache', cache, environment, 'set SECPI_CACHE to another one')),
    await checkDisk(state.root, environment),
  ];
}

async function checkFolder(
  what: string,
  folder: string,
  environment: CliEnvironment,
  otherwise: string,
): Promise<readonly Check[]> {
  const there = await existingFolder(folder);
  const shown = shownPath(folder, environment);
  const writable = await access(there, constants.W_OK).then(
    () => true,
    () => false,
  );
  const name = `${what} folder`;
  if (writable) {
    const detail = there === folder ? shown : `${shown} (made when it is needed)`;
    return [{ name, state: 'ok', detail, required: true }];
  }
  const advice = `Make ${there} writable, or ${otherwise}.`;
  return [{ name, state: 'missing', detail: `cannot write to ${there}`, advice, required: true }];
}

async function checkDisk(folder: string, environment: CliEnvironment): Promise<Check> {
  const free = await freeBytes(folder);
  const detail = `${bytes(free)} free at ${shownPath(folder, environment)}`;
  const name = 'disk';
  if (free >= DISK.wanted) return { name, state: 'ok', detail, required: true };
  const advice = 'Checkpoints and merged weights are large; put SECPI_HOME on a larger disk.';
  return { name, state: free < DISK.needed ? 'missing' : 'warning', detail, advice, required: true };
}
