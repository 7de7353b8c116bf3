import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packFolder } from '../../../src/sandbox/packs.js';
import { NUMPY_PACK } from '../../../src/suites/io/numpy-pack.js';

/** The pack that judging asks for, without numpy in it. */
export async function writeEmptyPack(cacheFolder: string): Promise<void> {
  const folder = packFolder(cacheFolder, NUMPY_PACK);
  await mkdir(join(folder, 'site'), { recursive: true });
  const description = { identity: 'empty', mounts: [{ from: 'site', to: '/opt/numpy' }] };
  await writeFile(join(folder, 'pack.json'), JSON.stringify(description));
}
