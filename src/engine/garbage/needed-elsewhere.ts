import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ifThere } from '../../base/files/if-there.js';
import { systemCode } from '../../base/files/system-code.js';
import { isNoDamage, readManifest } from '../artifacts/artifact-store.js';
import { type BytesElsewhere, bytesElsewhere } from '../artifacts/bytes-elsewhere.js';
import type { StateDirectory } from '../state-directory.js';

/**
 * All that artifacts have on other machines. Throws what `readManifest` throws of one that cannot be read, or not by this version: what it
 * has elsewhere is not to be taken for garbage.
 */
export async function neededElsewhere(state: StateDirectory): Promise<readonly BytesElsewhere[]> {
  const found: BytesElsewhere[] = [];
  for (const stage of (await ifThere(readdir(join(state.root, 'artifacts')))) ?? []) {
    for (const name of await readdir(state.artifacts(stage))) {
      const manifest = await readManifest(join(state.artifacts(stage), name)).catch((error: unknown) => {
        // A folder of that name is what older versions made.
        if (isNoDamage(error) && systemCode(error) !== 'EISDIR') throw error;
        return undefined;
      });
      if (manifest !== undefined) found.push(...bytesElsewhere(manifest));
    }
  }
  return found;
}
