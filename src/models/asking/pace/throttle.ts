import type { SecpiError } from '../../../base/errors.js';
import { onAbort } from '../../../base/on-abort.js';
import { type Clock, systemClock } from '../clock.js';
import { nobodyThere, silent } from './given-up.js';
import { type AttemptEnd, Pace, type PaceChange } from './pace.js';
import { RateCeiling } from './rate-ceiling.js';

/** Leave to make one attempt. `end` must be called once, whatever happened. */
export interface Permit {
  /** Where it is to be made: one of the throttle's endpoints. */
  readonly endpoint: string;
  /** The same for messages: ` at http://host/v1`, or nothing. */
  readonly where: string;
  end(result: AttemptEnd): void;
  /** True while that server fails for different questions and answers none: it is not the questions' fault. */
  readonly down: boolean;
}

export type ThrottleEvent = (PaceChange | { readonly type: 'given-up'; readonly message: string }) & {
  /** Where it happened, for messages: ` at http://host/v1`, or nothing. */
  readonly where: string;
};

export interface ThrottleOptions {
  /** The model's name in the recipe, for messages. */
  readonly name: string;
  /** Servers of the model that are asked by turns; an address, or `''` for one that has none. */
  readonly endpoints: readonly string[];
  /** Of each endpoint, like all that follows. */
  readonly concurrency: { readonly start: number; readonly max: number };
  readonly requestsPerMinute?: number | undefined;
  readonly tokensPerMinute?: number | undefined;
  /** Longest time without a single answer while attempts fail. */
  readonly saturationSeconds: number;
  readonly clock?: Clock | undefined;
}

export interface PermitRequest {
  /** The question; a server counts as down only when *different* questions fail. */
  readonly question: string;
  /** What the attempt may use at most, for the tokens-per-minute ceiling. */
  readonly tokens: number;
  /** Those that have been tried go before those that have not. */
  readonly again: boolean;
  readonly signal: AbortSignal;
}

/** A server that has never said a word is given up after so long: no more than 30 s, also where a connection takes 10 s to fail. */
const NOBODY_THERE_SECONDS = 10;
const QUESTIONS_TO_BE_DOWN = 3;

interface Lane {
  readonly endpoint: string;
  readonly where: string;
  pace: Pace;
  readonly ceilings: { readonly requests: RateCeiling | undefined; readonly tokens: RateCeiling | undefined };
  begun: number;
  /** Whether it has ever said anything. */
  reached: boolean;
  readonly failing: Set<string>;
  broken: SecpiError | undefined;
}

interface Waiter extends PermitRequest {
  readonly give: (permit: Permit) => void;
  readonly refuse: (error: unknown) => void;
}

/**
 * Paces the attempts on one model: each of its endpoints has its own {@link Pace} and its own ceilings, and whoever waits
 * gets a place where the least of what is allowed is in use. An endpoint that does nothing but fail is given up after
 * `saturationSeconds`, one that was never reached after a few seconds; when all are, nobody gets a permit any more.
 */
export class Throttle {
  readonly #options: ThrottleOptions;
  readonly #clock: Clock;
  readonly #lanes: readonly Lane[];
  readonly #waiting = { again: new Set<Waiter>(), first: new Set<Waiter>() };
  readonly #listeners = new Set<(event: ThrottleEvent) => void>();
  #timer: { readonly at: number; readonly controller: AbortController } | undefined;
  #hasAnswered = false;

  constructor(options: ThrottleOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#lanes = options.endpoints.map((endpoint) => this.#laneTo(endpoint));
  }

  /** Attempts that may be under way at once right now. */
  get concurrency(): number {
    return this.#lanes.reduce((sum, { broken, pace }) => sum + (broken === undefined ? pace.concurrency : 0), 0);
  }

  /** Whether this model has ever answered. */
  get hasAnswered(): boolean {
    return this.#hasAnswered;
  }

  /** Tells what happens until the returned function is called. */
  listen(listener: (event: ThrottleEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Gives endpoints that were given up another chance: somebody has come who knows nothing of that. */
  forgive(): void {
    for (const lane of this.#lanes) if (lane.broken !== undefined) Object.assign(lane, this.#laneTo(lane.endpoint));
  }

  /** Throws `models/saturated` or `models/unreachable` when all endpoints have been given up. */
  throwIfBroken(): void {
    const [first, ...others] = this.#lanes.map(({ broken }) => broken);
    if (first !== undefined && others.every((error) => error !== undefined)) throw first;
  }

  /** Waits for a free place. Throws what `throwIfBroken` does, and `signal.reason`. */
  async acquire(request: PermitRequest): Promise<Permit> {
    request.signal.throwIfAborted();
    this.throwIfBroken();
    return new Promise((resolve, reject) => {
      const { signal } = request;
      const line = request.again ? this.#waiting.again : this.#waiting.first;
      const deafen = onAbort(signal, () => {
        waiter.refuse(signal.reason);
        this.#serve();
      });
      const leave = (): void => {
        deafen();
        line.delete(waiter);
      };
      const waiter: Waiter = {
        give: (permit) => {
          leave();
          resolve(permit);
        },
        refuse: (error) => {
          leave();
          reject(error);
        },
        ...request,
      };
      line.add(waiter);
      this.#serve();
    });
  }

  #laneTo(endpoint: string): Lane {
    const { concurrency, requestsPerMinute, tokensPerMinute } = this.#options;
    const ceiling = (perMinute: number | undefined) =>
      perMinute === undefined ? undefined : new RateCeiling(perMinute);
    return {
      endpoint,
      where: endpoint === '' ? '' : ` at ${withoutSecrets(endpoint)}`,
      pace: new Pace(concurrency, () => this.#clock.random()),
      ceilings: { requests: ceiling(requestsPerMinute), tokens: ceiling(tokensPerMinute) },
      begun: 0,
      reached: false,
      failing: new Set(),
      broken: undefined,
    };
  }

  /** Gives places to those who wait, or sees to it that it is done when the time has come. */
  #serve(): void {
    for (;;) {
      const [waiter] = this.#waiting.again.size > 0 ? this.#waiting.again : this.#waiting.first;
      const now = this.#clock.now();
      const free = waiter && this.#nextFree(now);
      if (waiter === undefined || free === undefined || free.at > now) {
        this.#wakeAt(free?.at, now);
        return;
      }
      waiter.give(this.#permit(free.lane, waiter, now));
    }
  }

  /** Which lane has room first, and when. Of those that have room now, the one that is used least. */
  #nextFree(now: number): { readonly lane: Lane; readonly at: number } | undefined {
    let best: { readonly lane: Lane; readonly at: number } | undefined;
    for (const lane of this.#lanes) {
      const next = lane.broken === undefined ? lane.pace.next(now) : undefined;
      if (next === undefined) continue;
      const { requests, tokens } = lane.ceilings;
      const at = Math.max(now, next, now + (requests?.wait(now) ?? 0), now + (tokens?.wait(now) ?? 0));
      if (best === undefined || at < best.at || (at === best.at && isLessUsed(lane, best.lane))) best = { lane, at };
    }
    return best;
  }

  #wakeAt(at: number | undefined, now: number): void {
    if (this.#timer?.at === at) return;
    this.#timer?.controller.abort(new Error('not needed any more'));
    this.#timer = undefined;
    if (at === undefined) return;
    const controller = new AbortController();
    const timer = { at, controller };
    this.#timer = timer;
    this.#clock.sleep(at - now, controller.signal).then(
      () => {
        if (this.#timer === timer) this.#timer = undefined;
        this.#serve();
      },
      () => undefined,
    );
  }

  #permit(lane: Lane, { question, tokens }: Waiter, now: number): Permit {
    const { pace, ceilings } = lane;
    ceilings.requests?.book(1, now);
    ceilings.tokens?.book(tokens, now);
    const attempt = pace.begin(now);
    lane.begun += 1;
    let ended = false;
    return {
      endpoint: lane.endpoint,
      where: lane.where,
      get down() {
        return lane.pace.open && lane.failing.size >= QUESTIONS_TO_BE_DOWN;
      },
      end: (result) => {
        if (ended) return;
        ended = true;
        ceilings.tokens?.refund(tokens - (result.kind === 'answered' ? result.tokens : 0));
        const wanted = this.#waiting.first.size + this.#waiting.again.size > 0;
        const change = pace.end(attempt, result, this.#clock.now(), wanted);
        // An endpoint that was given up meanwhile and taken up again knows nothing of this attempt.
        if (lane.pace === pace) this.#learn(lane, question, result, change);
        this.#serve();
      },
    };
  }

  #learn(lane: Lane, question: string, result: AttemptEnd, change: PaceChange | undefined): void {
    if (change !== undefined) this.#tell({ ...change, where: this.#whereOf(lane) });
    lane.reached ||= result.kind !== 'unreachable' && result.kind !== 'void';
    if (result.kind === 'answered') {
      this.#hasAnswered = true;
      lane.failing.clear();
    } else if (result.kind !== 'void') {
      if (lane.failing.size < QUESTIONS_TO_BE_DOWN) lane.failing.add(question);
      this.#giveUpInTime(lane, result);
    }
  }

  /** Only when all fails: answers may take longer than patience with failures goes. */
  #giveUpInTime(lane: Lane, result: Exclude<AttemptEnd, { kind: 'answered' | 'void' }>): void {
    if (lane.broken !== undefined) return;
    const now = this.#clock.now();
    const troubled = lane.pace.troubledSeconds(now);
    const patience = Math.min(NOBODY_THERE_SECONDS, this.#options.saturationSeconds);
    const nobody = !lane.reached && lane.pace.allFailed(2) && troubled >= patience;
    const saturated = lane.pace.open && troubled >= this.#options.saturationSeconds;
    if (!nobody && !saturated) return;
    const whom = { name: this.#options.name, where: lane.where, seconds: Math.round(troubled), last: result };
    lane.broken = nobody ? nobodyThere(whom) : silent(whom);
    if (this.#lanes.some(({ broken }) => broken === undefined)) {
      this.#tell({ type: 'given-up', message: lane.broken.message, where: lane.where });
      return;
    }
    for (const line of [this.#waiting.again, this.#waiting.first])
      for (const waiter of [...line]) waiter.refuse(lane.broken);
  }

  /** Named in messages only where there are several. */
  #whereOf(lane: Lane): string {
    return this.#lanes.length > 1 ? lane.where : '';
  }

  #tell(event: ThrottleEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}

function isLessUsed(a: Lane, b: Lane): boolean {
  return a.pace.load < b.pace.load || (a.pace.load === b.pace.load && a.begun < b.begun);
}

/** An address may hold a name and a password, or a key in its query. */
function withoutSecrets(endpoint: string): string {
  const { origin, pathname } = new URL(endpoint);
  return `${origin}${pathname}`.replace(/\/$/, '');
}
