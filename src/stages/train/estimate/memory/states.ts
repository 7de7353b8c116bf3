import { adapterParameters, type ModelShape, parametersOf } from '../model/model-shape.js';
import { computeBytes, isSharded, type TrainingSetup } from './training-setup.js';

/** Bytes that a GPU holds all the time, or from one step to the next. */
export interface States {
  readonly weights: number;
  readonly gradients: number;
  readonly optimizer: number;
  /** Of these in the host's memory instead, for each GPU. */
  readonly host: number;
}

/**
 * Bytes of a number in NF4 with double quantisation: 4 bits, an 8-bit scale for 64 numbers, and a float32 for 256 scales (QLoRA,
 * arXiv 2305.14314, section 3).
 */
const NF4 = 0.5 + 1 / 64 + 4 / (64 * 256);

/** Bytes of an 8-bit number that the optimiser remembers, with a float32 scale for each 256 (arXiv 2110.02861). */
const EIGHT_BIT = 1 + 4 / 256;

/** How many numbers are trained. */
export function trainedParameters(shape: ModelShape, { method, lora }: TrainingSetup): number {
  return method === 'full' ? parametersOf(shape).total : adapterParameters(shape, lora.rank, lora.targets);
}

/** Bytes of a number that is trained, and of its gradient. */
function bytesOfTrained({ method, strategy, dtype }: TrainingSetup): number {
  if (method === 'qlora') return 2;
  return method === 'lora' && strategy === 'zero3' ? computeBytes({ dtype }) : 4;
}

/** Bytes of a checkpoint: what is trained, and twice as many float32 numbers that the optimiser remembers. */
export function checkpointBytes(trained: number, setup: TrainingSetup): number {
  return trained * (bytesOfTrained(setup) + 8);
}

/**
 * What our trainer keeps: with `full`, float32 weights; with LoRA the base in `dtype` and a float32 adapter; with QLoRA the matrices of the layers
 * in NF4, the rest in `dtype`, and an adapter in bfloat16. Gradients and both moments of AdamW have the type of what they belong to.
 */
export function statesOf(shape: ModelShape, setup: TrainingSetup): States {
  const { method, optimizer, ranks, offload } = setup;
  const { total, layerMatrices } = parametersOf(shape);
  const trained = trainedParameters(shape, setup);
  const compute = computeBytes(setup);
  const inNf4 = method === 'qlora' ? shape.layers * layerMatrices : 0;
  const trainedBytes = bytesOfTrained(setup);
  const base = method === 'full' ? 0 : (total - inNf4) * compute + inNf4 * NF4;
  const share = isSharded(setup) ? 1 / ranks : 1;
  const weights = (base + trained * trainedBytes) * share;
  const gradients = trained * trainedBytes * share;
  const moments = 2 * trained * (optimizer === 'adamw_8bit' ? EIGHT_BIT : trainedBytes) * share;
  if (!offload || !isSharded(setup)) return { weights, gradients, optimizer: moments, host: 0 };
  return { weights: 0, gradients: 0, optimizer: 0, host: weights + gradients + moments };
}
