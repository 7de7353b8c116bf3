import type { Sha256 } from '../../base/hash.js';
import { type AnswerKey, keyText } from '../answers/answer-row.js';
import type { AnswerStore } from '../answers/answer-store.js';
import type { Recording } from '../answers/recording.js';
import { requestHash } from '../answers/request-hash.js';
import type { AskFailure, ChatAnswer, ChatRequest } from '../chat.js';
import type { BatchBuyer } from './batch/batch-buyer.js';
import type { Amount, Budget } from './budget.js';
import type { Clock } from './clock.js';
import type { Ending } from './ending.js';
import { type Hopes, isSomebodyThere } from './hopes.js';
import type { Ledger } from './ledger.js';
import type { Notices } from './notices.js';
import type { AttemptEnd } from './pace/pace.js';
import type { Permit, Throttle } from './pace/throttle.js';
import type { SeenAnswers } from './seen-answers.js';
import type { AttemptFailure } from './wire/attempt-failure.js';
import type { ChatClient } from './wire/openai-client.js';
import { seedOf, type Tokens, worstCase } from './worst-case.js';

export type Found =
  | {
      readonly ok: true;
      readonly answer: ChatAnswer;
      readonly from: 'recording' | 'store' | 'server';
      /** What it cost when it was bought; of equal questions, for one of them. */
      readonly cost_usd: number;
    }
  | { readonly ok: false; readonly reason: AskFailure; readonly message: string };

/** A server that may have to be started first. */
export interface ServerLink {
  /** Connects to one of the model's endpoints, starting the server where we do that ourselves. */
  connect(endpoint: string, signal: AbortSignal): Promise<ChatClient>;
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
  /** Who buys answers, where many questions are handed in together. */
  readonly batches?: Pick<BatchBuyer, 'buy'> | undefined;
  readonly throttle: Throttle;
  readonly hopes: Hopes;
  readonly ledger: Ledger;
  readonly budget: Budget | undefined;
  /** Further attempts after a failed one. */
  readonly retries: number;
  readonly clock: Clock;
  readonly notices: Notices;
}

/** What one call of `ask` shares among its rows. */
export interface AskScope {
  readonly signal: AbortSignal;
  /** Questions being asked right now: equal rows share one answer. */
  readonly underway: Map<string, Promise<Found>>;
  readonly ending: Ending;
  /** Answers whose cost was given out. */
  readonly paid: SeenAnswers;
}

/** An attempt that met a server with too much to do counts so much against `retries`: it is hardly the question's fault. */
const BUSY_COUNTS = 0.25;

/** Finds answers, cheapest first: in the recording, in the store, and then by asking the server until it answers. */
export class AnswerSource {
  readonly #options: AnswerSourceOptions;

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
    const { store, ledger, budget, hopes } = this.#options;
    if (!store.has(key)) return undefined;
    // Before it is read: the first refusal may be quicker than the disk.
    hopes.foundKept();
    // A budget is about the data, not about the process: what an interrupted run bought counts, at the price of then.
    const count = budget?.expect(key);
    let stored: Awaited<ReturnType<AnswerStore['get']>>;
    try {
      stored = await store.get(key);
    } finally {
      // Also when it cannot be read: others of this run would wait for ever for what it cost.
      count?.(stored && ledger.amount(stored.answer.tokens, stored.cost_usd));
    }
    return stored && this.#found(key, stored.answer, 'store', stored.cost_usd, scope);
  }

  #found(key: AnswerKey, answer: ChatAnswer, from: 'store' | 'server', costUsd: number, { paid }: AskScope): Found {
    return { ok: true, answer, from, cost_usd: costUsd > 0 && paid.add(key) ? costUsd : 0 };
  }

  /** Asks the server until it answers. What would meet every question ends the whole call, once what is under way is there. */
  async #buy(link: ServerLink, request: ChatRequest, key: AnswerKey, scope: AskScope): Promise<Found> {
    const { signal, ending } = scope;
    const { batches } = this.#options;
    try {
      if (batches === undefined) return await this.#ask(link, request, key, scope);
      const bought = await batches.buy(request, key, scope);
      return bought.ok ? this.#found(key, bought.answer, bought.from, bought.cost_usd, scope) : bought;
    } catch (error) {
      if (signal.aborted) throw error;
      return ending.end(error, signal);
    }
  }

  async #ask(link: ServerLink, request: ChatRequest, key: AnswerKey, scope: AskScope): Promise<Found> {
    const { throttle, retries, clock, hopes } = this.#options;
    const { signal, ending } = scope;
    const most = worstCase(request);
    let failures = 0;
    let attempts = 0;
    for (;;) {
      const permit = await throttle.acquire({
        question: key.request,
        tokens: most.input + most.output,
        again: attempts > 0,
        signal,
      });
      let end: AttemptEnd = { kind: 'void' };
      let tried: Tried;
      const ended = ending.begin();
      try {
        if (ending.ends) throw new Error('the asking has ended');
        tried = await this.#attempt(link, permit, request, key, most, scope);
        end = tried.end;
      } finally {
        permit.end(end);
        ended();
      }
      if ('found' in tried) return tried.found;
      const { failure, client } = tried;
      attempts += 1;
      this.#note(failure);
      hopes.throwIfNone(failure, permit.where);
      if (!failure.retryable) return { ok: false, reason: failure.reason, message: failure.message };
      const death = failure.reason === 'transport' ? await link.death(client) : undefined;
      if (death instanceof Error) throw death;
      throttle.throwIfBroken();
      // While the server is down for everybody, this question is not to blame.
      if (!permit.down && death !== 'restarts') failures += failure.busy === true ? BUSY_COUNTS : 1;
      if (failures > retries) {
        hopes.throwIfNeverAnswered(failure, permit.where);
        return { ok: false, reason: failure.reason, message: `${attempts} attempts; the last: ${failure.message}` };
      }
      await clock.sleep(retryDelayMs(failures, clock), signal);
    }
  }

  async #attempt(
    link: ServerLink,
    { endpoint }: Permit,
    request: ChatRequest,
    key: AnswerKey,
    most: Tokens,
    scope: AskScope,
  ): Promise<Tried> {
    const { name, store, ledger, budget } = this.#options;
    const { signal } = scope;
    const client = await link.connect(endpoint, signal);
    const worst = ledger.atMost(most);
    const reserved = await budget?.reserve(worst, signal);
    if (budget !== undefined && reserved === undefined) throw budget.spentError(name, worst);
    let used: Amount = { usd: 0, tokens: 0 };
    let outcome: Awaited<ReturnType<ChatClient['attempt']>>;
    try {
      // What this one waited for may have been the end.
      if (scope.ending.ends) throw new Error('the asking has ended');
      outcome = await client.attempt(request, { signal, seed: seedOf(request) });
      if (outcome.ok) used = ledger.amount({ details: outcome.reply.details, ...outcome.reply.tokens });
    } finally {
      reserved?.settle(used, used.tokens > 0 ? key : undefined);
    }
    const end = endOf(outcome);
    if (!outcome.ok) return { end, failure: outcome, client };
    const { details, ...reply } = outcome.reply;
    const answer: ChatAnswer = { request: key.request, ...reply };
    const cost = ledger.buy({ details, ...reply.tokens });
    // The place is kept until the answer is on the disk, so that a kill loses no more than what was in flight.
    await store.put(key, answer, cost);
    return { end, found: this.#found(key, answer, 'server', cost, scope) };
  }

  #note({ reason, message }: AttemptFailure): void {
    const { notices, name } = this.#options;
    notices.note(`failed: ${reason}`, 'info', `${name}: an attempt failed (${reason}: ${message})`);
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
}

/** How an attempt ended, for the pace and for the question. */
type Tried = { readonly end: AttemptEnd } & (
  | { readonly found: Found }
  | { readonly failure: AttemptFailure; readonly client: ChatClient }
);

/** A question that is asked again is another question, so none has a second attempt. */
function keyOf(request: Sha256): AnswerKey {
  return { request, attempt: 0 };
}

function endOf(outcome: Awaited<ReturnType<ChatClient['attempt']>>): AttemptEnd {
  if (outcome.ok) return { kind: 'answered', tokens: outcome.reply.tokens.input + outcome.reply.tokens.output };
  const { reason, load, message, retryAfterSeconds } = outcome;
  if (load === true) return { kind: 'overloaded', message, retryAfterSeconds };
  if (reason === 'refused') return { kind: 'void' };
  return { kind: isSomebodyThere(outcome) ? 'faulty' : 'unreachable', message };
}

function retryDelayMs(failures: number, clock: Clock): number {
  return Math.min(30_000, 250 * 2 ** failures) * (0.5 + 0.5 * clock.random());
}
