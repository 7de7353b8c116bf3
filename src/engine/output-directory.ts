import type { Json } from '../base/json.js';

/** An append-only JSON Lines file of an artifact. Rows come out in the order they were written. */
export interface RowWriter {
  write(row: object): Promise<void>;
  close(): Promise<void>;
}

/** Where a stage writes its artifact. Names are relative, with forward slashes, and may name folders. */
export interface OutputDirectory {
  /** Absolute path for tools that write files themselves (a trainer, say). */
  path(name: string): string;
  text(name: string, content: string): Promise<void>;
  json(name: string, value: Json | object): Promise<void>;
  rows(name: string): Promise<RowWriter>;
}
