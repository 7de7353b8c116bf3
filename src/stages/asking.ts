import { SecpiError } from '../base/errors.js';
import type { ProgressEvent } from '../engine/runs/event.js';
import type { AskFailure, AskOutcome, Used } from '../models/chat.js';

/**
 * Failures that say nothing about the row: the endpoint was away, or nobody may answer. They stop the stage at its end instead of
 * dropping rows, because every answer so far is stored and the next run asks only for what is missing.
 */
const notTheRowsFault: readonly AskFailure[] = ['transport', 'rate_limit', 'server', 'not_recorded'];

/** The others: a row is dropped with one of these, and the stage goes on. */
const ROW_FAILURES = ['refused', 'unparsable', 'truncated'] as const satisfies readonly AskFailure[];

/** How many rows of a stage were dropped because nothing usable was answered, and why: `refused 39, truncated 2`. */
export function withoutAnswer(reasons: Readonly<Record<string, number>>): {
  readonly rows: number;
  readonly why: string;
} {
  const found = ROW_FAILURES.flatMap((code) => (reasons[code] === undefined ? [] : [{ code, rows: reasons[code] }]));
  return {
    rows: found.reduce((sum, { rows }) => sum + rows, 0),
    why: found.map(({ code, rows }) => `${code} ${rows}`).join(', '),
  };
}

/** Counts unanswered rows and turns them into one error when the stage has gone through all rows. */
export class Unanswered {
  readonly #model: string;
  readonly #byReason = new Map<AskFailure, { count: number; message: string }>();

  constructor(model: string) {
    this.#model = model;
  }

  /** True when the row must be asked again later; false when it is to be dropped with this reason. */
  note(reason: AskFailure, message: string): boolean {
    if (!notTheRowsFault.includes(reason)) return false;
    const seen = this.#byReason.get(reason);
    this.#byReason.set(reason, { count: (seen?.count ?? 0) + 1, message: seen?.message ?? message });
    return true;
  }

  /** Throws when any row is still without an answer. */
  check(): void {
    const [first] = this.#byReason;
    if (first === undefined) return;
    const total = [...this.#byReason.values()].reduce((sum, { count }) => sum + count, 0);
    const list = [...this.#byReason].map(([reason, { count }]) => `${count} × ${reason}`).join(', ');
    const hint =
      first[0] === 'not_recorded'
        ? `Give \`models.${this.#model}\` an endpoint, or a recording that was made with this prompt, catalogue and sampling.`
        : 'Every answer so far is kept; run the same command again to ask only for what is missing.';
    throw new SecpiError(
      'models/unanswered',
      `${total} ${total === 1 ? 'question' : 'questions'} to \`${this.#model}\` got no answer (${list}): ${first[1].message}`,
      { hint },
    );
  }
}

/** Adds one to a counter. Its name may come from a stranger's row, and be that of something which every object inherits. */
export function count(counts: Record<string, number>, key: string): void {
  counts[key] = (Object.hasOwn(counts, key) ? (counts[key] ?? 0) : 0) + 1;
}

/** What answers took, as a stage's progress tells it. */
export function usedSoFar({ input, output, cost_usd }: Used): Pick<ProgressEvent, 'tokens' | 'cost_usd'> {
  return { tokens: { input, output }, cost_usd };
}

/** Tokens and cost of the answers that a stage used, wherever they came from: a resumed run counts the same as one that bought them all. */
export class TokenCount {
  #input = 0;
  #output = 0;
  #cost = 0;

  add({ used }: AskOutcome<unknown>): void {
    this.#input += used.input;
    this.#output += used.output;
    this.#cost += used.cost_usd;
  }

  get total(): { readonly input: number; readonly output: number } {
    return { input: this.#input, output: this.#output };
  }

  /** USD, at the prices of the time when they were bought. */
  get cost_usd(): number {
    return this.#cost;
  }
}
