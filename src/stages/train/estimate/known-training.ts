import { SecpiError } from '../../../base/errors.js';
import { sentenceOf } from '../../../base/files/system-error.js';
import type { ArtifactReader } from '../../../engine/artifacts/artifact.js';
import { SAMPLES, sampleSchema } from '../../curate/records.js';
import { baseConfig, type TunedModel } from './model/base-config.js';
import { type ModelShape, readModelShape } from './model/model-shape.js';

/** What is known of a training before it begins; asks nobody. */
export interface KnownTraining {
  /** Of the model that is tuned. */
  readonly shape?: ModelShape;
  /** Why that is not known; undefined where it does not matter, as of a tiny model. */
  readonly why?: string;
  /** Tokens of each sample, by its characters, where they are made. */
  readonly lengths?: readonly number[];
}

/** What of the training's inputs is there says so, or the recipe itself. */
export async function knownTraining(
  model: TunedModel,
  { base, samples }: Readonly<Partial<Record<'base' | 'samples', ArtifactReader>>>,
): Promise<KnownTraining> {
  const lengths = samples === undefined ? {} : { lengths: await lengthsOf(samples) };
  if (model.tiny !== undefined) return lengths;
  try {
    const config = await baseConfig(model, base);
    if (config === undefined) return { ...lengths, why: 'memory is planned once the base model is there' };
    return { ...lengths, shape: readModelShape(config) };
  } catch (error) {
    if (error instanceof SecpiError || error instanceof SyntaxError) return { ...lengths, why: sentenceOf(error) };
    throw error;
  }
}

/** Of English and code with a vocabulary of 150,000. */
const CHARACTERS_PER_TOKEN = 4;

async function lengthsOf(samples: ArtifactReader): Promise<readonly number[]> {
  const lengths: number[] = [];
  for await (const { prompt, completion } of samples.rows(SAMPLES, sampleSchema)) {
    lengths.push(Math.ceil((prompt.length + completion.length) / CHARACTERS_PER_TOKEN));
  }
  return lengths;
}
