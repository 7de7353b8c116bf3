import type { FileHandle } from 'node:fs/promises';

/** A piece of a file. */
export interface BytePlace {
  /** Bytes before it. */
  readonly start: number;
  readonly length: number;
}

/** Reads one piece as UTF-8; less than all of it only if the file ends before. */
export async function readBytes(handle: FileHandle, { start, length }: BytePlace): Promise<string> {
  const buffer = Buffer.allocUnsafe(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await handle.read(buffer, done, length - done, start + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return buffer.toString('utf8', 0, done);
}
