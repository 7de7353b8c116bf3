import type { AnswerKey } from '../../answers/answer-row.js';
import type { AskFailure, ChatRequest } from '../../chat.js';
import type { FurtherFields } from '../../further-fields.js';
import type { Amount, Budget } from '../budget.js';
import type { Ending } from '../ending.js';
import type { Hopes } from '../hopes.js';
import type { Ledger } from '../ledger.js';
import type { AttemptFailure } from '../wire/attempt-failure.js';
import { bodyOf } from '../wire/openai-client.js';
import { seedOf, worstCase } from '../worst-case.js';
import type { BatchDesk } from './batch-desk.js';
import { questionLine } from './batch-lines.js';
import type { KeptAnswer } from './collect-batch.js';

export interface BatchBuyerOptions {
  /** The model's name in the recipe, for messages. */
  readonly name: string;
  readonly desk: BatchDesk;
  readonly hopes: Hopes;
  readonly ledger: Ledger;
  readonly budget: Budget | undefined;
  /** Further batches a question is put into after a failed one. */
  readonly retries: number;
  /** What the server calls the model. */
  readonly model: string;
  readonly furtherFields: FurtherFields | undefined;
}

/** Buys answers in batches: what `mode: batch` puts in the place of a request per question. The store holds them afterwards, just the same. */
export class BatchBuyer {
  readonly #options: BatchBuyerOptions;

  constructor(options: BatchBuyerOptions) {
    this.#options = options;
  }

  /** Throws what would meet every question alike, and `signal.reason`. */
  async buy(
    request: ChatRequest,
    key: AnswerKey,
    { signal, ending }: { readonly signal: AbortSignal; readonly ending: Ending },
  ): Promise<KeptAnswer | { readonly ok: false; readonly reason: AskFailure; readonly message: string }> {
    const { retries, hopes } = this.#options;
    for (let failures = 1; ; failures += 1) {
      const ended = ending.begin();
      let outcome: KeptAnswer | AttemptFailure;
      try {
        outcome = await this.#inABatch(request, key, signal, ending);
      } finally {
        ended();
      }
      if (outcome.ok) {
        hopes.answered();
        return outcome;
      }
      const { reason, message, retryable } = outcome;
      hopes.throwIfNone(outcome);
      if (!retryable) return { ok: false, reason, message };
      if (failures > retries) return { ok: false, reason, message: `${failures} batches; the last: ${message}` };
    }
  }

  async #inABatch(
    request: ChatRequest,
    key: AnswerKey,
    signal: AbortSignal,
    ending: Ending,
  ): Promise<KeptAnswer | AttemptFailure> {
    const { name, desk, ledger, budget, model, furtherFields } = this.#options;
    const worst = ledger.atMost(worstCase(request));
    // What does not fit beside the questions that are under way waits for what those really cost.
    const reserved = await budget?.reserve(worst, signal);
    if (budget !== undefined && reserved === undefined) throw budget.spentError(name, worst);
    let used: Amount = { usd: 0, tokens: 0 };
    try {
      if (ending.ends) throw new Error('the asking has ended');
      const characters = request.messages.reduce((sum, { content }) => sum + content.length, 0);
      const line = questionLine(key.request, bodyOf(model, request, furtherFields, seedOf(request)));
      const outcome = await desk.ask({ request: key.request, characters, line }, signal);
      if (outcome.ok) used = ledger.amount(outcome.answer.tokens, outcome.cost_usd);
      return outcome;
    } finally {
      reserved?.settle(used, used.tokens > 0 ? key : undefined);
    }
  }
}
