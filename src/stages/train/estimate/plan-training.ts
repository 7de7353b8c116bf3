import type { Hardware } from '../../../compute/hardware.js';
import { hoursOf, type PlannedHours } from './duration.js';
import { type Fit, fitOn, neededGib } from './fit.js';
import { flopsPerToken } from './flops.js';
import { memoryOf, type PlannedMemory } from './memory/memory.js';
import { trainedParameters } from './memory/states.js';
import type { TrainingSetup } from './memory/training-setup.js';
import { type ModelShape, parametersOf } from './model/model-shape.js';
import { setupFor } from './setup-for.js';
import { type CountedSpec, countTraining, type TrainingCount } from './training-count.js';
import { type Remedy, whatWouldFit } from './would-fit.js';

/** What a training takes. */
export interface TrainingPlan {
  readonly shape: ModelShape;
  readonly parameters: number;
  readonly trained: number;
  readonly setup: TrainingSetup;
  readonly hardware: Hardware;
  readonly memory: PlannedMemory;
  /** On each GPU, with what is no tensor of the training. */
  readonly neededGib: number;
  readonly fit: Fit | undefined;
  /** Changes that would make it fit, where it does not. */
  readonly instead: readonly Remedy[];
  readonly count: TrainingCount;
  readonly flops: number;
  /** Where the card is known. */
  readonly hours: PlannedHours | undefined;
  readonly costUsd: number | undefined;
}

/** Memory, hours and cost of a training. `lengths` are the tokens of all samples; without them rows of `max_tokens` are planned for. */
export function planTraining(
  shape: ModelShape,
  spec: CountedSpec,
  hardware: Hardware,
  lengths: readonly number[] | undefined,
): TrainingPlan {
  const { card, pricePerGpuHour } = hardware;
  const setup = setupFor(spec, shape, hardware);
  const count = countTraining(spec, lengths, setup.ranks);
  const flops = count.tokens * flopsPerToken(shape, setup, count.seen);
  const hours = card === undefined ? undefined : hoursOf(flops, card, setup);
  const fit = card === undefined ? undefined : fitOn(shape, setup, card);
  return {
    shape,
    parameters: parametersOf(shape).total,
    trained: trainedParameters(shape, setup),
    setup,
    hardware,
    memory: memoryOf(shape, setup),
    neededGib: neededGib(shape, setup),
    fit,
    instead: fit === 'no' ? whatWouldFit(shape, spec, hardware) : [],
    count,
    flops,
    hours,
    costUsd:
      hours === undefined || pricePerGpuHour === undefined ? undefined : hours.expected * setup.ranks * pricePerGpuHour,
  };
}
