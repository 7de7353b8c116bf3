import { adapterParameters, type ModelShape, parametersOf } from './model-shape.js';
import type { TrainingSetup } from './training-setup.js';

/**
 * Floating-point operations for each token that is trained on, `length` being how many tokens see each other: two for each number of a matrix
 * (Kaplan et al., arXiv 2001.08361, section 2.1), and those of causal attention, of which a token sees half on average. The backward pass takes
 * twice as many, half of them for gradients of weights, which frozen ones have none of. Gradient checkpointing computes the layers once more.
 */
export function flopsPerToken(shape: ModelShape, setup: TrainingSetup, length: number): number {
  const { layers, heads, headDim } = shape;
  const { layerMatrices, embedding } = parametersOf(shape);
  const attention = 2 * layers * heads * headDim * length;
  const inLayers = 2 * layers * layerMatrices;
  const output = 2 * embedding;
  const again = setup.gradientCheckpointing ? inLayers + attention : 0;
  if (setup.method === 'full') return 3 * (inLayers + output + attention) + again;
  const adapter = 2 * adapterParameters(shape, setup.lora.rank, setup.lora.targets);
  return 2 * (inLayers + output) + 3 * (attention + adapter) + again + (setup.gradientCheckpointing ? adapter : 0);
}
