import { FeatureReader } from './features.js';
import { type GiveawayModel, giveawayModel } from './giveaway-model.js';
import { passagesOf } from './passages.js';

/** The passage of a text that speaks most of somebody having pointed the way. */
export interface Giveaway {
  readonly passage: string;
  readonly score: number;
}

const reader = new FeatureReader();

/** Undefined when there is nothing to read. */
export function mostGivenAway(text: string, model: GiveawayModel = giveawayModel()): Giveaway | undefined {
  let most: Giveaway | undefined;
  for (const passage of passagesOf(text)) {
    const score = model.score(reader.read(passage));
    if (most === undefined || score > most.score) most = { passage, score };
  }
  return most;
}
