import { z } from 'zod';
import type { Sha256 } from '../../base/hash.js';
import type { Json } from '../../base/json.js';
import type { Manifest } from './artifact.js';

/** A hash read back from disk. */
export const sha256Schema = z
  .string()
  .regex(/^[0-9a-f]{64}$/, 'not a SHA-256')
  .transform((text) => text as Sha256);
export const jsonSchema = z.json() as unknown as z.ZodType<Json>;
export const countsSchema = z.record(z.string(), z.number());

/** What `manifest.json` must look like when it is read back. Keys of a later version are passed over. */
export const manifestSchema: z.ZodType<Manifest> = z.object({
  schema: z.literal(1),
  stage: z.string(),
  fingerprint: sha256Schema,
  preimage: jsonSchema,
  inputs: z.record(z.string(), z.object({ stage: z.string(), fingerprint: sha256Schema, digest: sha256Schema })),
  outputs: z.array(z.object({ path: z.string(), sha256: sha256Schema, bytes: z.int().nonnegative() })),
  digest: sha256Schema,
  counts: countsSchema,
  reasons: countsSchema,
  metrics: z.record(z.string(), jsonSchema),
  tools: z.record(z.string(), z.string()),
  tokens: z.object({ input: z.number(), output: z.number() }),
  cost_usd: z.number(),
  started_at: z.string(),
  seconds: z.number(),
  run: z.string(),
  secpi: z.string(),
});

/** The manifest's own name inside an artifact; no output may be called so. */
export const MANIFEST = 'manifest.json';
