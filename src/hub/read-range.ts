import type { ReadableStream } from 'node:stream/web';
import { SecpiError } from '../base/errors.js';
import { type FileAtCommit, fetchContent } from './fetch-content.js';
import type { ByteRange } from './hub.js';
import type { HubClient } from './hub-client.js';
import { isBrokenConnection, retrying, transient } from './retrying-fetch.js';

/** See `Hub.read`. */
export async function readRange(
  client: HubClient,
  { range, ...file }: FileAtCommit & { readonly range: ByteRange },
  signal: AbortSignal,
): Promise<Uint8Array> {
  const { repo, path } = file;
  const wanted = range.end - range.start;
  if (wanted <= 0) return new Uint8Array();
  return client.call({ verb: `read ${path} of`, repo, writes: false }, signal, (params) =>
    retrying(
      async () => {
        try {
          const response = await fetchContent(params, file, `bytes=${range.start}-${range.end - 1}`);
          // A server or proxy that knows no ranges sends all of it.
          const skipped = response.status === 206 ? 0 : range.start;
          const bytes = await upTo(response, skipped + wanted);
          if (bytes.length === skipped + wanted) return bytes.subarray(skipped);
        } catch (error) {
          throw isBrokenConnection(error) ? transient(error) : error;
        }
        throw new SecpiError(
          'hub/corrupt-download',
          `${path} of ${repo.kind} ${repo.name} ends before the size that the Hub lists for it`,
          { hint: 'Try again; if it stays so, the repository or a proxy in between is broken.' },
        );
      },
      client.policy,
      signal,
    ),
  );
}

/** The first `most` bytes of an answer, or all if it has fewer; the rest is not fetched. */
async function upTo(response: Response, most: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of (response.body ?? []) as ReadableStream<Uint8Array>) {
    pieces.push(piece.subarray(0, most - bytes));
    bytes += piece.length;
    if (bytes >= most) break;
  }
  return Buffer.concat(pieces);
}
