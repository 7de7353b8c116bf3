import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectory } from '../base/files/durable-directory.js';
import type { Sha256 } from '../base/hash.js';
import { resolveInside } from './inside.js';

/** Where everything lies that runs leave behind. Paths only; nothing is created by asking. */
export interface StateDirectory {
  readonly root: string;
  /** Where the bytes of artifacts lie: one folder per content. */
  readonly object: (digest: Sha256) => string;
  /** `artifacts/<stage>/`, one manifest per fingerprint. */
  readonly artifacts: (stage: string) => string;
  readonly artifact: (stage: string, fingerprint: Sha256) => string;
  /** Remembers hashes of files: those of an object, or those of a place outside that a recipe names. */
  readonly hashes: (key: Sha256) => string;
  /** Artifacts that no longer match their manifest; kept for a person to look at. */
  readonly damaged: string;
  readonly works: string;
  readonly work: (fingerprint: Sha256) => string;
  /** Unfinished output; on the same file system as objects, so that a rename is enough. */
  readonly staging: string;
  readonly lock: (key: Sha256) => string;
  /** Held by one who asks models outside of a run. */
  readonly answersLock: (by: string) => string;
  /** Held while objects are cleared away; a run that begins to use one waits for it. */
  readonly sweepLock: string;
  readonly runs: string;
  readonly run: (run: string) => string;
}

/** The layout below `root`, an absolute path: `.secpi` in the working directory or what `$SECPI_HOME` says. */
export function stateDirectory(root: string): StateDirectory {
  const artifacts = (stage: string) => resolveInside(join(root, 'artifacts'), stage);
  return {
    root,
    object: (digest) => join(root, 'objects', digest),
    artifacts,
    artifact: (stage, fingerprint) => join(artifacts(stage), `${fingerprint}.json`),
    hashes: (key) => join(root, 'hashes', `${key}.json`),
    damaged: join(root, 'damaged'),
    works: join(root, 'work'),
    work: (fingerprint) => join(root, 'work', fingerprint),
    staging: join(root, 'staging'),
    lock: (key) => join(root, 'locks', `${key}.lock`),
    answersLock: (by) => join(root, 'locks', `answers-${by}.lock`),
    sweepLock: join(root, 'locks', 'sweep.lock'),
    runs: join(root, 'runs'),
    run: (run) => resolveInside(join(root, 'runs'), run),
  };
}

/** Creates the folders that every run needs. A `.gitignore` keeps the whole of it out of the user's repository. */
export async function prepareStateDirectory(state: StateDirectory): Promise<void> {
  for (const name of ['objects', 'artifacts', 'work', 'staging', 'locks', 'runs'])
    await makeDirectory(join(state.root, name));
  await writeFile(join(state.root, '.gitignore'), '*\n', { flag: 'wx' }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
}
