import type { Price } from '../model-spec.js';
import type { Amount } from './budget.js';
import type { TokenDetails } from './wire/chat-response.js';

interface Tokens {
  readonly input: number;
  readonly output: number;
  /** Those of the input and of the output that may have another price. */
  readonly details?: TokenDetails;
}

/** What was bought. Cached tokens are part of the input, and reasoning is part of the output. */
export interface Spent {
  readonly requests: number;
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly cached_input_tokens: number;
  readonly reasoning_tokens: number;
  readonly cost_usd: number;
}

const NO_DETAILS: TokenDetails = { cached_input: 0, reasoning: 0 };

/** What was bought in this process. */
export class Ledger {
  readonly #price: Price | undefined;
  readonly #share: number;
  readonly #spent = {
    requests: 0,
    input_tokens: 0,
    output_tokens: 0,
    cached_input_tokens: 0,
    reasoning_tokens: 0,
    cost_usd: 0,
  };

  /** `share`: how much of its price an answer costs. */
  constructor(price: Price | undefined, share = 1) {
    this.#price = price;
    this.#share = share;
  }

  get spent(): Spent {
    return { ...this.#spent };
  }

  /** Enters an answer and returns its price in USD. */
  buy(tokens: Tokens): number {
    const cost = this.cost(tokens);
    this.#spent.requests += 1;
    this.#spent.input_tokens += tokens.input;
    this.#spent.output_tokens += tokens.output;
    this.#spent.cached_input_tokens += tokens.details?.cached_input ?? 0;
    this.#spent.reasoning_tokens += tokens.details?.reasoning ?? 0;
    this.#spent.cost_usd += cost;
    return cost;
  }

  /** What so many tokens take if each is of the dearest kind: nobody knows before how many are cached, or thought. */
  atMost({ input, output }: Pick<Tokens, 'input' | 'output'>): Amount {
    const price = this.#price ?? { input: 0, output: 0 };
    const { cached_input = 0, reasoning = 0 } = price;
    const details = {
      cached_input: cached_input > price.input ? input : 0,
      reasoning: reasoning > price.output ? output : 0,
    };
    return this.amount({ input, output, details });
  }

  /** USD; 0 without a price. */
  cost(tokens: Tokens): number {
    if (this.#price === undefined) return 0;
    const { input, output, cached_input = input, reasoning = output } = this.#price;
    const { cached_input: cached, reasoning: thought } = tokens.details ?? NO_DETAILS;
    const spent = tokens.input * input + tokens.output * output;
    return (this.#share * (spent + cached * (cached_input - input) + thought * (reasoning - output))) / 1e6;
  }

  amount(tokens: Tokens, usd = this.cost(tokens)): Amount {
    return { usd, tokens: tokens.input + tokens.output };
  }
}
