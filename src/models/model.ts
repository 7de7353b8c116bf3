import type { Spent } from './asking/ledger.js';
import type { Rows } from './asking/ordered-window.js';
import type { AskOutcome, ChatAnswer, ChatRequest, Used } from './chat.js';

/** Turns an answer into what the caller needs, or says why it cannot be used; the question is then asked again. */
export type Parse<Parsed> = (
  answer: ChatAnswer,
) => { readonly ok: true; readonly value: Parsed } | { readonly ok: false; readonly why: string };

export interface AskOptions<Row, Parsed> {
  /** A function that reads them again is best where there are many: see `Rows`. */
  readonly rows: Rows<Row>;
  readonly request: (row: Row) => ChatRequest;
  readonly parse: Parse<Parsed>;
  readonly signal: AbortSignal;
  /** How often a question is asked again after an unusable answer, each time with that answer and what is wrong with it. Default 2. */
  readonly askAgain?: number;
  /**
   * What to do with an answer that ran into `max_tokens`: `double` (default) asks once more with twice as many and then gives
   * up as `truncated`; `keep` hands it to `parse` as it is, which is right where `max_tokens` is part of what is measured.
   */
  readonly onTruncated?: 'double' | 'keep';
  /** Stops with the `rows`-th row, in their order, that `are` what is wanted; asks ahead of it no further than it has to. */
  readonly until?:
    | { readonly rows: number; readonly are: (row: Row, outcome: AskOutcome<Parsed>) => boolean }
    | undefined;
  /** Called after each row is settled, with what all answers so far took, those of rows included that still wait for their turn. */
  readonly onSettled?: (done: number, used: Used) => void;
}

/** A model that can be asked: an endpoint, a recording, or both; one throttle, one answer store, one ledger. */
export interface Model {
  /** What the model *is* (name and revision, or digest of its weights), never where it runs. Enters request hashes. */
  readonly identity: string;
  /**
   * Asks every row's question with a bounded window and yields the outcomes **in the order of the rows**, whatever order
   * the answers came in. Each answer is durable before it is yielded; asked again, it comes from the store for free.
   */
  ask<Row, Parsed>(
    options: AskOptions<Row, Parsed>,
  ): AsyncIterable<{ readonly row: Row; readonly outcome: AskOutcome<Parsed> }>;
  /** Bought so far in this process: recorded and stored answers cost nothing. Failed attempts are not counted. */
  readonly spent: Spent;
}
