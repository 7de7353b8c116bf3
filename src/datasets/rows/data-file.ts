import type { Stats } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { SecpiError } from '../../base/errors.js';
import { atPath } from '../../base/files/system-code.js';

/** The bytes of a dataset's file, wherever it lies. */
export interface DataFile {
  /** Its ending tells the format. */
  readonly name: string;
  /** What messages call it. */
  readonly label: string;
  readonly bytes: number;
  /** The bytes from `start` to before `end`, which lie inside the file. */
  read(start: number, end: number): Promise<Uint8Array>;
}

/** First piece that is read of a file, and the largest: whoever wants a few rows should not wait for many. */
const firstPiece = 256 * 1024;
const largestPiece = 4 * 1024 * 1024;

/** A file on this machine, or what a link to one leads to. Throws `datasets/not-a-file` for what has no end or no bytes, and the file system's error. */
export async function localFile(path: string, label: string = path): Promise<DataFile> {
  const found = await stat(path);
  if (!found.isFile()) {
    throw new SecpiError('datasets/not-a-file', `${label} is no file but ${kindOf(found)}`, {
      hint: found.isDirectory() ? 'Name a file in it.' : 'Rows are read more than once: write them to a file first.',
      exitCode: 2,
    });
  }
  const { size } = found;
  return {
    name: path,
    label,
    bytes: size,
    async read(start, end) {
      const handle = await open(path);
      try {
        const bytes = Buffer.alloc(end - start);
        let filled = 0;
        while (filled < bytes.length) {
          const { bytesRead } = await handle.read(bytes, filled, bytes.length - filled, start + filled);
          if (bytesRead === 0) break;
          filled += bytesRead;
        }
        return bytes.subarray(0, filled);
      } catch (error) {
        throw atPath(error, path);
      } finally {
        await handle.close();
      }
    },
  };
}

function kindOf(found: Stats): string {
  if (found.isDirectory()) return 'a folder';
  if (found.isFIFO()) return 'a named pipe';
  return found.isSocket() ? 'a socket' : 'a device';
}

/** A file from its beginning to its end, piece by piece. */
export async function* piecesOf(file: DataFile): AsyncGenerator<Uint8Array> {
  let size = firstPiece;
  for (let start = 0; start < file.bytes; size = Math.min(2 * size, largestPiece)) {
    const piece = await file.read(start, Math.min(file.bytes, start + size));
    if (piece.length === 0) return;
    yield piece;
    start += piece.length;
  }
}
