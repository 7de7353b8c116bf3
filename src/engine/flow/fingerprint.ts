import { type Sha256, sha256Json } from '../../base/hash.js';
import type { Json } from '../../base/json.js';

/** Everything that decides the bytes of an artifact. Readable on purpose: `secpi why` compares two of these. */
export interface Preimage {
  /** Two stages with the same params make different things. */
  readonly stage: string;
  /** Raised when the stage's code would give other bytes. */
  readonly version: number;
  /** The recipe's part, without what only says how to run. */
  readonly params: Json;
  /** Every random choice follows from it; left out for stages that make none. */
  readonly seed?: number;
  /** Content of the inputs, not how they came about: an upstream stage that gives the same bytes again changes nothing here. */
  readonly inputs: Readonly<Record<string, InputContent>>;
  /** Facts from outside: dataset commits, model identity, hashes of prompts, the environment that computes. */
  readonly pins: Readonly<Record<string, Json>>;
}

/** The digest of all of an artifact; where the stage reads only some of its files, the hash of each by its name. */
export type InputContent = Sha256 | Readonly<Record<string, Sha256>>;

/** The name of an artifact: SHA-256 of its preimage's canonical JSON. */
export function fingerprintOf(preimage: Preimage): Sha256 {
  return sha256Json(preimageJson(preimage));
}

/** The preimage as it stands in the manifest. */
export function preimageJson(preimage: Preimage): Json {
  const { stage, version, params, seed, inputs, pins } = preimage;
  return { stage, version, params, ...(seed === undefined ? {} : { seed }), inputs, pins };
}
