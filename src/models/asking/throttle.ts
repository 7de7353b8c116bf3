import PQueue from 'p-queue';
import { SecpiError } from '../../base/errors.js';
import { type Clock, systemClock } from './clock.js';
import { RateCeiling } from './rate-ceiling.js';

/** How an attempt ended, as far as the pace is concerned. */
export type AttemptEnd =
  | { readonly kind: 'answered'; readonly tokens: number }
  /** 429 or 5xx: too much at once. */
  | { readonly kind: 'overloaded'; readonly message: string; readonly retryAfterSeconds?: number | undefined }
  /** No connection, or one that broke. */
  | { readonly kind: 'unreachable'; readonly message: string }
  /** Says nothing about the server: refused for its content, or aborted by us. */
  | { readonly kind: 'void' };

/** Leave to make one attempt. `end` must be called once, whatever happened. */
export interface Permit {
  end(result: AttemptEnd): void;
}

export type ThrottleEvent =
  | { readonly type: 'slower'; readonly concurrency: number; readonly pause_seconds: number; readonly message: string }
  | { readonly type: 'circuit-open'; readonly message: string }
  | { readonly type: 'circuit-closed'; readonly concurrency: number };

export interface ThrottleOptions {
  /** Whom it is about, for messages. */
  readonly name: string;
  readonly concurrency: { readonly start: number; readonly max: number };
  readonly requestsPerMinute?: number | undefined;
  readonly tokensPerMinute?: number | undefined;
  /** Longest time without a single answer while attempts fail. */
  readonly saturationSeconds: number;
  readonly clock?: Clock | undefined;
  readonly onEvent?: ((event: ThrottleEvent) => void) | undefined;
}

export interface PermitRequest {
  /** The question; the circuit opens only when *different* questions fail. */
  readonly question: string;
  /** What the attempt may use at most, for the tokens-per-minute ceiling. */
  readonly tokens: number;
  /** Higher goes first. */
  readonly priority: number;
  readonly signal: AbortSignal;
}

const CUT = 0.7;
const FAST_GROWTH = 0.25;
const MAX_RETRY_AFTER_SECONDS = 300;
const MAX_BACKOFF_SECONDS = 60;
/** So many failed rounds without one answer in between, over so many different questions: the server is down. */
const BURSTS_TO_OPEN = 3;
const QUESTIONS_TO_OPEN = 3;

/**
 * Paces the attempts on one (endpoint, model).
 *
 * Concurrency grows by a quarter per round while all is well, by one per round after the first overload, and is cut once
 * per burst: failures of attempts that started before the last cut say nothing new. A pause follows each burst: what
 * `Retry-After` says (at most 300 s), else a growing one. When the server does nothing but fail, one attempt at a time
 * probes it (the circuit is open); after `saturationSeconds` of that it is given up.
 */
export class Throttle {
  readonly #options: ThrottleOptions;
  readonly #clock: Clock;
  readonly #queue: PQueue;
  readonly #requests: RateCeiling | undefined;
  readonly #tokens: RateCeiling | undefined;
  readonly #closed = new AbortController();
  #limit: number;
  #hasBeenCut = false;
  /** Raised by each burst; an attempt carries the number it started under. */
  #epoch = 0;
  #bursts = 0;
  #open = false;
  #failing = new Set<string>();
  #troubledSince: number | undefined;
  #pausedUntil = Number.NEGATIVE_INFINITY;
  #broken: SecpiError | undefined;
  #answers = 0;

  constructor(options: ThrottleOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#limit = options.concurrency.start;
    this.#queue = new PQueue({ concurrency: options.concurrency.start });
    const { requestsPerMinute, tokensPerMinute } = options;
    this.#requests = requestsPerMinute === undefined ? undefined : new RateCeiling(requestsPerMinute);
    this.#tokens = tokensPerMinute === undefined ? undefined : new RateCeiling(tokensPerMinute);
  }

  /** Attempts that may be under way at once right now. */
  get concurrency(): number {
    return this.#queue.concurrency;
  }

  /** True while the server fails for different questions and answers none: it is not the questions' fault. */
  get down(): boolean {
    return this.#open && this.#failing.size >= QUESTIONS_TO_OPEN;
  }

  /** Whether this server has ever answered. */
  get hasAnswered(): boolean {
    return this.#answers > 0;
  }

  /** Throws `models/saturated` when the server has been given up. */
  throwIfBroken(): void {
    if (this.#broken !== undefined) throw this.#broken;
  }

  /** Waits for a free place. Throws `models/saturated` and `signal.reason`. */
  acquire(request: PermitRequest): Promise<Permit> {
    return new Promise((resolve, reject) => {
      const { priority, signal } = request;
      // The place stays taken until the permit has ended; p-queue frees it earlier only when everything is aborted.
      this.#queue.add(() => this.#hold(request, resolve), { priority, signal }).catch(reject);
    });
  }

  /** Stops its timers. No permit is given any more. */
  close(): void {
    this.#closed.abort(new Error('the throttle is closed'));
  }

  async #hold({ question, tokens, signal }: PermitRequest, give: (permit: Permit) => void): Promise<void> {
    this.throwIfBroken();
    const now = this.#clock.now();
    const wait = Math.max(this.#requests?.book(1, now) ?? 0, this.#tokens?.book(tokens, now) ?? 0);
    try {
      if (wait > 0) await this.#clock.sleep(wait, signal);
      // A pause may have begun meanwhile.
      for (let rest = this.#rest(); rest > 0; rest = this.#rest()) await this.#clock.sleep(rest, signal);
      this.throwIfBroken();
    } catch (error) {
      this.#requests?.refund(1);
      this.#tokens?.refund(tokens);
      throw error;
    }
    const epoch = this.#epoch;
    await new Promise<void>((release) => {
      let ended = false;
      give({
        end: (result) => {
          if (ended) return;
          ended = true;
          this.#tokens?.refund(tokens - (result.kind === 'answered' ? result.tokens : 0));
          if (result.kind === 'answered') this.#succeeded();
          else if (result.kind !== 'void') this.#failed(result, question, epoch);
          release();
        },
      });
    });
  }

  #succeeded(): void {
    this.#answers += 1;
    this.#bursts = 0;
    this.#failing.clear();
    this.#troubledSince = undefined;
    const inUse = this.#queue.size > 0 || this.#queue.pending >= Math.floor(this.#limit);
    if (inUse) {
      const step = this.#hasBeenCut ? 1 / this.#limit : FAST_GROWTH;
      this.#limit = Math.min(this.#options.concurrency.max, this.#limit + step);
    }
    if (this.#open) {
      this.#open = false;
      this.#applyLimit();
      this.#options.onEvent?.({ type: 'circuit-closed', concurrency: this.#queue.concurrency });
    } else {
      this.#applyLimit();
    }
  }

  #failed(result: Exclude<AttemptEnd, { kind: 'answered' | 'void' }>, question: string, epoch: number): void {
    const now = this.#clock.now();
    this.#troubledSince ??= now;
    if (this.#failing.size < QUESTIONS_TO_OPEN) this.#failing.add(question);
    const asked = result.kind === 'overloaded' ? result.retryAfterSeconds : undefined;
    const obeyed = asked === undefined ? 0 : Math.min(asked, MAX_RETRY_AFTER_SECONDS);
    if (epoch === this.#epoch) {
      this.#epoch += 1;
      this.#bursts += 1;
      const overloaded = result.kind === 'overloaded';
      if (overloaded) {
        this.#limit = Math.max(1, Math.floor(Math.min(this.#limit, this.#queue.pending) * CUT));
        this.#hasBeenCut = true;
      }
      const backoff = overloaded || this.#bursts > 1 ? this.#backoffSeconds() : 0;
      this.#pause(now, asked === undefined ? backoff : obeyed);
      const opens = this.#bursts >= BURSTS_TO_OPEN && !this.#open;
      this.#open ||= opens;
      this.#applyLimit();
      const pause_seconds = Math.max(0, this.#pausedUntil - now) / 1000;
      if (opens) this.#options.onEvent?.({ type: 'circuit-open', message: result.message });
      else if (overloaded) {
        const { concurrency } = this.#queue;
        this.#options.onEvent?.({ type: 'slower', concurrency, pause_seconds, message: result.message });
      }
    } else {
      this.#pause(now, obeyed);
    }
    const troubledSeconds = (now - this.#troubledSince) / 1000;
    if (troubledSeconds >= this.#options.saturationSeconds) this.#break(troubledSeconds, result.message, asked);
  }

  #applyLimit(): void {
    this.#queue.concurrency = this.#open ? 1 : Math.max(1, Math.floor(this.#limit));
  }

  #backoffSeconds(): number {
    const whole = Math.min(MAX_BACKOFF_SECONDS, 2 ** (this.#bursts - 1));
    return whole * (0.5 + 0.5 * this.#clock.random());
  }

  #rest(): number {
    return this.#pausedUntil - this.#clock.now();
  }

  #pause(now: number, seconds: number): void {
    const until = now + seconds * 1000;
    if (seconds <= 0 || until <= this.#pausedUntil) return;
    this.#pausedUntil = until;
    if (this.#queue.isPaused) return;
    this.#queue.pause();
    void this.#resumeInTime();
  }

  async #resumeInTime(): Promise<void> {
    try {
      for (let rest = this.#rest(); rest > 0; rest = this.#rest()) await this.#clock.sleep(rest, this.#closed.signal);
    } catch {
      return; // closed
    }
    this.#queue.start();
  }

  #break(seconds: number, message: string, asked: number | undefined): void {
    const wish = asked === undefined ? '' : ` It asked for ${Math.round(asked)} s of patience.`;
    this.#broken = new SecpiError(
      'models/saturated',
      `${this.#options.name} has answered nothing for ${Math.round(seconds)} s; the last thing it said: ${message}.${wish}`,
      {
        hint: 'All answers so far are kept: run the same command again once the server is well. A lower concurrency.start or requests_per_minute may help.',
      },
    );
    this.#pausedUntil = Number.NEGATIVE_INFINITY;
    this.#queue.start();
  }
}
