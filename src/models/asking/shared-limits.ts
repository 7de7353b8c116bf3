import type { BudgetLimit } from '../model-spec.js';
import { Budget } from './budget.js';
import { Throttle, type ThrottleOptions } from './pace/throttle.js';

/**
 * What those have in common who ask the same: the stages of a run. What one of them has learnt about the pace of an endpoint
 * the next one need not learn again, and they spend one budget.
 */
export class SharedLimits {
  readonly #throttles = new Map<string, Throttle>();
  readonly #budgets = new Map<string, Budget>();

  /** The throttle of this model at these endpoints. */
  throttle(model: string, options: ThrottleOptions): Throttle {
    const { clock: _, ...settings } = options;
    const throttle = remembered(this.#throttles, JSON.stringify([model, settings]), () => new Throttle(options));
    throttle.forgive();
    return throttle;
  }

  /** The budget of the model with this name in the recipe. */
  budget(name: string, limit: BudgetLimit): Budget {
    return remembered(this.#budgets, JSON.stringify([name, limit]), () => new Budget(limit));
  }
}

function remembered<Value>(known: Map<string, Value>, key: string, make: () => Value): Value {
  const found = known.get(key) ?? make();
  known.set(key, found);
  return found;
}
