import { readModelShape } from '../../../../src/stages/train/estimate/model-shape.js';
import type { TrainingSetup } from '../../../../src/stages/train/estimate/training-setup.js';

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
