import type { FileHandle } from 'node:fs/promises';
import { doubled } from '../../doubled.js';
import { SecpiError } from '../../errors.js';
import { readAt } from '../read-bytes.js';
import { blockBytes, HEAD_BYTES, TEXT_BYTES, unpackBlock } from './block.js';
import type { TextFile } from './text-file.js';

/** So much of the file is asked for at once, and unpacked side by side. */
const PIECE_BYTES = 256 * 1024;

/** A file of packed blocks (`block.ts`). Where they begin is learnt on the way through it: eight bytes for each. */
export class PackedFile implements TextFile {
  readonly bytes: number;
  readonly #handle: FileHandle;
  readonly #path: string;
  /** Where blocks begin that were passed, and where the last of them ends. */
  #starts = new Float64Array(1024);
  #passed = 0;

  constructor(handle: FileHandle, path: string, bytes: number) {
    this.#handle = handle;
    this.#path = path;
    this.bytes = bytes;
  }

  async *pieces(): AsyncGenerator<Buffer> {
    let start = 0;
    let last: 'full' | 'short' | 'end' = 'full';
    while (start < this.bytes) {
      const bytes = await readAt(this.#handle, { start, length: Math.min(PIECE_BYTES, this.bytes - start) });
      const blocks = this.#blocksIn(bytes, start);
      if (blocks.length === 0) throw this.#damage(start);
      const texts = await Promise.all(blocks.map(unpackBlock));
      for (const [at, block] of blocks.entries()) {
        const text = texts[at];
        // Places in the text are counted in full blocks.
        if (text === undefined || last === 'end' || (last === 'short' && text.length > 0)) throw this.#damage(start);
        last = text.length === TEXT_BYTES ? 'full' : text.length > 0 ? 'short' : 'end';
        start += block.length;
        this.#pass(start);
        if (text.length > 0) yield text;
      }
    }
    if (last !== 'end') throw this.#damage(start);
  }

  async read(start: number, length: number): Promise<Buffer> {
    const first = Math.floor(start / TEXT_BYTES);
    const behind = Math.min(Math.ceil((start + length) / TEXT_BYTES), this.#passed);
    if (first >= behind) return Buffer.alloc(0);
    const from = this.#start(first);
    const bytes = await readAt(this.#handle, { start: from, length: this.#start(behind) - from });
    const texts = await Promise.all(this.#blocksIn(bytes, from).map(unpackBlock));
    const text = Buffer.concat(
      texts.map((each) => {
        if (each === undefined) throw this.#damage(from);
        return each;
      }),
    );
    const at = start - first * TEXT_BYTES;
    return text.subarray(at, at + length);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#handle.close();
  }

  /** The whole blocks at the beginning of these bytes. */
  #blocksIn(bytes: Buffer, start: number): readonly Buffer[] {
    const blocks: Buffer[] = [];
    for (let at = 0; bytes.length - at >= HEAD_BYTES; ) {
      const length = blockBytes(bytes, at);
      if (length === undefined) throw this.#damage(start + at);
      if (at + length > bytes.length) break;
      blocks.push(bytes.subarray(at, at + length));
      at += length;
    }
    return blocks;
  }

  #start(block: number): number {
    return block === 0 ? 0 : (this.#starts[block - 1] ?? 0);
  }

  #pass(end: number): void {
    if (this.#passed === this.#starts.length) this.#starts = doubled(this.#starts);
    this.#starts[this.#passed] = end;
    this.#passed += 1;
  }

  #damage(start: number): SecpiError {
    return new SecpiError('base/damaged-file', `${this.#path} cannot be unpacked behind byte ${start}`, {
      hint: 'Run again: what is damaged is set aside and made anew.',
    });
  }
}
