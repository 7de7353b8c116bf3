import type { FileHandle } from 'node:fs/promises';

/** A piece of a file. */
export interface BytePlace {
  /** Bytes before it. */
  readonly start: number;
  readonly length: number;
}

/** Reads one piece; less than all of it only if the file ends before. */
export async function readAt(handle: FileHandle, { start, length }: BytePlace): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await handle.read(buffer, done, length - done, start + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return buffer.subarray(0, done);
}

/** The same as UTF-8. */
export async function readBytes(handle: FileHandle, place: BytePlace): Promise<string> {
  return (await readAt(handle, place)).toString('utf8');
}

/** Up to the last byte that is not zero: after a power cut, zeros may stand for what was not written. */
export function withoutZeros(bytes: Buffer): Buffer {
  return bytes.subarray(0, bytes.findLastIndex((byte) => byte !== 0) + 1);
}
