import type { Card } from '../../../compute/cards.js';
import { hoursOf, type PlannedHours } from './duration.js';
import { type Fit, fitOn, leastCards, neededGib } from './fit.js';
import { flopsPerToken } from './flops.js';
import type { ModelShape } from './model-shape.js';
import type { TrainingSetup } from './training-setup.js';

/** The fewest cards of a kind that a training fits on. */
export interface CardCell {
  readonly ranks: number;
  readonly strategy: TrainingSetup['strategy'];
  readonly neededGib: number;
  readonly fit: Fit;
  readonly hours: PlannedHours;
}

/** One method with sequences of one length, on each kind of card; undefined where 128 of them are too few. */
export interface CardRow {
  readonly method: TrainingSetup['method'];
  readonly tokens: number;
  readonly cells: readonly (CardCell | undefined)[];
}

const METHODS = ['qlora', 'lora', 'full'] as const;

/**
 * Method by hardware: with the settings of a recipe but for method, length and GPUs. `trainedTokens` is how many tokens there are in all.
 */
export function cardTable(
  shape: ModelShape,
  setup: TrainingSetup,
  cards: readonly Card[],
  trainedTokens: number,
): readonly CardRow[] {
  const lengths = [setup.tokens / 2, setup.tokens, setup.tokens * 2].map(Math.floor).filter((tokens) => tokens > 0);
  return METHODS.flatMap((method) =>
    lengths.map((tokens) => {
      const wanted = { ...setup, method, tokens };
      return { method, tokens, cells: cards.map((card) => cellOf(shape, wanted, card, trainedTokens)) };
    }),
  );
}

function cellOf(shape: ModelShape, wanted: TrainingSetup, card: Card, trainedTokens: number): CardCell | undefined {
  const setup = leastCards(shape, wanted, card);
  if (setup === undefined) return undefined;
  return {
    ranks: setup.ranks,
    strategy: setup.strategy,
    neededGib: neededGib(shape, setup),
    fit: fitOn(shape, setup, card),
    hours: hoursOf(trainedTokens * flopsPerToken(shape, setup, setup.tokens), card, setup),
  };
}
