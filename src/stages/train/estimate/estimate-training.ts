import { SecpiError } from '../../../base/errors.js';
import { expectedError, sentenceOf } from '../../../base/files/system-error.js';
import type { ArtifactReader } from '../../../engine/artifacts/artifact.js';
import type { EstimateContext, StageEstimate } from '../../../engine/stage.js';
import { sampleSchema } from '../../curate/records.js';
import type { StageServices } from '../../services.js';
import type { TrainSpec } from '../spec.js';
import { baseConfig } from './base-config.js';
import { type ModelShape, readModelShape } from './model-shape.js';
import { planFacts, planLines } from './plan-lines.js';
import { planTraining, type TrainingRows } from './plan-training.js';

type Context = EstimateContext<TrainSpec & { readonly on: string }, 'base' | 'samples', StageServices>;

/** What `secpi plan` says of the training: tokens, memory, hours, cost, and whether it fits on the target's cards. */
export async function estimateTraining({ params, inputs, services, signal }: Context): Promise<StageEstimate> {
  const start = await foreseen(params.on, services, signal);
  const rows = inputs.samples === undefined ? undefined : await rowsOf(inputs.samples);
  const hardware = services.hardware(params.on);
  const notes = start === undefined ? [] : [start];
  const shape = await shapeOf(services, inputs.base);
  if (shape === undefined) return noted([...tokensOf(params, rows), ...notes]);
  if (typeof shape === 'string') return noted([...tokensOf(params, rows), shape, ...notes]);
  const plan = planTraining(shape, params, hardware, rows);
  const { card, fit, costUsd, hours, instead, neededGib, setup } = plan;
  const { model } = services.tunedModel;
  const facts = planFacts(plan, shape);
  const isBounded = plan.rows.isKnown || params.steps !== undefined;
  if (hardware.isCpu) return { ...noted([...tokensOf(params, rows), ...notes]), facts };
  return {
    ...noted(notes),
    details: planLines(plan, model),
    facts,
    // Of rows that are taken for granted it says nothing.
    ...(costUsd === undefined || !isBounded ? {} : { cost_usd: costUsd }),
    ...(hours === undefined || !isBounded ? {} : { seconds: hours.expected * 3600 }),
    ...(card === undefined || fit !== 'no'
      ? {}
      : {
          refusal: {
            code: 'train/does-not-fit',
            message: `${model} by ${params.method} with ${setup.tokens.toLocaleString('en')} tokens needs ${neededGib.toFixed(0)} GiB on each of ${setup.ranks} × ${card.title}, which has ${card.gib}`,
            hint:
              instead.length === 0
                ? 'No single change of the recipe would make it fit.'
                : `Each of these alone would fit: ${instead.join('; ')}.`,
          },
        }),
  };
}

/** When it would begin there; where that cannot be asked, why. */
async function foreseen(on: string, services: StageServices, signal: AbortSignal): Promise<string | undefined> {
  try {
    return await services.target(on).foresee(signal);
  } catch (error) {
    signal.throwIfAborted();
    const expected = expectedError(error);
    if (expected === undefined) throw error;
    return expected.message;
  }
}

function noted(notes: readonly string[]): StageEstimate {
  return notes.length === 0 ? {} : { note: notes.join('; ') };
}

async function rowsOf(samples: ArtifactReader): Promise<TrainingRows> {
  let characters = 0;
  let rows = 0;
  for await (const sample of samples.rows('samples.jsonl', sampleSchema)) {
    rows += 1;
    characters += sample.prompt.length + sample.completion.length;
  }
  return { isKnown: true, rows, tokensPerRow: Math.round(characters / CHARACTERS_PER_TOKEN / Math.max(1, rows)) };
}

/** Of English and code with a vocabulary of 150,000. */
const CHARACTERS_PER_TOKEN = 4;

/** What is said of tokens where nothing is known of the model, or no GPU computes. */
function tokensOf(params: TrainSpec, rows: TrainingRows | undefined): readonly string[] {
  if (rows === undefined) return [];
  const perStep = params.batch_size * (params.gradient_accumulation ?? 1);
  const passes = params.epochs ?? ((params.steps ?? 0) * perStep) / Math.max(1, rows.rows);
  const tokens = Math.round(rows.tokensPerRow * rows.rows * passes).toLocaleString('en');
  return [`about ${tokens} tokens to train on (${rows.rows} rows, ${passes.toFixed(1)} passes)`];
}

/** The model's shape; undefined where nothing is known of it, a sentence where it cannot be planned. */
async function shapeOf(
  services: StageServices,
  base: ArtifactReader | undefined,
): Promise<ModelShape | string | undefined> {
  if (services.tunedModel.tiny !== undefined) return undefined;
  try {
    const config = await baseConfig(services.tunedModel, base);
    return config === undefined ? 'memory is planned once the base model is there' : readModelShape(config);
  } catch (error) {
    if (error instanceof SecpiError || error instanceof SyntaxError) return sentenceOf(error);
    throw error;
  }
}
