/** What a sandbox elsewhere is asked and says: JSON over HTTP, bytes as base64. Both ends are of one build, so nothing here has versions. */
import * as z from 'zod';
import { type Sha256, sha256 } from '../base/hash.js';
import type { SandboxResult, SandboxRun } from '../sandbox/sandbox.js';

/** Paths of the server. `HEALTH` alone needs no key. */
export const WIRE = {
  health: '/health',
  facts: '/facts',
  prepare: '/prepare',
  run: '/run',
  attack: '/attack',
} as const;

/** Content of a file: text, bytes, or what was sent or fetched before and is named by its hash. */
export type WireContent = string | { readonly base64: string } | { readonly known: Sha256 };

/** A run, as it is sent. */
export interface WireRun extends Omit<SandboxRun, 'files'> {
  readonly files: readonly { readonly path: string; readonly content: WireContent; readonly executable?: boolean }[];
}

/** Files of this size and more are sent once: a compiled program runs in every case of its problem. */
export const KEPT_FROM_BYTES = 16 * 1024;
/** The status of an answer that says: what was named by its hash is not here any more. */
export const NOT_KEPT = 410;
/** A request that is larger is not ours. */
export const MOST_REQUEST_BYTES = 256 * 1024 * 1024;

/** One program is named in every case of its problem, and hashed once. */
const names = new WeakMap<Uint8Array, Sha256>();

/** The name of a content that is worth keeping, and does not change any more. */
export function keptName(content: string | Uint8Array): Sha256 | undefined {
  if (typeof content === 'string' || content.byteLength < KEPT_FROM_BYTES) return undefined;
  const name = names.get(content) ?? sha256(content);
  names.set(content, name);
  return name;
}

const fileSchema = z.union([
  z.object({ base64: z.base64() }),
  z.object({ missing: z.enum(['absent', 'not-a-file', 'too-large', 'unreadable']) }),
]);

const resultSchema = z.object({
  ending: z.discriminatedUnion('how', [
    z.object({ how: z.literal('exited'), exitCode: z.int() }),
    z.object({ how: z.literal('signalled'), signal: z.string() }),
    z.object({ how: z.literal('timed-out') }),
    z.object({ how: z.literal('output-limit') }),
    z.object({ how: z.literal('memory-limit') }),
  ]),
  stdout: z.string(),
  stderr: z.string(),
  truncated: z.boolean(),
  seconds: z.number(),
  collected: z.record(z.string(), fileSchema),
});

/** How the attacks of the sandbox's self-test ended there. */
export const attacksSchema = z.array(z.object({ name: z.string(), ok: z.boolean(), detail: z.string() }));

/** An error that a person understands, as it goes over the wire. */
export const wireErrorSchema = z.object({ code: z.string(), message: z.string(), hint: z.string().nullable() });

/** A result, as it is sent. */
export function encodeResult({ collected, ...rest }: SandboxResult): z.input<typeof resultSchema> {
  const files = Object.entries(collected).map(([path, file]) => [
    path,
    'bytes' in file ? { base64: Buffer.from(file.bytes).toString('base64') } : file,
  ]);
  return { ...rest, collected: Object.fromEntries(files) };
}

/** The result that was sent. Throws zod's error for anything else. */
export function decodeResult(value: unknown): SandboxResult {
  const { collected, ...rest } = resultSchema.parse(value);
  const files = Object.entries(collected).map(([path, file]) => [
    path,
    'base64' in file ? { bytes: Buffer.from(file.base64, 'base64') } : file,
  ]);
  return { ...rest, collected: Object.fromEntries(files) };
}
