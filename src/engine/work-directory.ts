import { randomBytes } from 'node:crypto';
import { readdir, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makeDirectory, makeFolder } from '../base/files/durable-directory.js';
import { ifThere } from '../base/files/if-there.js';
import { type KeyedLog, type KeyedLogOptions, openKeyedLog } from '../base/files/keyed-log.js';
import type { Sha256 } from '../base/hash.js';
import { resolveInside } from './inside.js';
import type { StateDirectory } from './state-directory.js';

/** Resumable state of one fingerprint. */
export interface WorkDirectory {
  /** Absolute path of a file or folder inside it. The folder above it exists. */
  path(name: string): string;
  /**
   * Opens (or creates) a log: rows are durable once `append` resolves, a torn last line is dropped on open; rows that no longer
   * fit the schema are an error, not silence.
   */
  log<T extends object>(name: string, options: KeyedLogOptions<T>): Promise<KeyedLog<T>>;
}

/** The work folders of a fingerprint: there is one, unless its lock was ever taken from an owner that was not proven dead. */
async function generations(state: StateDirectory, fingerprint: Sha256): Promise<readonly number[]> {
  const names = (await ifThere(readdir(state.works))) ?? [];
  return names
    .flatMap((name) => {
      if (name === fingerprint) return [0];
      const [, number] = name.startsWith(`${fingerprint}.`) ? (/\.(\d+)$/.exec(name) ?? []) : [];
      return number === undefined ? [] : [Number(number)];
    })
    .sort((a, b) => a - b);
}

function folderOf(state: StateDirectory, fingerprint: Sha256, generation: number): string {
  return generation === 0 ? state.work(fingerprint) : `${state.work(fingerprint)}.${generation}`;
}

/** The folder that a run of this fingerprint works in, whether it is there yet or not. */
export async function workFolder(state: StateDirectory, fingerprint: Sha256): Promise<string> {
  return folderOf(state, fingerprint, (await generations(state, fingerprint)).at(-1) ?? 0);
}

/**
 * Moves the work to a new name. An owner that was only silent may come back and go on writing to the old one for a moment, before
 * it sees that the lock is gone: nobody reads what it writes there. The caller holds the lock.
 */
export async function moveWorkAway(state: StateDirectory, fingerprint: Sha256): Promise<void> {
  const newest = (await generations(state, fingerprint)).at(-1);
  if (newest === undefined) return;
  await rename(folderOf(state, fingerprint, newest), folderOf(state, fingerprint, newest + 1));
}

/** What the name of work ends in that is being removed: nobody goes on from half of it. */
const REMOVED = '.removed';

/** Removes the work of a fingerprint. The caller holds the lock. */
export async function removeWork(state: StateDirectory, fingerprint: Sha256): Promise<void> {
  for (const generation of await generations(state, fingerprint)) {
    const folder = folderOf(state, fingerprint, generation);
    const removed = `${folder}.${randomBytes(4).toString('hex')}${REMOVED}`;
    await rename(folder, removed);
    await rm(removed, { recursive: true, force: true });
  }
}

/** Whether the name is that of work whose removal was cut off. */
export function isRemoved(name: string): boolean {
  return name.endsWith(REMOVED);
}

/** Whether an interrupted run has left something to go on from. */
export async function hasWork(state: StateDirectory, fingerprint: Sha256): Promise<boolean> {
  return ((await ifThere(readdir(await workFolder(state, fingerprint)))) ?? []).length > 0;
}

/** Opens the folder, creating it if need be. `close` closes the logs that the stage has left open. */
export async function openWorkDirectory(
  root: string,
): Promise<WorkDirectory & { readonly close: () => Promise<void> }> {
  await makeDirectory(root);
  const open = new Map<string, { close(): Promise<void> }>();

  const pathOf = (name: string): string => {
    const path = resolveInside(root, name);
    makeFolder(dirname(path));
    return path;
  };

  return {
    path: pathOf,
    async log<T extends object>(name: string, options: KeyedLogOptions<T>): Promise<KeyedLog<T>> {
      const path = pathOf(name);
      // Two writers would each cut what they take for the other's torn line.
      if (open.has(path)) throw new Error(`the log ${name} is already open`);
      open.set(path, { close: async () => undefined });
      try {
        const log = await openKeyedLog(path, options);
        open.set(path, log);
        return {
          ...log,
          close: async () => {
            await log.close();
            open.delete(path);
          },
        };
      } catch (error) {
        open.delete(path);
        throw error;
      }
    },
    close: async () => {
      for (const log of open.values()) await log.close();
    },
  };
}
