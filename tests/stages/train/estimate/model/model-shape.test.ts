import { describe, expect, it } from 'vitest';
import { flopsPerToken } from '../../../../../src/stages/train/estimate/flops.js';
import {
  adapterParameters,
  parametersOf,
  readModelShape,
} from '../../../../../src/stages/train/estimate/model/model-shape.js';
import { qwq, qwqConfig, setup } from '../fixtures.js';

/** Sizes of public models, and how many parameters their cards give. */
const models = {
  'QwQ-32B': [qwqConfig, 32.76e9],
  'Qwen2.5-1.5B': [
    {
      ...qwqConfig,
      num_hidden_layers: 28,
      hidden_size: 1536,
      num_attention_heads: 12,
      num_key_value_heads: 2,
      intermediate_size: 8960,
      vocab_size: 151_936,
      tie_word_embeddings: true,
    },
    1.54e9,
  ],
  'Qwen2.5-7B': [
    {
      ...qwqConfig,
      num_hidden_layers: 28,
      hidden_size: 3584,
      num_attention_heads: 28,
      num_key_value_heads: 4,
      intermediate_size: 18_944,
    },
    7.62e9,
  ],
  'Qwen3-8B': [
    {
      model_type: 'qwen3',
      num_hidden_layers: 36,
      hidden_size: 4096,
      num_attention_heads: 32,
      num_key_value_heads: 8,
      head_dim: 128,
      intermediate_size: 12_288,
      vocab_size: 151_936,
      tie_word_embeddings: false,
    },
    8.19e9,
  ],
  'Llama-3.1-8B': [
    {
      model_type: 'llama',
      num_hidden_layers: 32,
      hidden_size: 4096,
      num_attention_heads: 32,
      num_key_value_heads: 8,
      intermediate_size: 14_336,
      vocab_size: 128_256,
      tie_word_embeddings: false,
    },
    8.03e9,
  ],
  'Mistral-7B': [
    {
      model_type: 'mistral',
      num_hidden_layers: 32,
      hidden_size: 4096,
      num_attention_heads: 32,
      num_key_value_heads: 8,
      intermediate_size: 14_336,
      vocab_size: 32_000,
    },
    7.24e9,
  ],
} as const;

describe('a model read from its config.json', () => {
  it.each(Object.entries(models))('%s has as many parameters as its card says', (_, [config, parameters]) => {
    expect(parametersOf(readModelShape(config)).total / parameters).toBeCloseTo(1, 2);
  });

  it('has an adapter of 8.39 million numbers for each rank in the case of QwQ-32B', () => {
    expect(adapterParameters(qwq, 16, 'all-linear') / 16).toBe(8_388_608);
    expect(adapterParameters(qwq, 1, ['q_proj', 'v_proj'])).toBe(64 * (2 * 5120 + 5120 + 1024));
  });

  it('has what transformers takes for granted where a config leaves it out', () => {
    const { num_key_value_heads: _, ...left } = qwqConfig;
    expect(readModelShape({ ...left, model_type: 'qwen3' })).toMatchObject({ headDim: 128, kvHeads: 32 });
    expect(readModelShape({ ...left, model_type: 'mistral' })).toMatchObject({ kvHeads: 8, window: { tokens: 4096 } });
    expect(readModelShape({ ...left, model_type: 'llama' })).toMatchObject({ kvHeads: 40 });
    expect(readModelShape({ ...qwqConfig, num_attention_heads: 39, model_type: 'llama' }).headDim).toBe(131);
  });

  it('has a window where one is used', () => {
    const windowOf = (more: object) => readModelShape({ ...qwqConfig, sliding_window: 1024, ...more }).window;
    expect(windowOf({})).toBeUndefined();
    expect(windowOf({ use_sliding_window: false })).toBeUndefined();
    expect(windowOf({ use_sliding_window: true })).toEqual({ tokens: 1024, layers: 36 });
    expect(windowOf({ use_sliding_window: true, max_window_layers: 64 })).toBeUndefined();
    const layer_types = ['full_attention', 'sliding_attention'];
    expect(windowOf({ use_sliding_window: true, layer_types })).toEqual({ tokens: 1024, layers: 1 });
    expect(windowOf({ model_type: 'mistral' })).toEqual({ tokens: 1024, layers: 64 });
    expect(windowOf({ model_type: 'mistral', sliding_window: null })).toBeUndefined();
    expect(windowOf({ model_type: 'llama' })).toBeUndefined();
  });

  it('looks no further than its window', () => {
    const windowed = readModelShape({ ...qwqConfig, model_type: 'mistral', sliding_window: 1024 });
    const plain = readModelShape({ ...qwqConfig, model_type: 'mistral', sliding_window: null });
    const of = (shape: typeof plain, length: number) => flopsPerToken(shape, setup, length);
    expect(of(windowed, 1024)).toBe(of(plain, 1024));
    // The first 1,024 tokens see half of that on average, and all others 1,024.
    expect(of(windowed, 8192)).toBeCloseTo(of(plain, (2 * (512 * 1024 + 1024 * 7168)) / 8192), -3);
  });

  it('is refused in a sentence where nothing is known of it', () => {
    const thrown = (config: unknown) => {
      try {
        readModelShape(config);
      } catch (error) {
        return error;
      }
      return undefined;
    };
    const code = 'train/model-not-planned';
    const experts = { ...qwqConfig, model_type: 'qwen3_moe', num_experts: 128 };
    expect(thrown(experts)).toMatchObject({ code, message: expect.stringContaining('a mixture of experts') });
    expect(thrown({ ...qwqConfig, num_local_experts: 8 })).toMatchObject({ code });
    expect(thrown({ ...qwqConfig, model_type: 'mamba' })).toMatchObject({
      message: expect.stringContaining('"mamba"'),
    });
    expect(thrown({ ...qwqConfig, hidden_size: '5120' })).toMatchObject({
      message: expect.stringContaining('hidden_size'),
    });
    for (const none of [null, 7, 'qwen2', []]) expect(thrown(none)).toMatchObject({ code });
    // Sizes that come from a stranger cannot keep anybody busy.
    expect(thrown({ ...qwqConfig, num_hidden_layers: 1e12 })).toMatchObject({ code });
  });
});
