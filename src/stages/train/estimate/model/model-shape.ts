import * as z from 'zod';
import { SecpiError } from '../../../../base/errors.js';
import { dataProblem } from '../../../../base/zod-message.js';

/** What of a decoder's `config.json` decides its memory and its arithmetic. */
export interface ModelShape {
  readonly layers: number;
  readonly hidden: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly mlp: number;
  readonly vocabulary: number;
  /** Whether output and input share one matrix. */
  readonly tied: boolean;
  /** Biases of q, k and v; of o; of the three matrices of the feed-forward part. */
  readonly bias: { readonly qkv: boolean; readonly o: boolean; readonly mlp: boolean };
  /** Queries and keys are normalised per head, as in Qwen3. */
  readonly headNorms: boolean;
  /** Layers in which a token sees so many before it at most. */
  readonly window?: { readonly tokens: number; readonly layers: number };
}

/** A config comes with a model, which may be a stranger's. */
const size = z.number().int().positive().max(1e7);

/** Other keys say nothing about size. */
const configSchema = z.looseObject({
  model_type: z.string(),
  num_hidden_layers: size.max(10_000),
  hidden_size: size,
  num_attention_heads: size,
  num_key_value_heads: size.nullish(),
  head_dim: size.nullish(),
  intermediate_size: size,
  vocab_size: size,
  tie_word_embeddings: z.boolean().nullish(),
  attention_bias: z.boolean().nullish(),
  mlp_bias: z.boolean().nullish(),
  sliding_window: size.nullish(),
  use_sliding_window: z.boolean().nullish(),
  max_window_layers: z.number().int().nonnegative().nullish(),
  layer_types: z.array(z.string()).nullish(),
});
type Config = z.infer<typeof configSchema>;

/** Decoders that differ in nothing but sizes, biases and norms. */
const KINDS = ['qwen2', 'qwen3', 'llama', 'mistral'] as const;
type Kind = (typeof KINDS)[number];

/** What a config of that kind means that leaves these out, in transformers 5.18. */
const LEFT_OUT: Readonly<Record<Kind, Partial<Config>>> = {
  qwen2: { num_key_value_heads: 32, max_window_layers: 28 },
  qwen3: { num_key_value_heads: 32, max_window_layers: 28, head_dim: 128 },
  llama: {},
  mistral: { num_key_value_heads: 8, sliding_window: 4096 },
};

/**
 * Reads a `config.json`. Throws `train/model-not-planned` for what the planner knows no arithmetic for, such as mixtures of experts, and for a
 * config that makes no sense.
 */
export function readModelShape(config: unknown): ModelShape {
  const kind = kindOf(config);
  const known = KINDS.find((name) => name === kind);
  if (known === undefined) {
    throw notPlanned(
      kind === undefined ? 'its config names no model_type' : `"${kind}" is no architecture that is known here`,
    );
  }
  const parsed = configSchema.safeParse({ ...LEFT_OUT[known], ...(config as object) });
  if (!parsed.success) throw notPlanned(`its config makes no sense: ${dataProblem(parsed.error)}`);
  const {
    num_hidden_layers: layers,
    hidden_size: hidden,
    num_attention_heads: heads,
    intermediate_size: mlp,
    vocab_size: vocabulary,
    attention_bias,
    mlp_bias,
  } = parsed.data;
  const kvHeads = parsed.data.num_key_value_heads ?? heads;
  return {
    layers,
    hidden,
    heads,
    kvHeads,
    headDim: parsed.data.head_dim ?? Math.floor(hidden / heads),
    mlp,
    vocabulary,
    tied: parsed.data.tie_word_embeddings ?? false,
    bias: {
      qkv: kind === 'qwen2' || (kind !== 'mistral' && (attention_bias ?? false)),
      o: kind !== 'qwen2' && kind !== 'mistral' && (attention_bias ?? false),
      mlp: kind === 'llama' && (mlp_bias ?? false),
    },
    headNorms: kind === 'qwen3',
    ...windowOf(known, parsed.data),
  };
}

function windowOf(kind: Kind, config: Config): Pick<ModelShape, 'window'> {
  const { sliding_window: tokens, use_sliding_window, max_window_layers, layer_types, num_hidden_layers } = config;
  if (tokens == null || kind === 'llama' || (kind !== 'mistral' && use_sliding_window !== true)) return {};
  if (kind === 'mistral') return { window: { tokens, layers: num_hidden_layers } };
  const named = layer_types?.filter((type) => type === 'sliding_attention').length;
  const layers = named ?? Math.max(0, num_hidden_layers - (max_window_layers ?? 0));
  return layers === 0 ? {} : { window: { tokens, layers } };
}

/** The architecture that a config names. Throws for a mixture of experts, whose sentence differs. */
function kindOf(config: unknown): string | undefined {
  if (typeof config !== 'object' || config === null) return undefined;
  const { model_type } = config as { readonly model_type?: unknown };
  const experts = ['num_experts', 'num_local_experts', 'n_routed_experts'].some(
    (key) => Number((config as Readonly<Record<string, unknown>>)[key]) > 1,
  );
  if (experts || (typeof model_type === 'string' && model_type.includes('moe'))) {
    throw notPlanned('it is a mixture of experts, of which each token uses a part');
  }
  return typeof model_type === 'string' ? model_type.slice(0, 60) : undefined;
}

function notPlanned(why: string): SecpiError {
  return new SecpiError('train/model-not-planned', `memory and time of this model cannot be planned: ${why}`, {
    hint: `Dense models of the kinds ${KINDS.join(', ')} can. Training itself may work all the same.`,
  });
}

/** One matrix of a layer. */
export interface Matrix {
  readonly name: string;
  readonly input: number;
  readonly output: number;
  readonly bias: boolean;
}

/** The matrices of one layer, by the names that adapters use. */
export function layerMatrices(shape: ModelShape): readonly Matrix[] {
  const { hidden, heads, kvHeads, headDim, mlp, bias } = shape;
  const [query, keys] = [heads * headDim, kvHeads * headDim];
  return [
    { name: 'q_proj', input: hidden, output: query, bias: bias.qkv },
    { name: 'k_proj', input: hidden, output: keys, bias: bias.qkv },
    { name: 'v_proj', input: hidden, output: keys, bias: bias.qkv },
    { name: 'o_proj', input: query, output: hidden, bias: bias.o },
    { name: 'gate_proj', input: hidden, output: mlp, bias: bias.mlp },
    { name: 'up_proj', input: hidden, output: mlp, bias: bias.mlp },
    { name: 'down_proj', input: mlp, output: hidden, bias: bias.mlp },
  ];
}

/** Numbers of a model, by where they are. */
export interface Parameters {
  /** In the matrices of one layer. */
  readonly layerMatrices: number;
  /** One layer's biases and norms. */
  readonly layerRest: number;
  /** The input's matrix; the output's is the same one where both are tied. */
  readonly embedding: number;
  readonly total: number;
}

/** How many numbers the model has. */
export function parametersOf(shape: ModelShape): Parameters {
  const { layers, hidden, headDim, vocabulary, tied, headNorms } = shape;
  const matrices = layerMatrices(shape);
  const inMatrices = sum(matrices.map(({ input, output }) => input * output));
  const layerRest =
    sum(matrices.map(({ bias, output }) => (bias ? output : 0))) + 2 * hidden + (headNorms ? 2 * headDim : 0);
  const embedding = vocabulary * hidden;
  return {
    layerMatrices: inMatrices,
    layerRest,
    embedding,
    total: layers * (inMatrices + layerRest) + hidden + embedding * (tied ? 1 : 2),
  };
}

/** The matrices of one layer that an adapter sits on. */
export function adapted(shape: ModelShape, targets: 'all-linear' | readonly string[]): readonly Matrix[] {
  const matrices = layerMatrices(shape);
  return targets === 'all-linear' ? matrices : matrices.filter(({ name }) => targets.includes(name));
}

/** How many numbers an adapter of this rank has. */
export function adapterParameters(shape: ModelShape, rank: number, targets: 'all-linear' | readonly string[]): number {
  return shape.layers * rank * sum(adapted(shape, targets).map(({ input, output }) => input + output));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
