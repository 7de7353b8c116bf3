/** How an attempt ended, as far as the pace is concerned. */
export type AttemptEnd =
  | { readonly kind: 'answered'; readonly tokens: number }
  /** 429 or 5xx: perhaps too much at once. */
  | { readonly kind: 'overloaded'; readonly message: string; readonly retryAfterSeconds?: number | undefined }
  /** A reply that is none: nobody knows why. */
  | { readonly kind: 'faulty'; readonly message: string }
  /** No connection, one that broke, or somebody there who is no model's server. */
  | { readonly kind: 'unreachable'; readonly message: string }
  /** Says nothing about the server: refused for its content, or aborted by us. */
  | { readonly kind: 'void' };

/** What a pace has just done, for those who want to tell somebody. */
export type PaceChange =
  | { readonly type: 'slower'; readonly concurrency: number; readonly pause_seconds: number; readonly message: string }
  | { readonly type: 'circuit-open'; readonly message: string }
  | { readonly type: 'circuit-closed'; readonly concurrency: number };

/** One attempt under way. */
export interface Started {
  /** Counts all attempts of this pace. */
  readonly number: number;
  readonly at: number;
  /** It was begun although others hold all places, to see whether they need to be waited for. */
  readonly beside: boolean;
}

interface Trouble {
  /** When the first failure came that no answer has followed. */
  since: number;
  /** The last attempt that was under way then, and how many of those still are. */
  readonly newest: number;
  readonly underway: number;
  left: number;
  failures: number;
}

/** A share of recent attempts that fail for load, and so many of them, is a burst; less is noise. */
const BURST_SHARE = 0.25;
const BURST_FAILURES = 5;
const BURST_WINDOW = 20;
const CUT = 0.7;
/** Where the next burst is expected: a little below the last one. */
const JUST_BELOW = 0.95;
const LATENCY_WEIGHT = 0.05;
/** An outage is that nearly all that was under way has failed, or half of it while for two answers' time none came. */
const OUTAGE_SHARE = 0.9;
const OUTAGE_FAILURES = 4;
const OUTAGE_SILENCE = 2;
/** What an answer is taken to need while none has come yet. */
const UNKNOWN_LATENCY_MS = 15_000;
/** While nothing works, it is tried again after a quarter of the time that it has lasted, within these bounds. */
const PROBE_SHARE = 0.25;
const PROBE_SECONDS = { first: 0.5, last: 15 } as const;
/** A probe that takes longer than this is not waited for before the next one is sent. */
const PATIENT_WITH_PROBE_SECONDS = 30;
const MAX_RETRY_AFTER_SECONDS = 300;
/** After an outage nothing is known against the old pace: it is taken up from this part of it, and doubles. */
const COME_BACK_AT = 0.25;

/**
 * How many attempts one server takes at once, found out by what becomes of them. It knows no timers: whoever uses it says
 * what time it is.
 *
 * Load is told from noise. A lone failure changes nothing here; the question that met it tries again on its own back-off.
 * A *burst* (a quarter of the recent attempts fail for load) cuts the limit by 0.7, once for all attempts that were under
 * way then, and so does an explicit `Retry-After`, which is obeyed. From there it doubles every round up to the ceiling
 * that it remembers, a little below where the burst came; beyond it grows by a step a round that slowly gets larger. When
 * a burst comes below that ceiling already, the ceiling falls to what was cut to, if only something of what began since
 * the last cut was answered: else nobody knows how much would be. While attempts from before the last cut hold all places,
 * single ones beside them find out whether the server takes new ones again.
 *
 * An *outage* is something else: nearly all that was under way fails and nothing is answered. It says nothing about how
 * much the server can take. Single attempts probe it, and with the first answer the old limit comes back within a few rounds.
 */
export class Pace {
  readonly #max: number;
  readonly #random: () => number;
  #limit: number;
  #ceiling: number;
  /** Rounds since the last cut; a round is as many answers to fresh attempts as there may be attempts at once. */
  #rounds = 0;
  /** Limit and ceiling when there was last a round without a cut: what an outage does not change. */
  #calm: { readonly limit: number; readonly ceiling: number };
  #numbers = 0;
  #underway = 0;
  /** Attempts up to this one say nothing new about load: they were under way at the last cut. */
  #cutAt = 0;
  /** When the first of those cuts came since which nothing fresh was answered; `undefined` once something was. */
  #cutSince: number | undefined;
  /** Of the attempts since then: how many are under way, how many ended, how many of those failed for load. The last two fade. */
  #fresh = 0;
  #ended = 0;
  #refused = 0;
  #trouble: Trouble | undefined;
  #open = false;
  /** The last attempt before the circuit opened. */
  #openedAt = 0;
  #latencyMs = UNKNOWN_LATENCY_MS;
  #probeAt = Number.NEGATIVE_INFINITY;
  #pausedUntil = Number.NEGATIVE_INFINITY;

  constructor(concurrency: { readonly start: number; readonly max: number }, random: () => number) {
    this.#max = concurrency.max;
    this.#limit = concurrency.start;
    this.#ceiling = concurrency.max;
    this.#calm = { limit: this.#limit, ceiling: this.#ceiling };
    this.#random = random;
  }

  /** Attempts that may be under way at once; 1 while the circuit is open. */
  get concurrency(): number {
    return this.#open ? 1 : Math.max(1, Math.floor(this.#limit));
  }

  /** True while nothing works and single attempts probe. */
  get open(): boolean {
    return this.#open;
  }

  /** For how long nothing was answered while attempts failed, in seconds. */
  troubledSeconds(now: number): number {
    return this.#trouble === undefined ? 0 : (now - this.#trouble.since) / 1000;
  }

  /** Whether of what was under way at the first failure nothing came of nearly all, and so many have failed since the last answer. */
  allFailed(atLeast: number): boolean {
    if (this.#trouble === undefined) return false;
    const { failures, left, underway } = this.#trouble;
    return failures >= atLeast && left <= underway * (1 - OUTAGE_SHARE);
  }

  /**
   * When the next attempt may begin, in milliseconds of the clock: now or earlier if there is room; `undefined` if one must
   * end first.
   */
  next(now: number): number | undefined {
    if (this.#open) return Math.max(this.#probeAt, this.#pausedUntil);
    if (this.#underway < this.concurrency) return Math.max(now, this.#pausedUntil);
    return this.#fresh === 0 ? Math.max(now, this.#probeAt, this.#pausedUntil) : undefined;
  }

  /** How much of the limit is in use, from 0. */
  get load(): number {
    return this.#underway / this.concurrency;
  }

  begin(now: number): Started {
    const beside = this.#underway >= this.concurrency;
    this.#underway += 1;
    this.#fresh += 1;
    this.#numbers += 1;
    if (this.#open) this.#probeAt = now + PATIENT_WITH_PROBE_SECONDS * 1000;
    return { number: this.#numbers, at: now, beside };
  }

  /** `wanted`: somebody waits for a place, so more of them would be used. */
  end(attempt: Started, result: AttemptEnd, now: number, wanted: boolean): PaceChange | undefined {
    const wasFull = this.#underway >= this.concurrency;
    this.#underway -= 1;
    if (attempt.number > this.#cutAt) this.#fresh -= 1;
    if (result.kind === 'void') {
      this.#leave(attempt);
      // A probe that says nothing has another one in its place: what follows it must not wait as for one that hangs.
      if (this.#open && attempt.number > this.#openedAt)
        this.#probeAt = Math.min(this.#probeAt, now + this.#probeWaitMs(0));
      return undefined;
    }
    if (result.kind === 'answered') return this.#answered(attempt, now, wanted || wasFull);
    return this.#failed(attempt, result, now);
  }

  #answered({ number, at }: Started, now: number, inUse: boolean): PaceChange | undefined {
    const fresh = number > this.#cutAt;
    this.#latencyMs += (now - at - this.#latencyMs) * (this.#latencyMs === UNKNOWN_LATENCY_MS ? 1 : LATENCY_WEIGHT);
    if (this.#open && number <= this.#openedAt) {
      // It says nothing about what would become of a new one, but somebody is there.
      if (this.#trouble !== undefined) this.#trouble.since = now;
      return undefined;
    }
    this.#trouble = undefined;
    if (this.#open) return this.#comeBack();
    if (!fresh) return undefined;
    this.#cutSince = undefined;
    this.#count(false);
    if (inUse) this.#grow();
    return undefined;
  }

  #comeBack(): PaceChange {
    const { limit, ceiling } = this.#calm;
    this.#open = false;
    this.#limit = Math.max(1, limit * COME_BACK_AT);
    this.#ceiling = Math.max(limit, ceiling);
    this.#probeAt = Number.NEGATIVE_INFINITY;
    this.#forget();
    return { type: 'circuit-closed', concurrency: this.concurrency };
  }

  #grow(): void {
    this.#rounds += 1 / this.#limit;
    const step = this.#limit < this.#ceiling ? 1 : this.#rounds / 8 / this.#limit;
    const bound = this.#limit < this.#ceiling ? this.#ceiling : this.#max;
    this.#limit = Math.min(bound, this.#max, this.#limit + step);
  }

  #failed(
    attempt: Started,
    result: Exclude<AttemptEnd, { kind: 'answered' | 'void' }>,
    now: number,
  ): PaceChange | undefined {
    const asked = result.kind === 'overloaded' ? result.retryAfterSeconds : undefined;
    const pause = asked === undefined ? 0 : Math.min(asked, MAX_RETRY_AFTER_SECONDS);
    this.#pausedUntil = Math.max(this.#pausedUntil, now + pause * 1000);
    if (attempt.beside && !this.#open) {
      // It was one too many anyhow.
      this.#leave(attempt);
      this.#probeAt = now + this.#probeWaitMs((now - (this.#cutSince ?? now)) / 1000);
      return undefined;
    }
    const trouble = this.#noteTrouble(attempt, now);
    if (this.#open) {
      this.#probeAt = now + this.#probeWaitMs(this.troubledSeconds(now));
      return undefined;
    }
    const { underway, failures, since } = trouble;
    const silent = failures >= underway / 2 && now - since >= this.#latencyMs * OUTAGE_SILENCE;
    if (this.allFailed(OUTAGE_FAILURES) || (silent && failures >= OUTAGE_FAILURES)) {
      this.#remember();
      this.#open = true;
      this.#openedAt = this.#numbers;
      this.#probeAt = now + this.#probeWaitMs(this.troubledSeconds(now));
      return { type: 'circuit-open', message: result.message };
    }
    if (attempt.number <= this.#cutAt) return undefined;
    this.#count(result.kind === 'overloaded');
    const burst = this.#refused >= BURST_FAILURES && this.#refused >= (this.#ended + this.#fresh) * BURST_SHARE;
    if (result.kind !== 'overloaded' || !(burst || pause > 0)) return undefined;
    this.#cut(now);
    const pause_seconds = Math.max(0, this.#pausedUntil - now) / 1000;
    return { type: 'slower', concurrency: this.concurrency, pause_seconds, message: result.message };
  }

  #noteTrouble(attempt: Started, now: number): Trouble {
    // The attempt that has just failed was under way too.
    const underway = this.#underway + 1;
    this.#trouble ??= {
      since: now,
      newest: this.#numbers,
      underway,
      left: underway,
      failures: 0,
    };
    this.#trouble.failures += 1;
    this.#leave(attempt);
    return this.#trouble;
  }

  /** It may have been under way when the trouble began. */
  #leave({ number }: Started): void {
    if (this.#trouble !== undefined && number <= this.#trouble.newest) this.#trouble.left -= 1;
  }

  #cut(now: number): void {
    const level = Math.min(this.#limit, this.#underway + 1);
    const next = Math.max(1, Math.floor(level * CUT));
    const below = Math.min(level * JUST_BELOW, level - 1);
    this.#remember();
    if (this.#cutSince === undefined) this.#ceiling = this.#limit >= this.#ceiling ? Math.max(next, below) : next;
    this.#cutSince ??= now;
    this.#limit = next;
    this.#forget();
  }

  #remember(): void {
    if (this.#rounds >= 1) this.#calm = { limit: this.#limit, ceiling: this.#ceiling };
  }

  #forget(): void {
    this.#rounds = 0;
    this.#cutAt = this.#numbers;
    this.#fresh = 0;
    this.#ended = 0;
    this.#refused = 0;
  }

  #count(refused: boolean): void {
    const keep = 1 - 1 / Math.max(BURST_WINDOW, this.#limit);
    this.#ended = this.#ended * keep + 1;
    this.#refused = this.#refused * keep + (refused ? 1 : 0);
  }

  /** `lasted`: for how many seconds nothing has worked. */
  #probeWaitMs(lasted: number): number {
    const { first, last } = PROBE_SECONDS;
    const seconds = Math.min(last, Math.max(first, lasted * PROBE_SHARE));
    return seconds * 1000 * (0.75 + 0.25 * this.#random());
  }
}
