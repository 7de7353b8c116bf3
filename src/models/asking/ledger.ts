import type { Price } from '../model-spec.js';
import type { Amount } from './budget.js';

interface Tokens {
  readonly input: number;
  readonly output: number;
}

/** What was bought in this process. */
export class Ledger {
  readonly #price: Price | undefined;
  readonly #spent = { requests: 0, input_tokens: 0, output_tokens: 0, cost_usd: 0 };

  constructor(price: Price | undefined) {
    this.#price = price;
  }

  get spent(): Readonly<{ requests: number; input_tokens: number; output_tokens: number; cost_usd: number }> {
    return { ...this.#spent };
  }

  /** Enters an answer and returns its price in USD. */
  buy(tokens: Tokens): number {
    const cost = this.cost(tokens);
    this.#spent.requests += 1;
    this.#spent.input_tokens += tokens.input;
    this.#spent.output_tokens += tokens.output;
    this.#spent.cost_usd += cost;
    return cost;
  }

  /** USD; 0 without a price. */
  cost(tokens: Tokens): number {
    if (this.#price === undefined) return 0;
    return (tokens.input * this.#price.input + tokens.output * this.#price.output) / 1e6;
  }

  amount(tokens: Tokens, usd = this.cost(tokens)): Amount {
    return { usd, tokens: tokens.input + tokens.output };
  }
}
