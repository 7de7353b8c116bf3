/** Sizes in the order of the columns below. */
type Sizes = readonly [number, number, number, number, number, number, boolean];

const config = (model_type: string, [layers, hidden, heads, kvHeads, mlp, vocabulary, tied]: Sizes) => ({
  model_type,
  num_hidden_layers: layers,
  hidden_size: hidden,
  num_attention_heads: heads,
  num_key_value_heads: kvHeads,
  intermediate_size: mlp,
  vocab_size: vocabulary,
  tie_word_embeddings: tied,
});

const qwen2 = (sizes: Sizes) => config('qwen2', sizes);
const qwen3 = (sizes: Sizes) => ({ ...config('qwen3', sizes), head_dim: 128 });
const llama = (sizes: Sizes) => config('llama', sizes);
const mistral = (sizes: Sizes, window: number | null) => ({ ...config('mistral', sizes), sliding_window: window });

// layers, hidden, heads, key and value heads, feed-forward, vocabulary, tied.
const qwen25 = {
  '0.5B': [24, 896, 14, 2, 4864, 151_936, true],
  '1.5B': [28, 1536, 12, 2, 8960, 151_936, true],
  '3B': [36, 2048, 16, 2, 11_008, 151_936, true],
  '7B': [28, 3584, 28, 4, 18_944, 152_064, false],
  '14B': [48, 5120, 40, 8, 13_824, 152_064, false],
  '32B': [64, 5120, 40, 8, 27_648, 152_064, false],
} as const satisfies Readonly<Record<string, Sizes>>;

const qwen25Largest = [80, 8192, 64, 8, 29_568, 152_064, false] as const satisfies Sizes;

const qwen3Sizes = {
  '0.6B': [28, 1024, 16, 8, 3072, 151_936, true],
  '1.7B': [28, 2048, 16, 8, 6144, 151_936, true],
  '4B': [36, 2560, 32, 8, 9728, 151_936, true],
  '8B': [36, 4096, 32, 8, 12_288, 151_936, false],
  '14B': [40, 5120, 40, 8, 17_408, 151_936, false],
  '32B': [64, 5120, 64, 8, 25_600, 151_936, false],
} as const satisfies Readonly<Record<string, Sizes>>;

const llama31 = {
  '8B': [32, 4096, 32, 8, 14_336, 128_256, false],
  '70B': [80, 8192, 64, 8, 28_672, 128_256, false],
} as const satisfies Readonly<Record<string, Sizes>>;

const mistral7 = (vocabulary: number) => [32, 4096, 32, 8, 14_336, vocabulary, false] as const satisfies Sizes;

/**
 * Sizes of the models that recipes name most, as their `config.json` on the Hub gives them, so that a training can be planned before anything
 * is fetched. A base that is there is looked at itself. How many parameters each has, transformers says too (trainers/tests/test_planned_models.py).
 */
export const KNOWN_MODELS: ReadonlyMap<string, Readonly<Record<string, unknown>>> = new Map<
  string,
  Readonly<Record<string, unknown>>
>([
  ['Qwen/QwQ-32B', qwen2(qwen25['32B'])],
  ...Object.entries(qwen25).flatMap(([size, sizes]) =>
    ['Qwen2.5', 'Qwen2.5-Coder'].flatMap((family) =>
      ['', '-Instruct'].map((kind) => [`Qwen/${family}-${size}${kind}`, qwen2(sizes)] as const),
    ),
  ),
  ...['', '-Instruct'].map((kind) => [`Qwen/Qwen2.5-72B${kind}`, qwen2(qwen25Largest)] as const),
  ...Object.entries(qwen3Sizes).map(([size, sizes]) => [`Qwen/Qwen3-${size}`, qwen3(sizes)] as const),
  // Its base has the sizes of the 1.5B, and its output is a matrix of its own.
  ['deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B', { ...qwen2(qwen25['1.5B']), tie_word_embeddings: false }],
  ...(['7B', '14B', '32B'] as const).map(
    (size) => [`deepseek-ai/DeepSeek-R1-Distill-Qwen-${size}`, qwen2(qwen25[size])] as const,
  ),
  ...(['8B', '70B'] as const).flatMap((size) =>
    [`meta-llama/Llama-3.1-${size}`, `meta-llama/Llama-3.1-${size}-Instruct`, distilled(size)].map(
      (name) => [name, llama(llama31[size])] as const,
    ),
  ),
  ['mistralai/Mistral-7B-v0.1', mistral(mistral7(32_000), 4096)],
  ['mistralai/Mistral-7B-Instruct-v0.2', mistral(mistral7(32_000), null)],
  ...['', '-Instruct'].map((kind) => [`mistralai/Mistral-7B${kind}-v0.3`, mistral(mistral7(32_768), null)] as const),
]);

function distilled(size: string): string {
  return `deepseek-ai/DeepSeek-R1-Distill-Llama-${size}`;
}
