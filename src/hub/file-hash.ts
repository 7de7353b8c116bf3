import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { ifThere } from '../base/files/if-there.js';
import { digestFile, sha256File } from '../base/hash.js';
import type { RemoteFile } from './hub.js';

/** The id that git gives a file's content: SHA-1 over `blob <size>\0` and the bytes. Streamed. */
export async function gitBlobOid(path: string, signal: AbortSignal): Promise<string> {
  const { size } = await stat(path);
  return digestFile(path, createHash('sha1').update(`blob ${size}\0`), signal);
}

/** Whether a local file has the content that the Hub lists: LFS files by SHA-256, others by their git blob. */
export async function holdsContentOf(path: string, remote: RemoteFile, signal: AbortSignal): Promise<boolean> {
  const found = await ifThere(stat(path));
  if (found === undefined || !found.isFile() || found.size !== remote.bytes) return false;
  if (remote.sha256 !== null) return (await sha256File(path, signal)) === remote.sha256;
  return (await gitBlobOid(path, signal)) === remote.git_oid;
}
