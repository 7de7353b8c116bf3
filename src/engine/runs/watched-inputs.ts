import { stat } from 'node:fs/promises';
import { SecpiError } from '../../base/errors.js';
import { filesHere } from '../artifacts/manifest.js';
import { findObjectDamage } from '../artifacts/object-store.js';
import type { Inputs } from '../flow/resolve-node.js';
import type { StateDirectory } from '../state-directory.js';

/** What a stage was given to read, as it was then. */
export interface WatchedInputs {
  /**
   * What the manifest will say was read has to be what was read: objects do not change, unless somebody makes them. One that was
   * changed and put back has its bytes again, but was written to. Throws `engine/input-changed`, the signal's reason.
   */
  assertUnchanged(signal: AbortSignal): Promise<void>;
}

/** Remembers when the bytes of each input were last written. */
export async function watchInputs(state: StateDirectory, inputs: Inputs): Promise<WatchedInputs> {
  const before = await writtenAt(inputs);
  const refuse = (name: string, problem: string): never => {
    throw new SecpiError('engine/input-changed', `the input "${name}" was changed while it was read: ${problem}`, {
      hint: 'Nothing was committed. Run the same command again: what is damaged is made anew.',
    });
  };
  return {
    async assertUnchanged(signal) {
      for (const [name, { manifest }] of Object.entries(inputs)) {
        const problem = await findObjectDamage(state, manifest, signal);
        if (problem !== undefined) refuse(name, problem);
      }
      const now = await writtenAt(inputs);
      const touched = before.find(({ written }, index) => written !== now[index]?.written);
      if (touched !== undefined) refuse(touched.input, `${touched.path} was written to`);
    },
  };
}

/** Not the change time: to link a file from elsewhere, as backups do, moves that one too. */
async function writtenAt(inputs: Inputs) {
  const found = [];
  for (const [input, reader] of Object.entries(inputs)) {
    for (const { path } of filesHere(reader.manifest.outputs)) {
      const { ino, mtimeNs } = await stat(reader.path(path), { bigint: true });
      found.push({ input, path, written: `${ino}:${mtimeNs}` });
    }
  }
  return found;
}
