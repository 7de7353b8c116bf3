/**
 * A ceiling on units (requests, tokens) per minute. Slots are booked on a line in time (GCRA); a short burst goes through
 * at once. A booking larger than the burst is let through when its turn comes and makes those behind it wait longer.
 */
export class RateCeiling {
  readonly #msPerUnit: number;
  readonly #burstMs = 2000;
  #bookedUntil = Number.NEGATIVE_INFINITY;

  constructor(unitsPerMinute: number) {
    this.#msPerUnit = 60_000 / unitsPerMinute;
  }

  /** How many milliseconds to wait before the next booking may be used. */
  wait(nowMs: number): number {
    return Math.max(0, this.#bookedUntil - nowMs);
  }

  /** Books, and says how many milliseconds to wait before using it. */
  book(units: number, nowMs: number): number {
    const start = Math.max(nowMs - this.#burstMs, this.#bookedUntil);
    this.#bookedUntil = start + units * this.#msPerUnit;
    return Math.max(0, start - nowMs);
  }

  /** Gives back what was booked and not used; a negative number books what was used on top. */
  refund(units: number): void {
    this.#bookedUntil -= units * this.#msPerUnit;
  }
}
