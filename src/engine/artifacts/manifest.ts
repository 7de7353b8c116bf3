import * as z from 'zod';
import { SecpiError } from '../../base/errors.js';
import { type Sha256, sha256Json, sha256Schema } from '../../base/hash.js';
import { type Json, jsonSchema } from '../../base/json.js';

/** Raised when older versions of secpi could misread what this one writes. */
const SCHEMA = 2;

/** Bytes that stay on another machine: they are named here, and neither copied nor verified here. */
const referenceSchema = z.object({
  /** The host, as ssh knows it. */
  machine: z.string(),
  /** Absolute, there. */
  path: z.string(),
});

const fileSchema = z.object({
  /** Relative, with forward slashes. */
  path: z.string(),
  sha256: sha256Schema,
  bytes: z.int().nonnegative(),
  /** Where the bytes are when they are not here. */
  at: referenceSchema.exactOptional(),
});

/** One file of an artifact. */
export type ArtifactFile = Readonly<z.output<typeof fileSchema>>;

/** How often each kind of record, or each reason, occurred. */
export const countsSchema = z.record(z.string(), z.number());

const manifestSchema = z.object({
  schema: z.literal(SCHEMA),
  stage: z.string(),
  fingerprint: sha256Schema,
  /** What was hashed to give the fingerprint; `secpi why` diffs two of these. */
  preimage: jsonSchema,
  inputs: z.record(z.string(), z.object({ stage: z.string(), fingerprint: sha256Schema, digest: sha256Schema })),
  outputs: z.array(fileSchema),
  /** SHA-256 over path and hash of every output: what a downstream fingerprint refers to. */
  digest: sha256Schema,
  /** The object that holds the outputs that lie here; the digest again, unless some lie elsewhere. */
  object: sha256Schema,
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
  /** SHA-256 over everything above: counts and costs are believed as little as bytes. */
  seal: sha256Schema,
});

/** Everything one can ask of an artifact without opening its data. It is written last: with it the artifact is there. */
export type Manifest = Readonly<z.output<typeof manifestSchema>>;

/** What a stage's run says about its artifact; the rest follows from the files. */
export type ManifestFacts = Omit<Manifest, 'schema' | 'outputs' | 'digest' | 'object' | 'seal'>;

/** Path and hash of every file, and nothing about when, how or where they were made. */
export function digestOf(files: readonly Pick<ArtifactFile, 'path' | 'sha256'>[]): Sha256 {
  return sha256Json(files.map((file) => [file.path, file.sha256]));
}

/** Those of an artifact's files whose bytes are in its object. */
export function filesHere(outputs: readonly ArtifactFile[]): readonly ArtifactFile[] {
  return outputs.filter((file) => file.at === undefined);
}

export function makeManifest(facts: ManifestFacts, files: readonly ArtifactFile[]): Manifest {
  const outputs = files.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  const twice = outputs.find(({ path }, index) => outputs[index + 1]?.path === path);
  if (twice !== undefined) throw new Error(`${facts.stage} has two outputs called ${twice.path}`);
  const manifest = {
    schema: SCHEMA,
    ...facts,
    outputs,
    digest: digestOf(outputs),
    object: digestOf(filesHere(outputs)),
  } as const;
  return { ...manifest, seal: sha256Json(manifest as unknown as Json) };
}

/**
 * Reads a manifest back. Throws `engine/newer-state` for one of a later version, which is not damaged but unknown; a plain Error
 * that says what is wrong for anything that this version did not write so.
 */
export function parseManifest(text: string, path: string): Manifest {
  const value: unknown = JSON.parse(text);
  const schema = typeof value === 'object' && value !== null && 'schema' in value ? value.schema : undefined;
  if (typeof schema === 'number' && schema > SCHEMA) {
    throw new SecpiError(
      'engine/newer-state',
      `${path} was written by a newer secpi (its schema is ${schema}, not ${SCHEMA})`,
      {
        hint: 'Use that version here, or give this one a state folder of its own with SECPI_HOME. Nothing was changed.',
      },
    );
  }
  const manifest = manifestSchema.parse(value);
  const { seal, ...sealed } = value as { readonly seal: Json } & Readonly<Record<string, Json>>;
  if (sha256Json(sealed) !== seal) throw new Error('it was changed after it was written');
  if (sha256Json(manifest.preimage) !== manifest.fingerprint) {
    throw new Error('its fingerprint does not follow from its preimage');
  }
  return manifest;
}
