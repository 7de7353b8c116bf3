import { messageOf, SecpiError } from '../../base/errors.js';
import { type Means, openTarget } from '../../compute/open-target.js';
import type { Recipe } from '../../pipeline.js';
import { trainingToCome } from '../../stages/train/train.js';
import { targetNamed } from '../recipes/target-named.js';
import type { Check } from './check.js';

/** What a run would refuse of a recipe's training before its first stage; nothing where that cannot be told here. Throws the signal's reason. */
export async function checkTrainingOf(recipe: Recipe, means: Means, signal: AbortSignal): Promise<readonly Check[]> {
  const { train } = recipe;
  const name = 'training';
  const required = true;
  const { packages, spec } = trainingToCome(train);
  try {
    const told = await openTarget(targetNamed(recipe, train.on), means).checkTraining({ packages, spec }, signal);
    if (!told) return [];
    const known = Object.keys(train.extra);
    const detail = `${train.trainer} on ${train.on}${known.length === 0 ? '' : `, which knows ${known.join(', ')}`}`;
    return [{ name, state: 'ok', detail, required }];
  } catch (error) {
    signal.throwIfAborted();
    const hint = error instanceof SecpiError ? error.hint : undefined;
    const advice = hint === undefined ? {} : { advice: hint };
    return [{ name, state: 'missing', detail: messageOf(error), ...advice, required }];
  }
}
