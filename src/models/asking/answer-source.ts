import { SecpiError } from '../../base/errors.js';
import type { Sha256 } from '../../base/hash.js';
import { type AnswerKey, keyText } from '../answers/answer-row.js';
import type { AnswerStore } from '../answers/answer-store.js';
import type { Recording } from '../answers/recording.js';
import { requestHash } from '../answers/request-hash.js';
import type { AskFailure, ChatAnswer, ChatRequest } from '../chat.js';
import type { AttemptFailure } from './attempt-failure.js';
import { Budget } from './budget.js';
import { estimateTokens } from './chat-response.js';
import type { Clock } from './clock.js';
import type { Ledger } from './ledger.js';
import type { ChatClient } from './openai-client.js';
import type { AttemptEnd, Throttle } from './throttle.js';

export type Found =
  | {
      readonly ok: true;
      readonly answer: ChatAnswer;
      readonly from: 'recording' | 'store' | 'server';
      readonly cost_usd: number;
    }
  | { readonly ok: false; readonly reason: AskFailure; readonly message: string };

/** A server that may have to be started first. */
export interface ServerLink {
  /** Connects, starting the server where we do that ourselves. */
  connect(signal: AbortSignal): Promise<ChatClient>;
  /** Why no answer can come any more, if the server was ours and died; `restarts` if that one was, or will be, started once more. */
  death(asked: ChatClient): Promise<Error | 'restarts' | undefined>;
}

export interface AnswerSourceOptions {
  /** The model's name in the recipe, for messages. */
  readonly name: string;
  readonly identity: string;
  readonly recording: Recording | undefined;
  readonly store: AnswerStore;
  readonly link: ServerLink | undefined;
  readonly throttle: Throttle;
  readonly ledger: Ledger;
  readonly budget: Budget | undefined;
  /** Further attempts after a failed one. */
  readonly retries: number;
  readonly clock: Clock;
  readonly log: (level: 'debug' | 'info' | 'warn', message: string) => void;
}

/** What one call of `ask` shares among its rows. */
export interface AskScope {
  readonly signal: AbortSignal;
  readonly budget: Budget | undefined;
  /** Questions being asked right now: equal rows share one answer. */
  readonly underway: Map<string, Promise<Found>>;
}

/** So many refusals before the first answer mean that the server refuses us, not the questions. */
const REFUSALS_BEFORE_GIVING_UP = 8;

/** Finds answers, cheapest first: in the recording, in the store, and then by asking the server until it answers. */
export class AnswerSource {
  readonly #options: AnswerSourceOptions;
  #refusals = 0;
  #budgetReported = false;

  constructor(options: AnswerSourceOptions) {
    this.#options = options;
  }

  hash(request: ChatRequest): Sha256 {
    return requestHash(this.#options.identity, request);
  }

  /** Whether an answer is there without asking the server. */
  isKept(request: ChatRequest): boolean {
    const key = keyOf(this.hash(request));
    return this.#options.recording?.has(key) === true || this.#options.store.has(key);
  }

  /** An answer that was found before, by the hash of its question. No budget counts it a second time. */
  async kept(request: Sha256): Promise<ChatAnswer | undefined> {
    const { recording, store } = this.#options;
    const key = keyOf(request);
    return (await recording?.get(key)) ?? (await store.get(key))?.answer;
  }

  /**
   * The answer to a question. Throws what would meet every question alike (no such model, no
   * credit, a server that is gone), and `signal.reason`.
   */
  async find(request: ChatRequest, scope: AskScope): Promise<Found> {
    const { recording, link } = this.#options;
    const key = keyOf(this.hash(request));
    const recorded = await recording?.get(key);
    if (recorded !== undefined) return { ok: true, answer: recorded, from: 'recording', cost_usd: 0 };
    const text = keyText(key);
    const same = scope.underway.get(text);
    if (same !== undefined) {
      const shared = await same;
      return shared.ok ? { ...shared, from: 'store', cost_usd: 0 } : shared;
    }
    const stored = await this.#fromStore(key, scope);
    if (stored !== undefined) return stored;
    if (link === undefined) return { ok: false, reason: 'not_recorded', message: this.#notRecorded() };
    // Between the look-up above and here an equal row may have begun.
    const racing = scope.underway.get(text);
    if (racing !== undefined) return this.find(request, scope);
    const buying = this.#buy(link, request, key, scope);
    scope.underway.set(text, buying);
    try {
      return await buying;
    } finally {
      scope.underway.delete(text);
    }
  }

  async #fromStore(key: AnswerKey, scope: AskScope): Promise<Found | undefined> {
    const { store, ledger } = this.#options;
    if (!store.has(key)) return undefined;
    // A budget is about the data, not about the process: what an interrupted run bought counts, at the price of then.
    const counted = this.#budgets(scope).map((budget) => budget.expect());
    const stored = await store.get(key);
    const amount =
      stored === undefined || stored.own ? undefined : ledger.amount(stored.answer.tokens, stored.cost_usd);
    for (const count of counted) count(amount);
    return stored && { ok: true, answer: stored.answer, from: 'store', cost_usd: 0 };
  }

  async #buy(link: ServerLink, request: ChatRequest, key: AnswerKey, scope: AskScope): Promise<Found> {
    const { throttle, store, ledger, retries, clock, log, name } = this.#options;
    const { signal } = scope;
    const most = worstCase(request);
    const seed = seedOf(request);
    let failures = 0;
    for (;;) {
      const permit = await throttle.acquire({
        question: key.request,
        tokens: most.input + most.output,
        priority: failures > 0 ? 1 : 0,
        signal,
      });
      let end: AttemptEnd = { kind: 'void' };
      let outcome: Awaited<ReturnType<ChatClient['attempt']>>;
      let client: ChatClient;
      try {
        client = await link.connect(signal);
        const reserved = await Budget.reserve(this.#budgets(scope), ledger.amount(most), signal);
        if (reserved instanceof Budget) return this.#outOfBudget(reserved);
        let used = { usd: 0, tokens: 0 };
        try {
          outcome = await client.attempt(request, { signal, seed });
          if (outcome.ok) used = ledger.amount({ ...outcome.reply.tokens, details: outcome.reply.details });
        } finally {
          reserved.settle(used);
        }
        end = endOf(outcome);
        if (outcome.ok) {
          const { details, ...reply } = outcome.reply;
          const answer: ChatAnswer = { request: key.request, ...reply };
          const cost = ledger.buy({ ...reply.tokens, details });
          // The place is kept until the answer is on the disk, so that a kill loses no more than what was in flight.
          await store.put(key, answer, cost);
          return { ok: true, answer, from: 'server', cost_usd: cost };
        }
      } finally {
        permit.end(end);
      }
      log('debug', `${name}: ${outcome.reason}: ${outcome.message}`);
      this.#throwIfHopeless(outcome);
      if (!outcome.retryable) return { ok: false, reason: outcome.reason, message: outcome.message };
      const death = outcome.reason === 'transport' ? await link.death(client) : undefined;
      if (death instanceof Error) throw death;
      throttle.throwIfBroken();
      // While the server is down for everybody, this question is not to blame.
      if (!throttle.down && death !== 'restarts') failures += 1;
      if (failures > retries) {
        if (!throttle.hasAnswered) throw this.#unreachable(outcome.message);
        return { ok: false, reason: outcome.reason, message: `${failures} attempts; the last: ${outcome.message}` };
      }
      await clock.sleep(retryDelayMs(failures, clock), signal);
    }
  }

  #budgets(scope: AskScope): Budget[] {
    return [this.#options.budget, scope.budget].filter((budget) => budget !== undefined);
  }

  #outOfBudget(budget: Budget): Found {
    const message = `the budget of ${budget.limitText} is spent`;
    if (!this.#budgetReported)
      this.#options.log('warn', `${this.#options.name}: ${message}; only kept answers are used from here on`);
    this.#budgetReported = true;
    return { ok: false, reason: 'budget', message };
  }

  #notRecorded(): string {
    const { name, identity, recording } = this.#options;
    if (recording === undefined) return `model "${name}" has neither an endpoint nor a recording`;
    const foreign =
      recording.identity !== undefined && recording.identity !== identity
        ? `; its answers are those of "${recording.identity}", not of "${identity}"`
        : '';
    return `the recording ${recording.path} holds no answer to this question${foreign}, and model "${name}" has no endpoint`;
  }

  #throwIfHopeless(failure: AttemptFailure): void {
    const { name, throttle } = this.#options;
    const { fatal, message } = failure;
    if (fatal !== undefined && !(fatal === 'forbidden' && throttle.hasAnswered)) {
      throw new SecpiError(`models/${fatal}`, `Model "${name}" cannot be asked: ${message}`, {
        hint: FATAL_HINTS[fatal],
      });
    }
    if (failure.reason !== 'refused') return;
    this.#refusals += 1;
    if (throttle.hasAnswered || this.#refusals < REFUSALS_BEFORE_GIVING_UP) return;
    throw new SecpiError(
      'models/refused',
      `Model "${name}" has refused all of the first ${this.#refusals} questions; the last time: ${message}`,
      {
        hint: 'Check that the model takes this max_tokens and this format.',
      },
    );
  }

  #unreachable(message: string): SecpiError {
    return new SecpiError(
      'models/unreachable',
      `Model "${this.#options.name}" has not answered a single time: ${message}`,
      {
        hint: 'Check that its endpoint is right (it should include /v1) and that the server is up.',
      },
    );
  }
}

const FATAL_HINTS: Readonly<Record<NonNullable<AttemptFailure['fatal']>, string>> = {
  unauthorised: 'Set the environment variable that api_key_env names to a valid key.',
  forbidden: 'Check that the key may use this model.',
  'no-such-model': 'Check the spelling of the model, and that the endpoint includes /v1.',
  'no-credit': 'All answers so far are kept: top up the account and run the same command again.',
};

/** A question that is asked again is another question, so none has a second attempt. */
function keyOf(request: Sha256): AnswerKey {
  return { request, attempt: 0 };
}

function endOf(outcome: Awaited<ReturnType<ChatClient['attempt']>>): AttemptEnd {
  if (outcome.ok) return { kind: 'answered', tokens: outcome.reply.tokens.input + outcome.reply.tokens.output };
  const { reason, message, retryAfterSeconds } = outcome;
  if (reason === 'rate_limit' || reason === 'server') return { kind: 'overloaded', message, retryAfterSeconds };
  return reason === 'transport' ? { kind: 'unreachable', message } : { kind: 'void' };
}

/** The most that an attempt can use: two bytes of a prompt make a token at worst, and the answer is as long as allowed. */
function worstCase({ messages, sampling }: ChatRequest) {
  const bytes = messages.reduce((sum, { content }) => sum + Buffer.byteLength(content), 0);
  return { input: estimateTokens(bytes * 2) + 8 * messages.length, output: sampling.max_tokens };
}

/** Further samples get other seeds, or a server that obeys seeds would say the same again. */
function seedOf({ sampling, sample }: ChatRequest): number | undefined {
  if (sampling.seed === undefined) return undefined;
  return (sampling.seed + sample * 7919) % 2 ** 31;
}

function retryDelayMs(failures: number, clock: Clock): number {
  return Math.min(30_000, 250 * 2 ** failures) * (0.5 + 0.5 * clock.random());
}
