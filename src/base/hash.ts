import { createHash, type Hash, hash } from 'node:crypto';
import { pipeline } from 'node:stream/promises';
import canonicalize from 'canonicalize';
import * as z from 'zod';
import { readInPieces } from './files/pieces.js';
import { atPath } from './files/system-code.js';
import type { Json } from './json.js';

/** 64 lower-case hex digits. Made only in this file. */
export type Sha256 = string & { readonly __brand: 'sha256' };

/** A hash read back from a file. */
export const sha256Schema = z
  .string()
  .regex(/^[0-9a-f]{64}$/, 'not a SHA-256')
  .transform((text) => text as Sha256);

/** SHA-256 of a text (as UTF-8) or of bytes. */
export function sha256(data: string | Uint8Array): Sha256 {
  return hash('sha256', data, 'hex') as Sha256;
}

/** Larger than the default of 64 KiB, so that the disk is waited for and not the event loop. */
const CHUNK_BYTES = 1024 * 1024;

/**
 * SHA-256 of a file, streamed, so that a 65 GB checkpoint costs no memory. Throws the file system's error, or the signal's reason
 * as soon as it is aborted, however large the file is.
 */
export async function sha256File(path: string, signal: AbortSignal): Promise<Sha256> {
  return (await digestFile(path, createHash('sha256'), signal)) as Sha256;
}

/** Feeds a file through a hash; see `sha256File`. */
export async function digestFile(path: string, hash: Hash, signal: AbortSignal): Promise<string> {
  signal.throwIfAborted();
  try {
    await pipeline(await readInPieces(path, CHUNK_BYTES), hash, { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw atPath(error, path);
  }
  return hash.digest('hex');
}

/** Canonical JSON (RFC 8785): equal values give equal text, whatever the key order. */
export function canonicalJson(value: Json): string {
  const text = canonicalize(value);
  if (text === undefined) throw new TypeError('value cannot be written as canonical JSON');
  return text;
}

/** SHA-256 of a value's canonical JSON: how every content id and fingerprint is made. */
export function sha256Json(value: Json): Sha256 {
  return sha256(canonicalJson(value));
}
