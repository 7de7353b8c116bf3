import { createWriteStream, type WriteStream } from 'node:fs';
import { dirname } from 'node:path';
import { makeFolder } from '../../base/files/durable-directory.js';
import { Packer } from '../../base/files/packed/packer.js';
import { isPackedText } from '../../base/files/packed/text-file.js';
import { atPath } from '../../base/files/system-code.js';
import { writeText } from '../../base/files/write-text.js';
import type { Json } from '../../base/json.js';
import { resolveInside } from '../inside.js';
import type { ArtifactFile } from './manifest.js';

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
  /** A JSON Lines file of that name, packed if that is `.jsonl.gz`. */
  rows(name: string): Promise<RowWriter>;
  /**
   * Makes a file or folder of the work directory part of the artifact, by a rename: large files are never copied. It is gone from
   * the work directory then; if the stage or its commit fails, it is back there the next time.
   */
  adopt(name: string, from: string): Promise<void>;
  /** A file that is part of the artifact and stays on another machine. */
  reference(file: ArtifactFile & { readonly at: NonNullable<ArtifactFile['at']> }): void;
}

/** Rows are small, and each turn to the stream costs more than one of them: that many characters are handed over at a time. */
const PIECE = 64 * 1024;
const BUFFER_BYTES = 4 * PIECE;

/** Writes rows through a stream's buffer: nothing here must outlive a crash, the commit forces all of it to the disk. */
class StreamRowWriter implements RowWriter {
  readonly #stream: WriteStream;
  readonly #packer: Packer | undefined;
  #gathered = '';
  #drained: Promise<void> | undefined;
  #failure: unknown;
  #closed: Promise<void> | undefined;

  constructor(path: string) {
    this.#packer = isPackedText(path) ? new Packer() : undefined;
    this.#stream = createWriteStream(path, { flags: 'wx', highWaterMark: BUFFER_BYTES });
    this.#stream.on('error', (error) => {
      this.#failure = atPath(error, path);
    });
  }

  async write(row: object): Promise<void> {
    if (this.#closed !== undefined) throw new Error('write after close');
    if (this.#failure !== undefined) throw this.#failure;
    this.#gathered += `${JSON.stringify(row)}\n`;
    if (this.#gathered.length < PIECE) return;
    if (this.#handOver()) return;
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
    this.#closed ??= this.#end();
    return this.#closed;
  }

  /** Gives the stream what was gathered; false when it wants to be waited for. */
  #handOver(): boolean {
    const piece = this.#packer?.add(this.#gathered) ?? this.#gathered;
    this.#gathered = '';
    return this.#stream.write(piece);
  }

  async #end(): Promise<void> {
    // After an error the stream closes by itself, maybe long before anybody asks.
    if (!this.#stream.closed) {
      const closed = new Promise<void>((resolve) => this.#stream.once('close', resolve));
      this.#handOver();
      this.#stream.end(this.#packer?.end());
      await closed;
    }
    if (this.#failure !== undefined) throw this.#failure;
  }
}

export interface OpenOutput extends OutputDirectory {
  readonly references: readonly ArtifactFile[];
  /** Flushes the row files that the stage has left open. */
  close(): Promise<void>;
}

/** An empty folder that a stage fills. `adopt` moves something of the work directory into it. */
export function openOutputDirectory(root: string, adopt: OutputDirectory['adopt']): OpenOutput {
  const writers = new Set<RowWriter>();
  const references: ArtifactFile[] = [];

  const pathOf = (name: string): string => {
    const path = resolveInside(root, name);
    makeFolder(dirname(path));
    return path;
  };

  return {
    references,
    path: pathOf,
    text: async (name, content) => writeText(pathOf(name), content),
    json: async (name, value) => writeText(pathOf(name), `${JSON.stringify(value, null, 2)}\n`),
    rows: async (name) => {
      const writer = new StreamRowWriter(pathOf(name));
      writers.add(writer);
      return writer;
    },
    adopt: async (name, from) => {
      pathOf(name);
      await adopt(name, from);
    },
    reference: (file) => {
      resolveInside(root, file.path);
      references.push(file);
    },
    close: async () => {
      for (const writer of writers) await writer.close();
    },
  };
}
