import { randomFrom } from '../../bench/made-up/seeded.js';

/** What is learnt from: the features of a passage, whether it is a leak, and how much a mistake about it counts. */
export interface Example {
  readonly features: Uint32Array;
  readonly leak: boolean;
  readonly cost: number;
}

export interface LinearModel {
  readonly weights: Float64Array;
  readonly bias: number;
}

const ROUNDS = 12;
/** Decides nothing but the order in which examples are looked at. */
const SEED = 1;

/**
 * A linear support vector machine with squared hinge loss, by dual coordinate descent (Hsieh et al. 2008, "A dual coordinate descent method for large-scale linear
 * SVM", as in LIBLINEAR). The features of an example have the length 1 together, and there is one more that all have. The same examples give the same model.
 */
export function learn(examples: readonly Example[], featureBits: number): LinearModel {
  const weights = new Float64Array(1 << featureBits);
  let bias = 0;
  const duals = new Float64Array(examples.length);
  const order = Uint32Array.from(examples, (_, at) => at);
  const random = randomFrom(SEED);
  for (let round = 0; round < ROUNDS; round += 1) {
    shuffle(order, random);
    for (const at of order) {
      const { features, leak, cost } = examples[at] as Example;
      if (features.length === 0) continue;
      const side = leak ? 1 : -1;
      const each = 1 / Math.sqrt(features.length);
      let sum = 0;
      for (const feature of features) sum += weights[feature] ?? 0;
      const slack = 0.5 / cost;
      const before = duals[at] ?? 0;
      const gradient = side * (sum * each + bias) - 1 + slack * before;
      const after = Math.max(0, before - gradient / (2 + slack));
      if (after === before) continue;
      duals[at] = after;
      const change = (after - before) * side;
      bias += change;
      for (const feature of features) weights[feature] = (weights[feature] ?? 0) + change * each;
    }
  }
  return { weights, bias };
}

function shuffle(order: Uint32Array, random: () => number): void {
  for (let at = order.length - 1; at > 0; at -= 1) {
    const other = Math.floor(random() * (at + 1));
    [order[at], order[other]] = [order[other] ?? 0, order[at] ?? 0];
  }
}
