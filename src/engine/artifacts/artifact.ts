import type { z } from 'zod';
import type { Sha256 } from '../../base/hash.js';
import type { Json } from '../../base/json.js';

/** One file of an artifact, as the manifest lists it. `path` is relative, with forward slashes. */
export interface ArtifactFile {
  readonly path: string;
  readonly sha256: Sha256;
  readonly bytes: number;
}

/** `manifest.json`: everything one can ask of an artifact without opening its data. Written last, with the rename. */
export interface Manifest {
  readonly schema: 1;
  readonly stage: string;
  readonly fingerprint: Sha256;
  /** What was hashed to give the fingerprint; `secpi why` diffs two of these. */
  readonly preimage: Json;
  readonly inputs: Readonly<
    Record<string, { readonly stage: string; readonly fingerprint: Sha256; readonly digest: Sha256 }>
  >;
  readonly outputs: readonly ArtifactFile[];
  /** SHA-256 over path and hash of every output: what a downstream fingerprint refers to. */
  readonly digest: Sha256;
  readonly counts: Readonly<Record<string, number>>;
  readonly reasons: Readonly<Record<string, number>>;
  readonly metrics: Readonly<Record<string, Json>>;
  readonly tools: Readonly<Record<string, string>>;
  readonly tokens: { readonly input: number; readonly output: number };
  readonly cost_usd: number;
  readonly started_at: string;
  readonly seconds: number;
  readonly run: string;
  readonly secpi: string;
}

/** Read access to one finished artifact. */
export interface ArtifactReader {
  readonly manifest: Manifest;
  /** Absolute path of a file or folder inside the artifact. Throws if the name leaves the artifact. */
  path(name: string): string;
  json<T>(name: string, schema: z.ZodType<T>): Promise<T>;
  /** Rows of a JSON Lines file, checked one by one; constant memory. */
  rows<T>(name: string, schema: z.ZodType<T>): AsyncIterable<T>;
}
