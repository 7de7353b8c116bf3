import type { TrainingSetup } from './memory/training-setup.js';
import { adapterParameters, type ModelShape, parametersOf } from './model/model-shape.js';

/**
 * Floating-point operations for each token that is trained on, `length` being how many tokens see each other: two for each number of a matrix
 * (Kaplan et al., arXiv 2001.08361, section 2.1), and those of causal attention, of which a token sees half on average. The backward pass takes
 * twice as many, half of them for gradients of weights, which frozen ones have none of. Gradient checkpointing computes the layers once more.
 */
export function flopsPerToken(shape: ModelShape, setup: TrainingSetup, length: number): number {
  const { layers, heads, headDim } = shape;
  const { layerMatrices, embedding } = parametersOf(shape);
  const { window } = shape;
  const windowed = window === undefined ? 0 : window.layers;
  const seen = (layers - windowed) * length + windowed * withinWindow(length, window?.tokens ?? length);
  const attention = 2 * heads * headDim * seen;
  const inLayers = 2 * layers * layerMatrices;
  const output = 2 * embedding;
  const again = setup.gradientCheckpointing ? inLayers + attention : 0;
  if (setup.method === 'full') return 3 * (inLayers + output + attention) + again;
  const adapter = 2 * adapterParameters(shape, setup.lora.rank, setup.lora.targets);
  return 2 * (inLayers + output) + 3 * (attention + adapter) + again + (setup.gradientCheckpointing ? adapter : 0);
}

/** The length of which a token sees half on average, as if there were no window. */
function withinWindow(length: number, window: number): number {
  return length <= window ? length : 2 * window - window ** 2 / length;
}
