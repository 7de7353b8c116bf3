import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { sha256File } from '../base/hash.js';
import type { RemoteFile } from './hub.js';

/** The id that git gives a file's content: SHA-1 over `blob <size>\0` and the bytes. Streamed. */
export async function gitBlobOid(path: string): Promise<string> {
  const { size } = await stat(path);
  const hash = createHash('sha1').update(`blob ${size}\0`);
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

/** Whether a local file has the content that the Hub lists: LFS files by SHA-256, others by their git blob. */
export async function holdsContentOf(path: string, remote: RemoteFile): Promise<boolean> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (found === undefined || !found.isFile() || found.size !== remote.bytes) return false;
  if (remote.sha256 !== null) return (await sha256File(path)) === remote.sha256;
  return (await gitBlobOid(path)) === remote.git_oid;
}
