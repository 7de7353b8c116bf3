import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import canonicalize from 'canonicalize';
import type { Json } from './json.js';

/** 64 lower-case hex digits. Made only in this file. */
export type Sha256 = string & { readonly __brand: 'sha256' };

/** SHA-256 of a text (as UTF-8) or of bytes. */
export function sha256(data: string | Uint8Array): Sha256 {
  return createHash('sha256').update(data).digest('hex') as Sha256;
}

/** SHA-256 of a file, streamed, so that a 65 GB checkpoint costs no memory. */
export async function sha256File(path: string): Promise<Sha256> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex') as Sha256;
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
