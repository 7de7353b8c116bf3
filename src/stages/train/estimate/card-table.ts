import type { Card } from '../../../compute/cards.js';
import type { Hardware } from '../../../compute/hardware.js';
import type { ModelShape } from './model/model-shape.js';
import { planTraining, type TrainingPlan } from './plan-training.js';
import type { CountedSpec } from './training-count.js';
import { leastCards } from './would-fit.js';

/** One method with sequences of one length, on the fewest of each kind of card; undefined where as many as are looked at are too few. */
export interface CardRow {
  readonly method: CountedSpec['method'];
  readonly tokens: number;
  readonly plans: readonly (TrainingPlan | undefined)[];
}

const METHODS = ['qlora', 'lora', 'full'] as const;

/**
 * Method by hardware: with the settings of a recipe but for method, `max_tokens` and GPUs. Each is the plan that such a recipe would have.
 * `lengths` are the tokens of all samples, where these are made.
 */
export function cardTable(
  shape: ModelShape,
  spec: CountedSpec,
  cards: readonly Card[],
  lengths: readonly number[] | undefined,
): readonly CardRow[] {
  const sizes = [spec.max_tokens / 2, spec.max_tokens, spec.max_tokens * 2].map(Math.floor).filter((size) => size > 0);
  return METHODS.flatMap((method) =>
    sizes.map((tokens) => {
      // 4-bit weights are neither split nor offloaded.
      const parallel = method === 'qlora' ? ({ strategy: 'auto', offload: false } as const) : spec.parallel;
      const such = { ...spec, method, parallel, max_tokens: tokens };
      const plans = cards.map((card) => {
        const least = leastCards(shape, such, on(card));
        return least === undefined ? undefined : planTraining(shape, such, least.hardware, lengths);
      });
      return { method, tokens, plans };
    }),
  );
}

function on(card: Card): Hardware {
  const ranks = { perNode: 1, nodes: 1 };
  return { device: 'cuda', card, ranks, pricePerGpuHour: undefined, idleGpus: 0, isContainer: false };
}
