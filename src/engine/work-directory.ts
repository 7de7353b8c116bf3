import type { z } from 'zod';

/** An append-only JSON Lines file that survives kill -9: rows are durable once `append` resolves; a torn last line is dropped on open. */
export interface WorkLog<T> {
  /** Rows found when it was opened, in order. */
  readonly rows: readonly T[];
  append(row: T): Promise<void>;
  close(): Promise<void>;
}

/** Resumable state of one fingerprint. */
export interface WorkDirectory {
  /** Absolute path of a file or folder inside it. */
  path(name: string): string;
  /** Opens (or creates) a log; rows that no longer fit the schema are an error, not silence. */
  log<T extends object>(name: string, schema: z.ZodType<T>): Promise<WorkLog<T>>;
}
