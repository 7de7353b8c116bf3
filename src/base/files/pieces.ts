import { createReadStream, type ReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';

const LEAST_BYTES = 4096;

/**
 * How much of a file to ask for at once, of `size` bytes as far as known: all of it, `most` at most. Memory for as much is taken with
 * each piece, however little comes: a megabyte for each of many small files kept Node's collector of garbage busy a third of the time.
 */
export function pieceBytes(size: number, most: number): number {
  return Math.min(most, Math.max(LEAST_BYTES, size));
}

/** A file from its beginning, in pieces that are no larger than it. Fails as a stream does, when it is read. */
export async function readInPieces(path: string, most: number): Promise<ReadStream> {
  // Why it cannot be looked at is said when it is opened.
  const size = await stat(path).then(
    (found) => found.size,
    () => 0,
  );
  return createReadStream(path, { highWaterMark: pieceBytes(size, most) });
}
