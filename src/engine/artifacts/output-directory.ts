import { createWriteStream, mkdirSync, type WriteStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { SecpiError } from '../../base/errors.js';
import type { Json } from '../../base/json.js';
import { resolveInside } from '../inside.js';
import { MANIFEST } from './manifest.js';

/** An append-only JSON Lines file of an artifact. Rows come out in the order they were written. */
export interface RowWriter {
  write(row: object): Promise<void>;
  close(): Promise<void>;
}

/** Where a stage writes its artifact. Names are relative, with forward slashes, and may name folders. */
export interface OutputDirectory {
  /** Absolute path for tools that write files themselves (a trainer, say). The folder above it exists. */
  path(name: string): string;
  text(name: string, content: string): Promise<void>;
  json(name: string, value: Json | object): Promise<void>;
  rows(name: string): Promise<RowWriter>;
}

/** Writes rows through a stream's buffer: nothing here must outlive a crash, the commit forces all of it to the disk. */
class StreamRowWriter implements RowWriter {
  readonly #stream: WriteStream;
  #drained: Promise<void> | undefined;
  #failure: unknown;
  #closed: Promise<void> | undefined;

  constructor(path: string) {
    this.#stream = createWriteStream(path, { flags: 'wx' });
    this.#stream.on('error', (error) => {
      this.#failure = error;
    });
  }

  async write(row: object): Promise<void> {
    if (this.#closed !== undefined) throw new Error('write after close');
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#stream.write(`${JSON.stringify(row)}\n`)) return;
    this.#drained ??= new Promise<void>((resolve) => {
      const settle = (): void => {
        this.#stream.off('drain', settle);
        this.#stream.off('close', settle);
        this.#drained = undefined;
        resolve();
      };
      this.#stream.once('drain', settle);
      this.#stream.once('close', settle);
    });
    await this.#drained;
    if (this.#failure !== undefined) throw this.#failure;
  }

  close(): Promise<void> {
    this.#closed ??= new Promise<void>((resolve, reject) => {
      if (this.#stream.closed) settle();
      else this.#stream.once('close', settle);
      this.#stream.end();
      const failure = (): unknown => this.#failure;
      function settle(): void {
        if (failure() === undefined) resolve();
        else reject(failure());
      }
    });
    return this.#closed;
  }
}

/** An empty folder that a stage fills. `close` flushes the row files that the stage has left open. */
export function openOutputDirectory(root: string): OutputDirectory & { readonly close: () => Promise<void> } {
  const writers = new Set<RowWriter>();

  const pathOf = (name: string): string => {
    const path = resolveInside(root, name);
    if (name === MANIFEST) {
      throw new SecpiError('engine/reserved-name', `no output may be called ${MANIFEST}: the engine writes that file`);
    }
    mkdirSync(dirname(path), { recursive: true });
    return path;
  };

  return {
    path: pathOf,
    text: async (name, content) => writeFile(pathOf(name), content),
    json: async (name, value) => writeFile(pathOf(name), `${JSON.stringify(value, null, 2)}\n`),
    rows: async (name) => {
      const writer = new StreamRowWriter(pathOf(name));
      writers.add(writer);
      return writer;
    },
    close: async () => {
      for (const writer of writers) await writer.close();
    },
  };
}
