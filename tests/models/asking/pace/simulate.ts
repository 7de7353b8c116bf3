import { randomFrom } from '../../../../bench/made-up/seeded.js';
import { type AttemptEnd, Pace, type PaceChange, type Started } from '../../../../src/models/asking/pace/pace.js';

/** What the server does with one attempt, and after how many milliseconds. */
export interface Fate {
  readonly end: AttemptEnd;
  readonly ms: number;
}

/** A server: `busy` is how many attempts it works on that it has not refused. */
export type Server = (now: number, busy: number, random: () => number) => Fate;

export interface Simulated {
  readonly seconds: number;
  /** When 97 % of the rows were settled: then the last ones wait for their back-off. */
  readonly nearlyAll: number;
  readonly attempts: number;
  readonly changes: readonly (PaceChange & { readonly at: number })[];
  /** Answers in each tenth of a second. */
  readonly answers: readonly number[];
  /** The limit at the end of each tenth of a second. */
  readonly limits: readonly number[];
}

interface Options {
  readonly rows: number;
  readonly concurrency: { readonly start: number; readonly max: number };
  readonly server: Server;
  readonly seed: number;
  /** Ends early. */
  readonly untilMs?: number;
}

export const answered: AttemptEnd = { kind: 'answered', tokens: 1 };
export const refused: AttemptEnd = { kind: 'overloaded', message: '429' };
export const broken: AttemptEnd = { kind: 'unreachable', message: 'reset' };

/** Asks all rows in simulated time, each failed one again after its own back-off, as `AnswerSource` does. */
export function simulate({ rows, concurrency, server, seed, untilMs = Number.POSITIVE_INFINITY }: Options): Simulated {
  const random = randomFrom(seed);
  const pace = new Pace(concurrency, random);
  const events = new Agenda();
  const changes: (PaceChange & { at: number })[] = [];
  const answers: number[] = [];
  const limits: number[] = [];
  /** How often each question that waits has failed. */
  const again: number[] = [];
  let fresh = rows;
  let inWork = 0;
  let settled = 0;
  let busy = 0;
  let attempts = 0;
  let now = 0;
  let nearlyAll = 0;

  const waits = (): boolean => again.length > 0 || (fresh > 0 && inWork < concurrency.max * 4);
  const ended = (attempt: Started, failures: number, { end }: Fate): void => {
    const change = pace.end(attempt, end, now, waits());
    if (change !== undefined) changes.push({ ...change, at: now });
    const tenth = Math.floor(now / 100);
    limits[tenth] = pace.concurrency;
    if (end.kind === 'answered') {
      settled += 1;
      if (settled <= rows * 0.97) nearlyAll = now / 1000;
      inWork -= 1;
      answers[tenth] = (answers[tenth] ?? 0) + 1;
    } else {
      const failed = failures + (end.kind === 'overloaded' ? 0.25 : 1);
      events.add(now + 250 * 2 ** failed * (0.5 + 0.5 * random()), () => again.push(failed));
    }
  };
  const begin = (): void => {
    const failures = again.shift();
    if (failures === undefined) {
      fresh -= 1;
      inWork += 1;
    }
    attempts += 1;
    const attempt = pace.begin(now);
    const fate = server(now, busy, random);
    if (fate.end.kind === 'answered') busy += 1;
    events.add(now + fate.ms, () => {
      if (fate.end.kind === 'answered') busy -= 1;
      ended(attempt, failures ?? 0, fate);
    });
  };
  let wakesAt: number | undefined;
  while (settled < rows && now < untilMs) {
    while (waits()) {
      const next = pace.next(now);
      if (next === undefined) break;
      if (next > now) {
        if (wakesAt !== next) events.add(next, () => undefined);
        wakesAt = next;
        break;
      }
      begin();
    }
    const { at, happen } = events.next();
    now = at;
    happen();
  }
  return { seconds: now / 1000, nearlyAll, attempts, changes, answers, limits };
}

/** What is to happen when: a binary heap. */
class Agenda {
  readonly #heap: { readonly at: number; readonly happen: () => void }[] = [];

  add(at: number, happen: () => void): void {
    const heap = this.#heap;
    let place = heap.push({ at, happen }) - 1;
    for (let above = (place - 1) >> 1; place > 0 && this.#at(above) > this.#at(place); above = (place - 1) >> 1) {
      this.#swap(above, place);
      place = above;
    }
  }

  /** The next thing, and when it happens. */
  next(): { readonly at: number; readonly happen: () => void } {
    const [first] = this.#heap;
    const last = this.#heap.pop();
    if (first === undefined || last === undefined) throw new Error('nothing will ever happen again');
    if (this.#heap.length > 0) {
      this.#heap[0] = last;
      this.#sink();
    }
    return first;
  }

  #sink(): void {
    for (let place = 0; ; ) {
      let least = place;
      for (const below of [2 * place + 1, 2 * place + 2]) if (this.#at(below) < this.#at(least)) least = below;
      if (least === place) return;
      this.#swap(least, place);
      place = least;
    }
  }

  #at(place: number): number {
    return this.#heap[place]?.at ?? Number.POSITIVE_INFINITY;
  }

  #swap(a: number, b: number): void {
    const [one, other] = [this.#heap[a], this.#heap[b]];
    if (one === undefined || other === undefined) return;
    this.#heap[a] = other;
    this.#heap[b] = one;
  }
}
