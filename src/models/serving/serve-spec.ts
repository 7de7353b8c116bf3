import * as z from 'zod';
import type { Json } from '../../base/json.js';
import { operational } from '../../engine/operational.js';
import { inputPath } from '../../recipe/field.js';

/**
 * Flags of `vllm serve` that a recipe may give. A recipe may come from a stranger, and others of them load code (`--trust-remote-code`,
 * `--middleware`, `--tool-parser-plugin`), read files (`--config`, `--chat-template`) or undo what is promised here (`--api-key`, `--host`).
 */
const ALLOWED_FLAGS = [
  'attention-backend',
  'block-size',
  'cpu-offload-gb',
  'data-parallel-size',
  'disable-custom-all-reduce',
  'enable-chunked-prefill',
  'no-enable-chunked-prefill',
  'enable-expert-parallel',
  'enable-prefix-caching',
  'no-enable-prefix-caching',
  'enforce-eager',
  'gpu-memory-utilization',
  'kv-cache-dtype',
  'max-num-batched-tokens',
  'max-num-seqs',
  'pipeline-parallel-size',
  'quantization',
  'reasoning-parser',
  'seed',
] as const;

const flag = z
  .string()
  .regex(/^--[a-z][a-z-]*(?:=[A-Za-z0-9._-]+)?$/, 'must be `--name` or `--name=value`, a plain word each')
  .refine((text) => ALLOWED_FLAGS.some((name) => text === `--${name}` || text.startsWith(`--${name}=`)), {
    error: `is no flag that a recipe may give; those are: ${ALLOWED_FLAGS.map((name) => `--${name}`).join(', ')}`,
  });

const serveFields = z.strictObject({
  /** `transformers`: our own server, with the pinned packages, for small models. `vllm`: for everything else. */
  engine: z.enum(['transformers', 'vllm']),
  /** The version of vLLM that has to answer there. */
  version: z
    .string()
    .regex(/^[0-9][A-Za-z0-9.+]*$/, 'must be a version such as 0.33.0')
    .optional(),
  /** Type of the weights; `auto`: as they are stored. */
  dtype: z.enum(['auto', 'float32', 'float16', 'bfloat16']).default('auto'),
  /** Longest prompt and answer together, in tokens; default: what the model's own settings say. Only vLLM. */
  max_model_len: z.number().int().positive().optional(),
  /** Whether settings that a question leaves open come from the `model`'s `generation_config.json` or are those of the `engine`. */
  generation_config: z.enum(['model', 'engine']).default('model'),
  /** Further flags for `vllm serve`, as they are: `--name` or `--name=value`. Only those that load no code. */
  extra: z.array(flag).default([]),
  /** GPUs that share the model. Only vLLM. */
  tensor_parallel: operational(z.number().int().positive().max(64).default(1)),
  /** The `vllm` program where it runs: a name on the search path, or an absolute path. */
  program: operational(
    z
      .string()
      .regex(/^[A-Za-z0-9_./@%+=,-]+$/, 'must be a name or a path without blanks')
      .default('vllm'),
  ),
  /** How long the server may take to load the model. */
  start_timeout_seconds: operational(
    z
      .number()
      .positive()
      .max(24 * 3600)
      .default(1800),
  ),
});

/** How a server computes answers. Everything but the operational fields decides them. */
export const serveSchema = serveFields.superRefine(checkEngine);
export type ServeSpec = z.infer<typeof serveSchema>;

/** The same for an entry of `models`, which also says what is served and where. */
export const modelServeSchema = serveFields
  .extend({
    /** Where: a name under `compute`; default: this machine. */
    on: operational(z.string().optional()),
    /** A model folder on this machine; otherwise `model` is taken from the Hub, by vLLM itself. Its content counts, not its place. */
    folder: operational(inputPath().optional()),
  })
  .superRefine(checkEngine);

function checkEngine(spec: z.infer<typeof serveFields>, context: z.core.$RefinementCtx): void {
  const complain = (path: string, message: string) =>
    context.addIssue({ code: 'custom', path: [path], message, input: spec });
  if (spec.engine === 'vllm') {
    if (spec.version === undefined) complain('version', 'must be given for vLLM: another version answers otherwise');
    return;
  }
  const only = 'is for the engine `vllm` only';
  if (spec.version !== undefined) complain('version', 'is for vLLM only: `transformers` is pinned by secpi itself');
  if (spec.max_model_len !== undefined) complain('max_model_len', only);
  if (spec.generation_config === 'engine') complain('generation_config', `\`engine\` ${only}`);
  if (spec.extra.length > 0) complain('extra', only);
  if (spec.tensor_parallel !== 1) complain('tensor_parallel', only);
  if (spec.dtype === 'float16') complain('dtype', `\`float16\` ${only}`);
}

/** What our own server computes with where a recipe says nothing. */
export const defaultServe: ServeSpec = serveSchema.parse({ engine: 'transformers' });

/**
 * What decides the answers of a server, apart from the weights. Not in it: where it runs, on how many GPUs, how long it takes to
 * start. `python` is what decides them where our own Python code computes.
 */
export async function servingEnvironment(serve: ServeSpec, python: () => Promise<Json>): Promise<Json> {
  const { engine, version, dtype, max_model_len, generation_config, extra } = serve;
  if (engine === 'vllm') {
    return { engine, version: version ?? '', dtype, max_model_len: max_model_len ?? null, generation_config, extra };
  }
  const computes = await python();
  return dtype === 'auto' ? computes : { computes, dtype };
}
