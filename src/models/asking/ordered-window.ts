import { setMaxListeners } from 'node:events';

interface WindowOptions<Row, Result> {
  readonly rows: AsyncIterable<Row> | Iterable<Row>;
  /** How many rows may be begun and not yet handed over. */
  readonly window: number;
  readonly signal: AbortSignal;
  /** Must heed its signal, which is aborted when the caller's is, when another row throws, or when nobody reads on. */
  readonly work: (row: Row, signal: AbortSignal) => Promise<Result>;
}

interface Slot<Row, Result> {
  readonly row: Row;
  done?: { readonly result: Result };
}

/**
 * Works on several rows at once and yields the results in the order of the rows. Holds at most `window` rows, however
 * many there are. When something throws, all other work is stopped and waited for, then the error is thrown; when
 * aborted, `signal.reason` is.
 */
export async function* orderedWindow<Row, Result>(
  options: WindowOptions<Row, Result>,
): AsyncGenerator<{ readonly row: Row; readonly result: Result }> {
  const { rows, window, signal, work } = options;
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
  const abort = (): void => fail(signal.reason);
  signal.addEventListener('abort', abort, { once: true });

  const iterator = Symbol.asyncIterator in rows ? rows[Symbol.asyncIterator]() : rows[Symbol.iterator]();
  const slots: Slot<Row, Result>[] = [];
  const underway = new Set<Promise<void>>();
  let exhausted = false;
  let pulling = false;

  const finish = async (slot: Slot<Row, Result>): Promise<void> => {
    try {
      slot.done = { result: await work(slot.row, stop.signal) };
    } catch (error) {
      fail(error);
    }
    wake();
  };
  const begin = (row: Row): void => {
    const slot: Slot<Row, Result> = { row };
    slots.push(slot);
    const job = finish(slot);
    underway.add(job);
    void job.then(() => underway.delete(job));
  };
  const fill = async (): Promise<void> => {
    if (pulling) return;
    pulling = true;
    try {
      while (!exhausted && failure === undefined && slots.length < window) {
        const next = await iterator.next();
        if (failure !== undefined) break;
        if (next.done === true) exhausted = true;
        else begin(next.value);
        wake();
      }
    } catch (error) {
      exhausted = true;
      fail(error);
    } finally {
      pulling = false;
      wake();
    }
  };

  try {
    for (;;) {
      if (failure !== undefined) throw failure.error;
      const [head] = slots;
      if (head?.done !== undefined) {
        slots.shift();
        void fill();
        yield { row: head.row, result: head.done.result };
        continue;
      }
      void fill();
      if (exhausted && slots.length === 0) return;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  } finally {
    signal.removeEventListener('abort', abort);
    failure ??= { error: new Error('nobody reads on') };
    stop.abort(failure.error);
    await Promise.all(underway);
    // A source that is in the middle of a read would make us wait for that.
    if (!exhausted && !pulling) await iterator.return?.();
  }
}
