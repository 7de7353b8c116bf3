/** What of a training decides how much memory and arithmetic it takes; the recipe's words for it. */
export interface TrainingSetup {
  readonly method: 'lora' | 'qlora' | 'full';
  /** Of the adapter; not looked at by `full`. */
  readonly lora: { readonly rank: number; readonly targets: 'all-linear' | readonly string[] };
  readonly optimizer: 'adamw' | 'adamw_8bit';
  readonly dtype: 'float32' | 'bfloat16';
  /** Tokens of a sequence, at most. */
  readonly tokens: number;
  /** Sequences of one forward pass on one GPU. */
  readonly batchSize: number;
  /** Forward passes of an optimiser step. */
  readonly accumulation: number;
  /** Several rows share a sequence. */
  readonly packing: boolean;
  /** `plain` holds the logits of a whole sequence, the others those of a piece. */
  readonly loss: 'chunked' | 'plain' | 'liger';
  readonly attention: 'eager' | 'sdpa' | 'flash_attention_2';
  readonly gradientCheckpointing: boolean;
  /** GPUs, over all nodes. */
  readonly ranks: number;
  readonly strategy: 'ddp' | 'fsdp' | 'zero3';
  /** Weights, gradients and what the optimiser remembers wait in the host's memory; for `fsdp` and `zero3`. */
  readonly offload: boolean;
}

/** Whether each GPU holds only its share of weights, gradients and what the optimiser remembers. */
export function isSharded({ strategy }: TrainingSetup): boolean {
  return strategy !== 'ddp';
}

/** Bytes of a number that is computed with. */
export function computeBytes({ dtype }: Pick<TrainingSetup, 'dtype'>): number {
  return dtype === 'bfloat16' ? 2 : 4;
}

/** float32 adapters are converted for every product; those of QLoRA, and with ZeRO-3, have the base's type. */
export function convertsAdapter({ method, dtype, strategy }: TrainingSetup): boolean {
  return method === 'lora' && dtype === 'bfloat16' && strategy !== 'zero3';
}
