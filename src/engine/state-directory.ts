import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectory } from '../base/files/durable-directory.js';
import type { Sha256 } from '../base/hash.js';
import { resolveInside } from './inside.js';

/** Where everything lies that runs leave behind. Paths only; nothing is created by asking. */
export interface StateDirectory {
  readonly root: string;
  /** `artifacts/<stage>/`, one folder per fingerprint. */
  readonly artifacts: (stage: string) => string;
  readonly artifact: (stage: string, fingerprint: Sha256) => string;
  /** Remembers which files of an artifact were already hashed, see `verified-files.ts`. */
  readonly verified: (stage: string, fingerprint: Sha256) => string;
  /** Artifacts that no longer match their manifest; kept for a person to look at. */
  readonly damaged: string;
  readonly work: (fingerprint: Sha256) => string;
  /** Unfinished output; on the same file system as `artifacts`, so that a rename is enough. */
  readonly staging: string;
  readonly lock: (fingerprint: Sha256) => string;
  readonly runs: string;
  readonly run: (run: string) => string;
}

/** The layout below `root`, an absolute path: `.secpi` in the working directory or what `$SECPI_HOME` says. */
export function stateDirectory(root: string): StateDirectory {
  const artifacts = (stage: string) => resolveInside(join(root, 'artifacts'), stage);
  return {
    root,
    artifacts,
    artifact: (stage, fingerprint) => join(artifacts(stage), fingerprint),
    verified: (stage, fingerprint) => join(resolveInside(join(root, 'verified'), stage), `${fingerprint}.json`),
    damaged: join(root, 'damaged'),
    work: (fingerprint) => join(root, 'work', fingerprint),
    staging: join(root, 'staging'),
    lock: (fingerprint) => join(root, 'locks', `${fingerprint}.lock`),
    runs: join(root, 'runs'),
    run: (run) => resolveInside(join(root, 'runs'), run),
  };
}

/** Creates the folders that every run needs. A `.gitignore` keeps the whole of it out of the user's repository. */
export async function prepareStateDirectory(state: StateDirectory): Promise<void> {
  for (const name of ['artifacts', 'work', 'staging', 'locks', 'runs']) await makeDirectory(join(state.root, name));
  await writeFile(join(state.root, '.gitignore'), '*\n', { flag: 'wx' }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
}
