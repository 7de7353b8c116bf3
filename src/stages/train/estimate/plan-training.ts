import type { Card } from '../../../compute/cards.js';
import type { Hardware } from '../../../compute/hardware.js';
import { accumulationOf, type TrainSpec } from '../spec.js';
import { hoursOf, type PlannedHours } from './duration.js';
import { type Fit, fitOn, neededGib, strategyFor, whatWouldFit } from './fit.js';
import { flopsPerToken } from './flops.js';
import { memoryOf, type PlannedMemory } from './memory.js';
import { type ModelShape, parametersOf } from './model-shape.js';
import { trainedParameters } from './states.js';
import type { TrainingSetup } from './training-setup.js';

/** What is trained on. */
export interface TrainingRows {
  /** Of samples that are made, by their characters; else as many as there can be. */
  readonly isKnown: boolean;
  readonly rows: number;
  /** Of one row, on average. */
  readonly tokensPerRow: number;
}

/** What a training takes. */
export interface TrainingPlan {
  readonly parameters: number;
  readonly trained: number;
  readonly setup: TrainingSetup;
  readonly card: Card | undefined;
  readonly memory: PlannedMemory;
  /** On each GPU, with what is no tensor of the training. */
  readonly neededGib: number;
  readonly fit: Fit | undefined;
  /** Changes that would make it fit, where it does not. */
  readonly instead: readonly string[];
  readonly rows: TrainingRows;
  readonly passes: number;
  readonly tokens: number;
  readonly flopsPerToken: number;
  readonly hours: PlannedHours | undefined;
  readonly costUsd: number | undefined;
}

/** Rows that a training without samples is planned for. */
export const ASSUMED_ROWS = 1000;

/** The recipe's settings for so many GPUs; with `auto`, PyTorch's own attention and what fits. */
function setupOf(spec: TrainSpec, shape: ModelShape, ranks: number, card: Card | undefined): TrainingSetup {
  const { parallel } = spec;
  const rest = {
    method: spec.method,
    lora: spec.lora,
    optimizer: spec.optimizer,
    dtype: spec.dtype,
    tokens: spec.max_tokens,
    batchSize: spec.batch_size,
    accumulation: accumulationOf(spec, ranks),
    packing: spec.packing,
    loss: spec.loss,
    attention: spec.attention === 'auto' ? 'sdpa' : spec.attention,
    gradientCheckpointing: spec.gradient_checkpointing,
    ranks,
    // A single process holds everything.
    offload: parallel.offload && ranks > 1,
  } as const;
  const strategy = parallel.strategy === 'auto' || ranks === 1 ? strategyFor(shape, rest, card) : parallel.strategy;
  return { ...rest, strategy };
}

/** Memory, hours and cost of a training at a target. Without samples, rows of `max_tokens` are planned for. */
export function planTraining(
  shape: ModelShape,
  spec: TrainSpec,
  { card, gpus, pricePerGpuHour }: Hardware,
  rows: TrainingRows | undefined,
): TrainingPlan {
  const setup = setupOf(spec, shape, gpus, card);
  const perStep = setup.batchSize * setup.accumulation * gpus;
  const assumed = { isKnown: false, rows: (spec.steps ?? 0) * perStep || ASSUMED_ROWS, tokensPerRow: spec.max_tokens };
  const trainedOn = rows ?? assumed;
  // A packed sequence is full, and holds as many rows as fit into it.
  const perSequence = spec.packing && rows !== undefined ? Math.max(1, spec.max_tokens / rows.tokensPerRow) : 1;
  const passes = spec.epochs ?? ((spec.steps ?? 0) * perStep * perSequence) / trainedOn.rows;
  const tokens = trainedOn.rows * trainedOn.tokensPerRow * passes;
  const perToken = flopsPerToken(shape, setup, trainedOn.tokensPerRow);
  const hours = card === undefined ? undefined : hoursOf(tokens * perToken, card, setup);
  const fit = card === undefined ? undefined : fitOn(shape, setup, card);
  return {
    parameters: parametersOf(shape).total,
    trained: trainedParameters(shape, setup),
    setup,
    card,
    memory: memoryOf(shape, setup),
    neededGib: neededGib(shape, setup),
    fit,
    instead: card !== undefined && fit === 'no' ? whatWouldFit(shape, setup, card) : [],
    rows: trainedOn,
    passes,
    tokens,
    flopsPerToken: perToken,
    hours,
    costUsd: hours === undefined || pricePerGpuHour === undefined ? undefined : hours.expected * gpus * pricePerGpuHour,
  };
}
