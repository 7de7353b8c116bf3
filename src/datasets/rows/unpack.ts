import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { messageOf, SecpiError } from '../../base/errors.js';
import { type DataFile, piecesOf } from './data-file.js';
import type { DataFormat } from './data-format.js';
import { LARGEST_WINDOW, ZstandardFrames } from './zstandard-frames.js';

/**
 * The text of a file as it was before it was packed, piece by piece. Throws `datasets/damaged` when it cannot be unpacked or ends too early, and
 * `datasets/large-window` when that would take too much memory. The packed bytes are untrusted and may become any number of times as many: whoever
 * keeps them has to count.
 */
export async function* unpacked(file: DataFile, packing: DataFormat['packing']): AsyncGenerator<Uint8Array> {
  if (packing === undefined) {
    yield* piecesOf(file);
    return;
  }
  try {
    yield* packing === 'gz' ? gunzipped(file) : unzstandard(file);
  } catch (error) {
    if (isOfUnpacking(error)) {
      throw new SecpiError('datasets/damaged', `${file.label} cannot be unpacked: ${messageOf(error)}`, {
        hint: 'It is damaged, cut off, or not what its ending says. Fetch it again.',
      });
    }
    throw error;
  }
}

/** Marks what the unpacking itself threw; a connection that breaks below it is another matter. */
class UnpackingError extends Error {}

function isOfUnpacking(error: unknown): boolean {
  return (
    error instanceof UnpackingError || (error instanceof Error && 'code' in error && /^Z_/.test(String(error.code)))
  );
}

async function* gunzipped(file: DataFile): AsyncGenerator<Uint8Array> {
  const source = Readable.from(piecesOf(file), { objectMode: false });
  const gunzip = createGunzip();
  source.once('error', (error) => gunzip.destroy(error));
  source.pipe(gunzip);
  try {
    yield* gunzip as AsyncIterable<Buffer>;
  } finally {
    // Whoever has enough stops reading.
    source.destroy();
    gunzip.destroy();
  }
}

async function* unzstandard(file: DataFile): AsyncGenerator<Uint8Array> {
  // Here, because most runs unpack nothing. Node itself has Zstandard from 22.15 on.
  const { Decompress } = await import('fzstd');
  let ready: Uint8Array[] = [];
  const stream = new Decompress((piece) => {
    // What it hands out it may write over later.
    if (piece.length > 0) ready.push(piece.slice());
  });
  const frames = new ZstandardFrames();
  const push = (piece: Uint8Array, last: boolean): readonly Uint8Array[] => {
    ready = [];
    try {
      stream.push(piece, last);
    } catch (error) {
      throw new UnpackingError(messageOf(error), { cause: error });
    }
    return ready;
  };
  for await (const piece of piecesOf(file)) {
    checkWindow(frames.follow(piece), file);
    yield* push(piece, false);
  }
  yield* push(new Uint8Array(), true);
}

function checkWindow(bytes: number, { label }: DataFile): void {
  if (bytes <= LARGEST_WINDOW) return;
  const mib = (size: number): string => `${Math.ceil(size / 2 ** 20)} MiB`;
  throw new SecpiError(
    'datasets/large-window',
    `${label} wants ${mib(bytes)} of memory to be unpacked; ${mib(LARGEST_WINDOW)} are the most`,
    { hint: 'Unpack it yourself (`zstd -d --long=31`), or pack it anew without `--long`.' },
  );
}
