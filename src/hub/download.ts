import { open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { ReadableStream } from 'node:stream/web';
import { SecpiError } from '../base/errors.js';
import { makeDirectory, syncDirectory } from '../base/files/durable-directory.js';
import { ifThere } from '../base/files/if-there.js';
import { syncFile } from '../base/files/sync-file.js';
import { atPath } from '../base/files/system-code.js';
import { fetchContent } from './fetch-content.js';
import { holdsContentOf } from './file-hash.js';
import type { HubRepo, RemoteFile } from './hub.js';
import type { CallParams, HubClient } from './hub-client.js';
import { isBrokenConnection, retrying, transient } from './retrying-fetch.js';

export interface Download {
  readonly client: HubClient;
  readonly repo: HubRepo;
  readonly commit: string;
  readonly file: RemoteFile;
  readonly to: string;
  readonly signal: AbortSignal;
}

/**
 * Fetches one file to `to`, unless it is there. It is written beside its place, checked against size and hash of the
 * listing, forced to the disk and renamed; the unfinished part of an earlier attempt (also of a killed process) is
 * continued. Throws `hub/corrupt-download` when the content is wrong twice.
 */
export async function downloadFile({ client, repo, commit, file, to, signal }: Download): Promise<void> {
  if (await holdsContentOf(to, file, signal)) return;
  await makeDirectory(dirname(to));
  const part = `${to}.part`;
  await client.call({ verb: `download ${file.path} from`, repo, writes: false }, signal, async (params) => {
    // What was left by an earlier attempt may belong to other content; then the second round starts from nothing.
    for (const round of ['continue', 'afresh'] as const) {
      if (round === 'afresh') await rm(part, { force: true });
      await retrying(
        async () => {
          try {
            await fetchInto(part, { params, repo, commit, file, signal });
          } catch (error) {
            throw isBrokenConnection(error) ? transient(error) : error;
          }
        },
        client.policy,
        signal,
      );
      if (await holdsContentOf(part, file, signal)) return;
    }
    await rm(part, { force: true });
    throw new SecpiError(
      'hub/corrupt-download',
      `${file.path} of ${repo.kind} ${repo.name} does not have the size or hash that the Hub lists for it`,
      { hint: 'Try again; if it stays so, the repository or a proxy in between is broken.' },
    );
  });
  await syncFile(part);
  await rename(part, to);
  await syncDirectory(dirname(to));
}

/** One request; what arrives is appended behind what `part` already holds. */
async function fetchInto(
  part: string,
  { params, repo, commit, file, signal }: Omit<Download, 'client' | 'to'> & { params: CallParams },
): Promise<void> {
  const size = (await ifThere(stat(part)))?.size ?? 0;
  const start = size < file.bytes ? size : 0;
  const range = start === 0 ? undefined : `bytes=${start}-`;
  const response = await fetchContent(params, { repo, commit, path: file.path }, range);
  const body = response.body as ReadableStream<Uint8Array> | null;
  const handle = await open(part, start > 0 && response.status === 206 ? 'a' : 'w');
  try {
    // Piece by piece, so that what has arrived is in the file when the connection breaks.
    for await (const piece of body ?? []) {
      signal.throwIfAborted();
      await handle.writeFile(piece).catch((error: unknown) => {
        throw atPath(error, part);
      });
    }
  } finally {
    await handle.close();
  }
}
