import * as z from 'zod';
import { sha256Schema } from '../../base/hash.js';
import { type Json, jsonSchema } from '../../base/json.js';
import { hostFactsSchema } from '../host-facts.js';
import type { Input } from '../places/place.js';

/** How often a step is started: once, or once on each node of the job. */
export type JobLaunch = 'one' | 'per-node';

/** One program of a job. */
export interface JobStep {
  /** Letters, digits and dashes; unique in its job. One that ended well is passed over by later attempts. */
  readonly name: string;
  /**
   * For `per-node`, `{node}` is the node's number from 0 on, `{nodes}` how many there are, `{master}` and `{master_port}` an address on
   * the first of them.
   */
  readonly launch: JobLaunch;
  /** Program and arguments: never a line for a shell. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** JSON files that it reads, by name; `{job:NAME}` is where one stands. */
  readonly documents: Readonly<Record<string, Json>>;
  /** A JSON file that it leaves; what stands in it comes back with the job's end. */
  readonly result: string | null;
}

/** What is there once a job is done. */
export interface JobOutput {
  readonly name: string;
  readonly kind: 'file' | 'tree';
  /** Where a step leaves it. */
  readonly path: string;
}

/** What programs run in. */
export interface JobContainer {
  readonly engine: 'podman' | 'docker' | 'apptainer';
  /** Ends in `sha256:` and a digest. */
  readonly image: string;
  readonly gpus: boolean;
  /** Files and folders, where it runs, that programs may read besides the inputs. */
  readonly mounts: readonly string[];
  /** Programs inside make sandboxes of their own, for code that nobody trusts. */
  readonly sandboxes: boolean;
}

/**
 * Something that runs to its end somewhere. Its texts may hold placeholders, which are filled in where it runs: `{work}`, a folder that
 * stays from one attempt to the next; `{in:NAME}`, an input; `{job:NAME}`, a step's document; `{events}`, the file that takes events.
 */
export interface JobSpec {
  readonly steps: readonly JobStep[];
  /** What all its programs see of an environment, beside their own. */
  readonly env: Readonly<Record<string, string>>;
  /** Variables of the user's environment, where it runs, that they see too. */
  readonly inherit: readonly string[];
  /** Files or folders that do not change. */
  readonly inputs: Readonly<Record<string, Input>>;
  readonly outputs: readonly JobOutput[];
  /** How long a program that is told to stop may take to save what it has. */
  readonly graceSeconds: number;
  /** Null: on the machine itself. */
  readonly container: JobContainer | null;
  /**
   * It serves until it is stopped: `{host}` is the address to listen on, `{port}` a port that is free there. Where it does not end with
   * whoever started it, it ends by itself when it has not been renewed for so long.
   */
  readonly serves?: { readonly leaseSeconds: number };
}

/** Of an output: relative path, '' for an output that is one file. */
const fileSchema = z.object({ path: z.string(), bytes: z.int().nonnegative(), sha256: sha256Schema });

/** An output that stays where it was made, a folder: the host, and its path there. */
export const keptSchema = z.object({ machine: z.string(), path: z.string(), files: z.array(fileSchema) });
export type KeptOutput = z.infer<typeof keptSchema>;

const outputSchema = z.object({
  name: z.string(),
  kind: z.enum(['file', 'tree']),
  /** Absolute, where the job ran. */
  path: z.string(),
  files: z.array(fileSchema),
});

/** How an attempt ended, as its supervisor wrote it; nothing else proves that one did. */
export const exitSchema = z.object({
  schema: z.literal(1),
  outcome: z.enum(['done', 'failed', 'stopped']),
  /** The step that did not end well, and what it exited with: 128 and more is a signal. */
  step: z.string().optional(),
  code: z.int().optional(),
  /** Of a program that was told to stop: where it goes on from, as it counts; null if it saved nothing. */
  checkpointed: z.int().nullable().optional(),
  /** The kernel has killed it, or something beside it, because memory ran out. */
  out_of_memory: z.boolean().optional(),
  error: z.object({ code: z.string(), message: z.string(), hint: z.string().optional() }).optional(),
  /** What each step left as its result. */
  results: z.record(z.string(), jsonSchema).default({}),
  outputs: z.array(outputSchema).default([]),
});
export type JobExit = z.infer<typeof exitSchema>;

/** A port of some machine. */
export interface Address {
  readonly host: string;
  readonly port: number;
}
const addressSchema = z.object({ host: z.string(), port: z.int().positive() });

/** What an agent says, a line each. */
export const agentLineSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('state'),
    state: z.enum(['new', 'waiting', 'running', 'exited', 'lost']),
    /** What it waits for, as the queue calls it. */
    why: z.string().optional(),
    exit: exitSchema.optional(),
    /** Where a service listens, seen from its machine; said as long as it runs. */
    address: addressSchema.optional(),
  }),
  /**
   * Whole lines of what the job printed (`log`) or reported (`events`); `offset` is the byte behind them. `dropped_bytes` are those of a
   * line that was too long to be told.
   */
  z.object({
    type: z.enum(['log', 'events']),
    offset: z.int().nonnegative(),
    text: z.string(),
    dropped_bytes: z.int().positive().optional(),
  }),
  z.object({
    type: z.literal('found'),
    here: z.boolean(),
    folder: z.string(),
    free_bytes: z.number(),
    rsync: z.boolean(),
  }),
  /** Where it lies from now on, absolute. */
  z.object({ type: z.literal('kept'), path: z.string() }),
  /** How much of each file is there already, of those that are to be brought. */
  z.object({ type: z.literal('has'), bytes: z.array(z.int().nonnegative()) }),
  /** From here on it says nothing but the bytes of files. */
  z.object({ type: z.literal('sending') }),
  hostFactsSchema,
  /** One thing that lies below the root of a target. */
  z.object({
    type: z.literal('stored'),
    kind: z.string(),
    name: z.string(),
    bytes: z.int().nonnegative(),
    /** Nobody needs it any more. */
    garbage: z.boolean(),
    removed: z.boolean(),
  }),
  z.object({ type: z.literal('packages'), wrong: z.array(z.string()) }),
  z.object({ type: z.literal('tested'), ok: z.boolean(), said: z.string() }),
  z.object({ type: z.literal('error'), code: z.string(), message: z.string(), hint: z.string().default('') }),
]);
export type AgentLine = z.infer<typeof agentLineSchema>;
export type AttemptState = Extract<AgentLine, { type: 'state' }>;
