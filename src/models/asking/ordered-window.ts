import { setMaxListeners } from 'node:events';

type Source<Row> = AsyncIterable<Row> | Iterable<Row>;

/**
 * Rows, or a function that reads them from their beginning. Only a function can be called again, and has to give the same rows in the same
 * order then: so a row that was worked on out of turn need not be kept.
 */
export type Rows<Row> = Source<Row> | (() => Source<Row>);

/** How a result is laid aside and found again. */
export interface Shelf<Row, Result, Key> {
  /** The little that is kept of a result: it must be small, whatever the result is. */
  readonly keyOf: (result: Result) => Key;
  readonly find: (key: Key, row: Row, signal: AbortSignal) => Promise<Result>;
}

interface WindowOptions<Row, Result, Key> {
  readonly rows: Rows<Row>;
  /** How many rows may be in work at once, and how many results are held in memory. */
  readonly window: number;
  readonly signal: AbortSignal;
  /** Must heed its signal, which is aborted when the caller's is, when another row throws, or when nobody reads on. */
  readonly work: (row: Row, signal: AbortSignal) => Promise<Result>;
  /** Without it, work stops `window` rows behind a slow one. */
  readonly shelf?: Shelf<Row, Result, Key>;
  /** How many rows may be in work just now, if fewer than `window`. Asked again whenever one is done. */
  readonly room?: (() => number) | undefined;
}

/** So many keys may wait behind one slow row: some 50 MB of them. */
const MOST_WAITING = 250_000;

/** Stands in for a row that can be read again. */
const READ_AGAIN = Symbol('read again');

type Slot<Row, Result, Key> =
  | { readonly state: 'working' }
  | { readonly state: 'done'; readonly row: Row; readonly result: Result }
  | { readonly state: 'aside'; readonly row: Row | typeof READ_AGAIN; readonly key: Key };

/**
 * Works on several rows at once and yields the results in the order of the rows. Holds at most `window` rows in work and `window` results,
 * however many there are: behind a slow row work goes on, and of what is done there only a key waits for its turn. It runs
 * ahead of who reads only by `window` rows, unless that one waits for a slow row himself. When something throws, all other work is
 * stopped and waited for, then the error is thrown; when aborted, `signal.reason` is.
 */
export async function* orderedWindow<Row, Result, Key = never>(
  options: WindowOptions<Row, Result, Key>,
): AsyncGenerator<{ readonly row: Row; readonly result: Result }> {
  const { rows, window, signal, work, shelf, room = () => window } = options;
  signal.throwIfAborted();
  const stop = new AbortController();
  setMaxListeners(0, stop.signal);
  let failure: { readonly error: unknown } | undefined;
  let wake = (): void => undefined;
  const fail = (error: unknown): void => {
    failure ??= { error };
    stop.abort(error);
    wake();
  };
  const throwIfFailed = (): void => {
    if (failure !== undefined) throw failure.error;
  };
  const abort = (): void => fail(signal.reason);
  signal.addEventListener('abort', abort, { once: true });

  const iterator = iteratorOf(rows);
  const again = typeof rows === 'function' ? new RowsAgain(rows, stop.signal) : undefined;
  /** By the row's number; those from `turn` up to `begun`. */
  const slots = new Map<number, Slot<Row, Result, Key>>();
  const underway = new Set<Promise<void>>();
  let turn = 0;
  let begun = 0;
  let exhausted = false;
  let pulling = false;
  let ended = false;
  let readerWaits = false;

  const finish = async (number: number, row: Row): Promise<void> => {
    try {
      const result = await work(row, stop.signal);
      const late = shelf !== undefined && number - turn >= window;
      slots.set(
        number,
        late
          ? { state: 'aside', row: again === undefined ? row : READ_AGAIN, key: shelf.keyOf(result) }
          : { state: 'done', row, result },
      );
    } catch (error) {
      fail(error);
    }
  };
  const begin = (row: Row): void => {
    const number = begun;
    begun += 1;
    slots.set(number, { state: 'working' });
    const job = finish(number, row);
    underway.add(job);
    void job.then(() => {
      underway.delete(job);
      wake();
    });
  };
  const mayBegin = (): boolean => {
    const waiting = begun - turn;
    // Somebody who waits for nothing would wait for ever.
    const isStuck = readerWaits && waiting === 0;
    if (underway.size >= Math.min(window, room()) && !isStuck) return false;
    return waiting < window || (shelf !== undefined && readerWaits && waiting < MOST_WAITING);
  };
  const fill = async (): Promise<void> => {
    if (pulling) return;
    pulling = true;
    try {
      while (!exhausted && failure === undefined && mayBegin()) {
        const next = await iterator.next();
        if (next.done === true) exhausted = true;
        else if (failure === undefined) begin(next.value);
        wake();
      }
    } catch (error) {
      exhausted = true;
      fail(error);
    } finally {
      pulling = false;
      wake();
    }
    if (ended) await close().catch(() => undefined);
  };
  const close = async (): Promise<void> => {
    if (!exhausted) await iterator.return?.();
  };
  const fetched = async (key: Key, kept: Row | typeof READ_AGAIN): Promise<{ row: Row; result: Result }> => {
    const row = kept === READ_AGAIN ? await (again as RowsAgain<Row>).at(turn) : kept;
    return { row, result: await (shelf as Shelf<Row, Result, Key>).find(key, row, stop.signal) };
  };

  try {
    for (;;) {
      throwIfFailed();
      const head = slots.get(turn);
      readerWaits = head?.state !== 'done';
      void fill();
      if (head === undefined || head.state === 'working') {
        if (exhausted && turn === begun) return;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        continue;
      }
      const { row, result } = head.state === 'done' ? head : await fetched(head.key, head.row);
      throwIfFailed();
      slots.delete(turn);
      turn += 1;
      readerWaits = false;
      void fill();
      yield { row, result };
    }
  } finally {
    signal.removeEventListener('abort', abort);
    failure ??= { error: new Error('nobody reads on') };
    stop.abort(failure.error);
    await Promise.all(underway);
    await again?.close();
    ended = true;
    // A source that is in the middle of a read would make us wait for that: it is closed when that is through.
    if (!pulling) await close();
  }
}

function iteratorOf<Row>(rows: Rows<Row>): AsyncIterator<Row> | Iterator<Row> {
  const source = typeof rows === 'function' ? rows() : rows;
  return Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
}

/** Goes through rows a second time, no further than somebody wants one. */
class RowsAgain<Row> {
  readonly #rows: () => Source<Row>;
  readonly #signal: AbortSignal;
  #iterator: AsyncIterator<Row> | Iterator<Row> | undefined;
  #next = 0;

  constructor(rows: () => Source<Row>, signal: AbortSignal) {
    this.#rows = rows;
    this.#signal = signal;
  }

  /** The row of this number, which must be larger than all that were asked for before. */
  async at(number: number): Promise<Row> {
    this.#iterator ??= iteratorOf(this.#rows);
    for (;;) {
      this.#signal.throwIfAborted();
      const next = await this.#iterator.next();
      if (next.done === true) throw new Error('there are fewer rows when they are read again');
      this.#next += 1;
      if (this.#next > number) return next.value;
    }
  }

  async close(): Promise<void> {
    await this.#iterator?.return?.();
  }
}
