import { mkdirSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { z } from 'zod';
import { makeDirectory } from '../base/files/durable-directory.js';
import { openJsonLines } from '../base/files/json-lines.js';
import { resolveInside } from './inside.js';

/** An append-only JSON Lines file that survives kill -9: rows are durable once `append` resolves; a torn last line is dropped on open. */
export interface WorkLog<T> {
  /** Rows found when it was opened, in order. */
  readonly rows: readonly T[];
  append(row: T): Promise<void>;
  close(): Promise<void>;
}

/** Resumable state of one fingerprint. */
export interface WorkDirectory {
  /** Absolute path of a file or folder inside it. The folder above it exists. */
  path(name: string): string;
  /** Opens (or creates) a log; rows that no longer fit the schema are an error, not silence. */
  log<T extends object>(name: string, schema: z.ZodType<T>): Promise<WorkLog<T>>;
}

/** Whether an interrupted run has left something to go on from. */
export async function hasWork(root: string): Promise<boolean> {
  return (await readdir(root).catch(() => [])).length > 0;
}

/** Opens the folder, creating it if need be. `close` closes the logs that the stage has left open. */
export async function openWorkDirectory(
  root: string,
): Promise<WorkDirectory & { readonly close: () => Promise<void> }> {
  await makeDirectory(root);
  const open = new Map<string, { close(): Promise<void> }>();

  const pathOf = (name: string): string => {
    const path = resolveInside(root, name);
    mkdirSync(dirname(path), { recursive: true });
    return path;
  };

  return {
    path: pathOf,
    async log<T extends object>(name: string, schema: z.ZodType<T>): Promise<WorkLog<T>> {
      const path = pathOf(name);
      // Two writers would each cut what they take for the other's torn line.
      if (open.has(path)) throw new Error(`the log ${name} is already open`);
      open.set(path, { close: async () => undefined });
      try {
        const lines = await openJsonLines(path, { schema });
        open.set(path, lines);
        return {
          rows: lines.rows,
          append: lines.append,
          close: async () => {
            await lines.close();
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
