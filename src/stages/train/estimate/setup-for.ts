import type { Hardware } from '../../../compute/hardware.js';
import { worldOf } from '../../../compute/ranks.js';
import { accumulationOf, type TrainSpec } from '../spec.js';
import { strategyFor } from './fit.js';
import type { TrainingSetup } from './memory/training-setup.js';
import type { ModelShape } from './model/model-shape.js';

/** What a recipe's settings come to on that hardware; with `auto`, PyTorch's own attention and what fits. */
export function setupFor(spec: TrainSpec, shape: ModelShape, { card, device, ranks: of }: Hardware): TrainingSetup {
  const { parallel } = spec;
  const ranks = worldOf(of);
  const rest = {
    method: spec.method,
    lora: spec.lora,
    optimizer: spec.optimizer,
    dtype: spec.dtype,
    tokens: spec.max_tokens,
    batchSize: spec.batch_size,
    accumulation: accumulationOf(spec, ranks),
    packing: spec.packing,
    loss: spec.loss,
    attention: spec.attention === 'auto' ? 'sdpa' : spec.attention,
    gradientCheckpointing: spec.gradient_checkpointing,
    ranks,
    // A single process holds everything.
    offload: parallel.offload && ranks > 1,
  } as const;
  if (parallel.strategy !== 'auto' && ranks > 1) return { ...rest, strategy: parallel.strategy };
  return { ...rest, strategy: device === 'cpu' ? 'ddp' : strategyFor(shape, rest, card) };
}
