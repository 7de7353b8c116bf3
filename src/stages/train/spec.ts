import * as z from 'zod';

/**
 * What a training is, whoever carries it out. The one list of its settings: the recipe's `train` is this and where it runs, a trainer's job
 * holds it as it stands, and `TrainSpec` in `trainers/secpi_trainers/training/asked/spec.py` is compared with it by a test.
 */
const trainSpecSchema = z.strictObject({
  /** The backend. The same settings mean the same under both. */
  trainer: z.enum(['trl', 'axolotl']).default('trl'),
  /** `lora` trains an adapter, `qlora` one on 4-bit weights (only in a container whose image has bitsandbytes, on CUDA), `full` all weights. */
  method: z.enum(['lora', 'qlora', 'full']).default('lora'),
  lora: z
    .strictObject({
      rank: z.number().int().positive().default(32),
      alpha: z.number().positive().default(64),
      dropout: z.number().min(0).lt(1).default(0),
      targets: z.union([z.literal('all-linear'), z.array(z.string()).min(1)]).default('all-linear'),
    })
    .prefault({}),
  /** Rows longer than this many tokens are dropped and counted, never cut; with `packing`, the length of a sequence. */
  max_tokens: z.number().int().positive().default(16_384),
  /** Passes over the samples; `steps` instead fixes the number of optimiser steps. */
  epochs: z.number().positive().optional(),
  steps: z.number().int().positive().optional(),
  /** Several rows in a sequence of at most `max_tokens`, each whole, none of which sees another. */
  packing: z.boolean().default(false),
  /** Rows per forward pass and GPU; with `packing`, sequences: 1. */
  batch_size: z.number().int().positive().default(1),
  /** Forward passes per optimiser step and GPU; default: 1. */
  gradient_accumulation: z.number().int().positive().optional(),
  /** Instead of it, with `packing`: tokens per optimiser step, over all GPUs, prompts among them. */
  batch_tokens: z.number().int().positive().optional(),
  learning_rate: z.number().positive().default(1e-4),
  scheduler: z.enum(['cosine', 'linear', 'constant']).default('cosine'),
  /** What the cosine ends at, as a share of `learning_rate`. */
  minimum_rate: z.number().min(0).lt(1).default(0),
  /** Steps in which the rate rises from 0; default: none. */
  warmup_steps: z.number().int().nonnegative().optional(),
  /** Instead of it: their share of all steps. */
  warmup_ratio: z.number().min(0).lt(1).optional(),
  /** `adamw_8bit` keeps two bytes a weight instead of eight, and needs bitsandbytes. */
  optimizer: z.enum(['adamw', 'adamw_8bit']).default('adamw'),
  adam: z
    .strictObject({
      beta1: z.number().min(0).lt(1).default(0.9),
      beta2: z.number().min(0).lt(1).default(0.999),
      epsilon: z.number().positive().default(1e-8),
    })
    .prefault({}),
  weight_decay: z.number().nonnegative().default(0),
  /** A gradient that is longer is shortened to it. */
  max_grad_norm: z.number().positive().default(1),
  /** `chunked` never holds the logits of a whole row, `plain` does; `liger` is the kernels of that package. */
  loss: z.enum(['chunked', 'plain', 'liger']).default('chunked'),
  /** `auto`: the kernels of flash-attn where they are installed, on a GPU and in bfloat16, else PyTorch's own. */
  attention: z.enum(['auto', 'eager', 'sdpa', 'flash_attention_2']).default('auto'),
  dtype: z.enum(['float32', 'bfloat16']).default('bfloat16'),
  /** Computes activations a second time instead of keeping them. */
  gradient_checkpointing: z.boolean().default(true),
  /** Measures the loss on what is set aside (`holdout`) every so many steps, not at the end alone. */
  evaluate_every_steps: z.number().int().positive().optional(),
  /** Ends when that loss was no lower so many times in a row. The weights are those of that step. */
  patience: z.number().int().positive().optional(),
  /** The result is the average of the weights in the last so many checkpoints, one every `save_every_steps` and one at the end. */
  average_checkpoints: z.number().int().min(2).optional(),
  /** How several GPUs share the work. */
  parallel: z
    .strictObject({
      /** `ddp`: each holds all of it; `fsdp` and `zero3`: each holds a part. `auto`: by method, model and card. */
      strategy: z.enum(['auto', 'ddp', 'fsdp', 'zero3']).default('auto'),
      /** With `fsdp` and `zero3`: what is not in use waits in the host's memory. */
      offload: z.boolean().default(false),
    })
    .prefault({}),
  /** Settings of the trainer itself, handed to it as they stand once it has said that it knows them. */
  extra: z.record(z.string(), z.unknown()).default({}),
});
export const trainSpecFields = trainSpecSchema.shape;
export type TrainSpec = z.infer<typeof trainSpecSchema>;

/** The settings of a training among the parameters of its stage. */
export function specOf(params: TrainSpec): TrainSpec {
  const names = Object.keys(trainSpecFields) as (keyof TrainSpec)[];
  return Object.fromEntries(
    names.flatMap((name) => (params[name] === undefined ? [] : [[name, params[name]]])),
  ) as TrainSpec;
}

/** What does not go together, in a sentence each, and the field that it is said of. `TrainSpec` of the trainers says the same. */
export function trainSpecProblems(spec: TrainSpec): readonly (readonly [keyof TrainSpec, string])[] {
  const { epochs, steps, packing, gradient_accumulation, batch_tokens, warmup_steps, warmup_ratio } = spec;
  const problems: readonly (readonly [boolean, keyof TrainSpec, string])[] = [
    [(epochs === undefined) === (steps === undefined), 'epochs', 'give either epochs or steps'],
    [
      gradient_accumulation !== undefined && batch_tokens !== undefined,
      'batch_tokens',
      'give either gradient_accumulation or batch_tokens',
    ],
    [
      batch_tokens !== undefined && !packing,
      'batch_tokens',
      'needs packing: without it the tokens of a step are as many as its rows have',
    ],
    [packing && spec.batch_size > 1, 'batch_size', 'is 1 with packing: a sequence is full'],
    [
      warmup_steps !== undefined && warmup_ratio !== undefined,
      'warmup_ratio',
      'give either warmup_steps or warmup_ratio',
    ],
    [spec.minimum_rate > 0 && spec.scheduler !== 'cosine', 'minimum_rate', 'goes with the scheduler cosine'],
    [
      spec.patience !== undefined && spec.evaluate_every_steps === undefined,
      'patience',
      'counts evaluations: give evaluate_every_steps',
    ],
  ];
  return [...problems, ...parallelProblems(spec)].flatMap(([isSo, field, sentence]) =>
    isSo ? [[field, sentence] as const] : [],
  );
}

/** What GPUs cannot share in any number. */
function parallelProblems({ method, parallel }: TrainSpec): readonly (readonly [boolean, keyof TrainSpec, string])[] {
  const { strategy, offload } = parallel;
  const isSplit = strategy === 'fsdp' || strategy === 'zero3';
  return [
    [
      method === 'qlora' && isSplit,
      'parallel',
      '4-bit weights are not split among GPUs: leave strategy out with qlora',
    ],
    [
      offload && (method === 'qlora' || strategy === 'ddp'),
      'parallel',
      'offload goes with weights that are split: fsdp or zero3, and no qlora',
    ],
  ];
}

/**
 * Forward passes of one GPU in an optimiser step: with `batch_tokens` as many as it takes for all GPUs to see so many tokens, full sequences
 * taken for granted.
 */
export function accumulationOf(spec: TrainSpec, ranks: number): number {
  if (spec.batch_tokens === undefined) return spec.gradient_accumulation ?? 1;
  return Math.ceil(spec.batch_tokens / (spec.max_tokens * ranks));
}
