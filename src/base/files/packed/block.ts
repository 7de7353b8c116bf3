import { promisify } from 'node:util';
import { crc32, inflateRaw } from 'node:zlib';
import { deflateSync } from 'fflate';

/**
 * How packed rows stand in a file: BGZF, the blocked gzip of `bgzip` (SAM/BAM specification v1, section 4.1). Each block is a whole
 * member of a gzip file that says in its extra field how long it is, so `zcat` shows all of it, and one who knows where blocks begin reads
 * from the middle. All blocks but the last hold equally much text, so that a place in the text says which block it stands in.
 */

/** Bytes of text in a block, as `bgzip` has them: what does not pack at all still fits into a block. */
export const TEXT_BYTES = 0xff00;

const HEAD = Buffer.from('1f8b08040000000000ff0600424302000000', 'hex');
const SIZE_AT = 16;
const TRAILER_BYTES = 8;
/** Of the bytes at the head of a block, so many tell how long it is. */
export const HEAD_BYTES = HEAD.length;
/** A longer block cannot say how long it is. */
const MOST_BYTES = 1 << 16;

/** A block with nothing in it ends the file: without it, it was cut off. */
export const END_BLOCK: Buffer = Buffer.from('1f8b08040000000000ff0600424302001b0003000000000000000000', 'hex');

/** Packs up to `TEXT_BYTES`. The same text gives the same bytes everywhere: Node's own zlib packs differently on other processors. */
export function packBlock(text: Buffer): Buffer {
  const body = deflateSync(text);
  const block = Buffer.alloc(HEAD.length + body.length + TRAILER_BYTES);
  HEAD.copy(block);
  block.writeUInt16LE(block.length - 1, SIZE_AT);
  block.set(body, HEAD.length);
  block.writeUInt32LE(crc32(text), block.length - TRAILER_BYTES);
  block.writeUInt32LE(text.length, block.length - 4);
  return block;
}

/** Bytes of the block that begins there, of which `HEAD_BYTES` are there; `undefined` when none does. */
export function blockBytes(bytes: Buffer, at: number): number | undefined {
  if (!bytes.subarray(at, at + SIZE_AT).equals(HEAD.subarray(0, SIZE_AT))) return undefined;
  const length = bytes.readUInt16LE(at + SIZE_AT) + 1;
  return length > HEAD.length + TRAILER_BYTES && length <= MOST_BYTES ? length : undefined;
}

const inflate = promisify(inflateRaw);

/** The text of a whole block; `undefined` when it is damaged. */
export async function unpackBlock(block: Buffer): Promise<Buffer | undefined> {
  const trailer = block.length - TRAILER_BYTES;
  try {
    const text = await inflate(block.subarray(HEAD.length, trailer), { maxOutputLength: TEXT_BYTES });
    const isWhole = text.length === block.readUInt32LE(trailer + 4) && crc32(text) === block.readUInt32LE(trailer);
    return isWhole ? text : undefined;
  } catch {
    return undefined;
  }
}
