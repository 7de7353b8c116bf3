import type { Card } from '../../../compute/cards.js';
import { memoryOf } from './memory/memory.js';
import { computeBytes, type TrainingSetup } from './memory/training-setup.js';
import { type ModelShape, parametersOf } from './model/model-shape.js';

export const GIB = 2 ** 30;

/** What CUDA and its libraries take on each GPU, and what sending between several does: usual figures of H100s, not measured here. */
const CUDA_GIB = 0.6;
const SENDING_GIB = 1;

/** Fuller than this, pieces of memory that nothing fits into may be one too many. */
const COMFORTABLE = 0.92;

/** `tight`: it fits if nothing is lost between the pieces. */
export type Fit = 'fits' | 'tight' | 'no';

/** GiB that one GPU needs, with what is no tensor of the training. */
export function neededGib(shape: ModelShape, setup: TrainingSetup): number {
  return memoryOf(shape, setup).bytes / GIB + CUDA_GIB + (setup.ranks > 1 ? SENDING_GIB : 0);
}

/** Whether a training fits on such cards. */
export function fitOn(shape: ModelShape, setup: TrainingSetup, card: Card): Fit {
  const share = neededGib(shape, setup) / card.gib;
  return share <= COMFORTABLE ? 'fits' : share <= 1 ? 'tight' : 'no';
}

/** What weights and all that belongs to them may take of a card that holds all of it; the rest is for activations. */
export const SHARE_OF_A_CARD = 0.6;

/** What `auto` becomes, as `strategy_of` in `trainers/secpi_trainers/training/ranks/parallel.py` decides when the training begins. */
export function strategyFor(
  shape: ModelShape,
  setup: Omit<TrainingSetup, 'strategy'>,
  card: Card | undefined,
): TrainingSetup['strategy'] {
  if (setup.ranks === 1 || setup.method === 'qlora') return 'ddp';
  if (setup.offload) return 'fsdp';
  if (card === undefined) return setup.method === 'full' ? 'fsdp' : 'ddp';
  const perNumber = setup.method === 'full' ? 16 : computeBytes(setup);
  return perNumber * parametersOf(shape).total < SHARE_OF_A_CARD * card.gib * GIB ? 'ddp' : 'fsdp';
}
