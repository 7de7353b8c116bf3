import { adapted, type ModelShape } from '../model/model-shape.js';
import { computeBytes, convertsAdapter, isSharded, type TrainingSetup } from './training-setup.js';

/**
 * Bytes for each token, as PyTorch keeps them for the backward pass of the decoders in `transformers` 5.18 with adapters of PEFT 0.21 and
 * TRL 1.13. Counted by an allocation counter at shapes whose sizes all differ; trainers/tests/test_planned_memory.py compares.
 */

/** What one layer keeps of a token. */
export function savedPerToken(shape: ModelShape, setup: TrainingSetup): number {
  const { hidden, heads, mlp, headNorms } = shape;
  const [query, keys] = [shape.heads * shape.headDim, shape.kvHeads * shape.headDim];
  const bytes = computeBytes(setup);
  const full = setup.method === 'full';
  // Gate, its activation and up; rotated queries and keys, values, and what attention gives with its log-sums and those of both norms.
  const always = bytes * (3 * mlp + 2 * query + 2 * keys) + 4 * heads + 8;
  const perHead = headNorms ? (query + keys) * (full ? 4 + bytes : 4) : 0;
  return (
    always +
    perHead +
    (full ? savedByWeights(setup, hidden, mlp) : savedByAdapter(shape, setup)) +
    maskPerToken(shape, setup)
  );
}

/** Inputs of what is trained: with `full` of all matrices and norms. */
function savedByWeights(setup: TrainingSetup, hidden: number, mlp: number): number {
  if (setup.dtype === 'float32') return 4 * (mlp + 6 * hidden);
  // What is gathered is bfloat16 already; float32 weights make the residual stream float32, and each product converts it for itself.
  return isSharded(setup) ? 2 * (mlp + 4 * hidden) + 8 * hidden : 2 * (mlp + 5 * hidden) + 16 * hidden;
}

/** Inputs of the adapter's matrices, what is between their two halves, and the norms' float32 inputs. */
function savedByAdapter(shape: ModelShape, setup: TrainingSetup): number {
  const { hidden, mlp } = shape;
  const bytes = computeBytes(setup);
  const matrices = adapted(shape, setup.lora.targets);
  const has = (...names: readonly string[]) => matrices.some(({ name }) => names.includes(name));
  const inputs = convertsAdapter(setup)
    ? matrices.reduce((total, { input }) => total + input, 0)
    : (has('q_proj', 'k_proj', 'v_proj') ? hidden : 0) +
      (has('gate_proj', 'up_proj') ? hidden : 0) +
      (has('down_proj') ? mlp : 0);
  return bytes * (inputs + setup.lora.rank * matrices.length) + 8 * hidden;
}

/** What only PyTorch's own attention keeps when it is told which tokens may see which: of rows of unequal length, or packed ones. */
function maskPerToken(shape: ModelShape, setup: TrainingSetup): number {
  const bytes = computeBytes(setup);
  // The softmax in float32, and once more in the type that is computed with.
  if (setup.attention === 'eager') return shape.heads * setup.tokens * (4 + bytes);
  if (!isMasked(shape, setup)) return 0;
  // The mask becomes numbers that are added, and keys and values are repeated for all heads: of a single one that takes nothing.
  const repeated = shape.kvHeads > 1 ? 2 * (shape.heads - shape.kvHeads) * shape.headDim : 0;
  return bytes * (repeated + setup.tokens);
}

/** Whether attention is told which tokens may see which: of rows of unequal length, of packed ones, and where a window is too small for all. */
export function isMasked({ window }: ModelShape, { attention, batchSize, packing, tokens }: TrainingSetup): boolean {
  if (attention === 'flash_attention_2') return false;
  return batchSize > 1 || packing || (window !== undefined && tokens >= window.tokens);
}

/** What one layer hands on to the next; with gradient checkpointing, all that is kept of it. */
export function handedOnPerToken(shape: ModelShape, setup: TrainingSetup): number {
  const float32 = setup.dtype === 'float32' || (setup.method === 'full' && !isSharded(setup));
  return shape.hidden * (float32 ? 4 : 2);
}

/** What the feed-forward part's backward pass needs besides, while everything that its layer has kept is still there. */
export function backwardPerToken({ hidden, mlp }: ModelShape, setup: TrainingSetup): number {
  const bytes = computeBytes(setup);
  if (convertsAdapter(setup)) return bytes * 5 * hidden + (bytes + 4) * mlp;
  const sharesStream = setup.dtype === 'float32' || (setup.method === 'full' && !isSharded(setup));
  return bytes * (2 * mlp + (sharesStream ? 0 : hidden));
}

/** The last norm, and hidden states in the order in which the loss takes them. */
export function beforeLossPerToken({ hidden }: ModelShape, setup: TrainingSetup): number {
  const full = setup.method === 'full';
  const float32 = setup.dtype === 'float32';
  if (setup.loss === 'plain') return hidden * (full ? 10 : 4);
  if (full) return hidden * (isSharded(setup) && !float32 ? 10 : 16);
  return hidden * (float32 ? 12 : 8);
}

/** Ids, labels and positions as 64-bit numbers, the tables of the rotation, and with a mask who may see whom. */
export function inputPerToken(shape: ModelShape, setup: TrainingSetup): number {
  return 48 + 2 * shape.headDim * computeBytes(setup) + (isMasked(shape, setup) ? setup.tokens : 0);
}
