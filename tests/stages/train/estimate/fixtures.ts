import { CARDS, type CardName } from '../../../../src/compute/cards.js';
import type { Hardware } from '../../../../src/compute/hardware.js';
import type { TrainingSetup } from '../../../../src/stages/train/estimate/memory/training-setup.js';
import { readModelShape } from '../../../../src/stages/train/estimate/model/model-shape.js';
import { trainParams } from '../../../../src/stages/train/train.js';

/** What of QwQ-32B's `config.json` counts. */
export const qwqConfig = {
  model_type: 'qwen2',
  num_hidden_layers: 64,
  hidden_size: 5120,
  num_attention_heads: 40,
  num_key_value_heads: 8,
  intermediate_size: 27_648,
  vocab_size: 152_064,
  tie_word_embeddings: false,
};

export const qwq = readModelShape(qwqConfig);

export const setup: TrainingSetup = {
  method: 'lora',
  lora: { rank: 32, targets: 'all-linear' },
  optimizer: 'adamw',
  dtype: 'bfloat16',
  tokens: 8192,
  batchSize: 1,
  accumulation: 8,
  packing: false,
  loss: 'chunked',
  attention: 'sdpa',
  gradientCheckpointing: true,
  ranks: 1,
  strategy: 'ddp',
  offload: false,
};

/** A recipe's `train`, as it is read. */
export function params(changes: Readonly<Record<string, unknown>> = {}) {
  return trainParams.parse({
    max_tokens: 8192,
    gradient_accumulation: 8,
    ...('steps' in changes ? {} : { epochs: 2 }),
    ...changes,
  });
}

/** So many of a card in one machine. */
export function hardware(card: CardName | undefined, gpus = 1, more: Partial<Hardware> = {}): Hardware {
  return {
    device: 'cuda',
    card: card === undefined ? undefined : CARDS[card],
    ranks: { perNode: gpus, nodes: 1 },
    pricePerGpuHour: undefined,
    idleGpus: 0,
    isContainer: false,
    ...more,
  };
}
