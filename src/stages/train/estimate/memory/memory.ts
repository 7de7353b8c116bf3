import { adapterParameters, layerMatrices, type ModelShape, parametersOf } from '../model/model-shape.js';
import { backwardPerToken, beforeLossPerToken, handedOnPerToken, inputPerToken, savedPerToken } from './activations.js';
import { statesOf } from './states.js';
import { computeBytes, convertsAdapter, isSharded, type TrainingSetup } from './training-setup.js';

/** Bytes on one GPU, by what they are for. */
export interface MemoryParts {
  readonly weights: number;
  readonly gradients: number;
  readonly optimizer: number;
  readonly activations: number;
  readonly logits: number;
  /** Weights in another type or gathered from other GPUs, gradients on their way. */
  readonly buffers: number;
}

export const MEMORY_PARTS = ['weights', 'gradients', 'optimizer', 'activations', 'logits', 'buffers'] as const;

/** What tensors take on one GPU when they take most. */
export interface PlannedMemory {
  readonly parts: MemoryParts;
  readonly bytes: number;
  /** When that is. */
  readonly moment: 'loss' | 'backward pass' | 'optimizer step';
  /** What waits in the host's memory for this GPU. */
  readonly hostBytes: number;
}

/** Rows of logits that TRL's `chunked_nll` computes at once; it has that many four times. */
const CHUNK = 256;

/**
 * The memory of one training step on one GPU, at the moment when it is most; fragmentation, kernels' workspaces and what CUDA itself takes
 * come on top. Of several GPUs nothing could be measured where this was written: what is gathered and sent is arithmetic.
 */
export function memoryOf(shape: ModelShape, setup: TrainingSetup): PlannedMemory {
  const { host, ...states } = statesOf(shape, setup);
  const moments = momentsOf(shape, setup).map(({ moment, gradients, ...held }) => {
    const parts = { ...states, gradients: states.gradients * gradients, ...held };
    return { moment, parts, bytes: MEMORY_PARTS.reduce((total, part) => total + parts[part], 0) };
  });
  const [first, ...others] = moments as [(typeof moments)[number], ...typeof moments];
  const most = others.reduce((so, other) => (other.bytes > so.bytes ? other : so), first);
  return { ...most, hostBytes: host };
}

interface Moment extends Pick<MemoryParts, 'activations' | 'logits' | 'buffers'> {
  readonly moment: PlannedMemory['moment'];
  /** Which share of all gradients is there. */
  readonly gradients: number;
}

function momentsOf(shape: ModelShape, setup: TrainingSetup): readonly Moment[] {
  const { layers } = shape;
  const tokens = setup.batchSize * setup.tokens;
  const saved = savedPerToken(shape, setup);
  const kept = setup.gradientCheckpointing ? handedOnPerToken(shape, setup) : saved;
  const here = inputPerToken(shape, setup);
  const inBackward = (of: number) =>
    tokens * (here + of * kept + (setup.gradientCheckpointing ? saved : 0) + backwardPerToken(shape, setup));
  const beforeLoss = tokens * (here + layers * kept + beforeLossPerToken(shape, setup));
  const buffers = buffersOf(shape, setup);
  // From the second forward pass of a step on, all gradients are there; in the first, those of the layers that are done.
  const earlier = setup.accumulation > 1 ? 1 : 0;
  const { total, embedding, layerMatrices: inLayer, layerRest } = parametersOf(shape);
  const doneAfter = (done: number) =>
    setup.method === 'full' ? (embedding + done * (inLayer + layerRest)) / total : done / layers;
  const logits = logitsOf(shape, setup);
  return [
    { moment: 'loss', gradients: earlier, activations: beforeLoss, logits: logits.forward, buffers: buffers.loss },
    {
      moment: 'loss',
      gradients: earlier,
      activations: beforeLoss,
      logits: logits.backward,
      buffers: buffers.lossBackward,
    },
    ...Array.from({ length: layers }, (_, done): Moment => {
      const gradients = Math.max(earlier, doneAfter(done));
      return {
        moment: 'backward pass',
        gradients,
        activations: inBackward(layers - done),
        logits: 0,
        buffers: buffers.backward,
      };
    }),
    { moment: 'optimizer step', gradients: 1, activations: 0, logits: 0, buffers: buffers.always },
  ];
}

/** Bytes of logits, and what the loss makes of them. */
function logitsOf({ vocabulary, hidden }: ModelShape, setup: TrainingSetup) {
  const tokens = setup.batchSize * setup.tokens;
  const bytes = computeBytes(setup);
  const same = (size: number) => ({ forward: size, backward: size });
  switch (setup.loss) {
    case 'plain': {
      // As they are computed, in float32, and their softmax; then the softmax, its gradient and theirs.
      const all = tokens * vocabulary;
      return { forward: (bytes === 2 ? 10 : 8) * all, backward: 12 * all };
    }
    case 'chunked':
      return same(4 * 4 * Math.min(CHUNK, tokens) * vocabulary);
    case 'liger': {
      // Its rows at once: tokens over the ratio of vocabulary to width, rounded up to a power of two; the gradient takes their place.
      const rows = 2 ** Math.ceil(Math.log2(Math.ceil(tokens / Math.ceil(vocabulary / hidden))));
      return same(bytes * Math.min(rows, tokens) * vocabulary);
    }
  }
}

interface Buffers {
  readonly always: number;
  readonly loss: number;
  readonly lossBackward: number;
  readonly backward: number;
}

function buffersOf(shape: ModelShape, setup: TrainingSetup): Buffers {
  const { method, ranks, strategy, loss } = setup;
  const { layerMatrices: inLayer, embedding } = parametersOf(shape);
  const bytes = computeBytes(setup);
  const full = method === 'full';
  const largest = Math.max(...layerMatrices(shape).map(({ input, output }) => input * output));
  const converts = bytes === 2;
  // Each piece of the loss makes a gradient of the whole output matrix, which is added to that of the pieces before.
  const headGradient = full ? embedding * (converts ? 6 : 4) : 0;
  if (isSharded(setup)) {
    const perNumber = method === 'qlora' ? 0.52 : bytes;
    const ends = embedding * (shape.tied ? 1 : 2) * bytes;
    // What ZeRO-3 collects before it is sent: as many numbers as Accelerate fills in, in float32.
    const bucket = strategy === 'zero3' && full ? shape.hidden ** 2 * 4 : 0;
    const gathered = 2 * inLayer * perNumber + ends + bucket;
    // As they are computed, and in float32, in which they are added up.
    const onTheirWay = full ? (inLayer + ends / bytes) * (converts ? 6 : 4) : 0;
    const all = gathered + (method === 'qlora' ? largest * bytes : 0);
    return { always: 0, loss: all, lossBackward: all + headGradient, backward: all + onTheirWay };
  }
  // Each GPU's gradients lie in a second place, from where they are sent.
  const sent = ranks > 1 ? statesOf(shape, setup).gradients : 0;
  if (method === 'qlora') {
    const unpacked = sent + largest * bytes;
    return { always: sent, loss: unpacked, lossBackward: unpacked, backward: unpacked };
  }
  // What autocast has converted stays until the forward pass is over; without checkpointing, until its layer's backward pass.
  const ofLayer = !converts
    ? 0
    : full
      ? 2 * inLayer
      : convertsAdapter(setup)
        ? (2 * adapterOf(shape, setup)) / shape.layers
        : 0;
  const converted = ofLayer * shape.layers;
  const left = setup.gradientCheckpointing ? 0 : converted;
  const output = full && converts && loss === 'plain' ? 2 * embedding : 0;
  return {
    always: sent,
    loss: sent + converted + output,
    lossBackward: sent + left + (loss === 'plain' ? output : headGradient),
    backward: sent + (setup.gradientCheckpointing ? ofLayer : converted) + (full ? largest * (converts ? 6 : 4) : 0),
  };
}

function adapterOf(shape: ModelShape, { lora }: TrainingSetup): number {
  return adapterParameters(shape, lora.rank, lora.targets);
}
