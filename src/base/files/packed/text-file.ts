import { type FileHandle, open } from 'node:fs/promises';
import { readInPieces } from '../pieces.js';
import { readAt } from '../read-bytes.js';
import { PackedFile } from './packed-file.js';

/** A file of text, packed or not, that is read from its beginning once, and anywhere behind that. */
export interface TextFile extends AsyncDisposable {
  /** Its size on the disk. */
  readonly bytes: number;
  /** All of its text. To be read once. */
  pieces(): AsyncGenerator<Buffer>;
  /** Text from there on: less than `length` bytes where it ends, or where `pieces` of a packed file has not come to yet. */
  read(start: number, length: number): Promise<Buffer>;
}

/** Whether a file with this name holds text in packed blocks, where it is secpi that has written it. */
export function isPackedText(name: string): boolean {
  return name.endsWith('.jsonl.gz');
}

/** Opens a file by its name: `.jsonl.gz` is unpacked. Throws the file system's error; while it is read, also `base/damaged-file`. */
export async function openTextFile(path: string): Promise<TextFile> {
  const handle = await open(path);
  const { size } = await handle.stat();
  return isPackedText(path) ? new PackedFile(handle, path, size) : new PlainFile(handle, path, size);
}

/** The text of a file, piece by piece; see `openTextFile`. */
export async function* textOf(path: string): AsyncGenerator<Buffer> {
  if (!isPackedText(path)) {
    yield* await readInPieces(path, 256 * 1024);
    return;
  }
  await using file = await openTextFile(path);
  yield* file.pieces();
}

class PlainFile implements TextFile {
  readonly bytes: number;
  readonly #handle: FileHandle;
  readonly #path: string;

  constructor(handle: FileHandle, path: string, bytes: number) {
    this.#handle = handle;
    this.#path = path;
    this.bytes = bytes;
  }

  async *pieces(): AsyncGenerator<Buffer> {
    yield* await readInPieces(this.#path, 256 * 1024);
  }

  read(start: number, length: number): Promise<Buffer> {
    return readAt(this.#handle, { start, length });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#handle.close();
  }
}
