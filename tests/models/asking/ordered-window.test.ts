import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { orderedWindow } from '../../../src/models/asking/ordered-window.js';
import { whenAborted } from '../../support/when-aborted.js';

const forever = new AbortController().signal;

async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const one of source) all.push(one);
  return all;
}

/** Lets a promise be settled from outside. */
function deferred() {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

describe('orderedWindow', () => {
  it('yields in the order of the rows and never holds more than the window', () => {
    const delays = fc.array(fc.nat(5), { maxLength: 40 });
    return fc.assert(
      fc.asyncProperty(delays, fc.integer({ min: 1, max: 8 }), fc.boolean(), async (rows, window, slowSource) => {
        let held = 0;
        let most = 0;
        async function* source() {
          for (const [index, delay] of rows.entries()) {
            if (slowSource && delay === 0) await new Promise((resolve) => setImmediate(resolve));
            yield { index, delay };
          }
        }
        const results: number[] = [];
        const all = orderedWindow({
          rows: source(),
          window,
          signal: forever,
          work: async ({ index, delay }) => {
            held += 1;
            most = Math.max(most, held);
            for (let turn = 0; turn < delay; turn += 1) await new Promise((resolve) => setImmediate(resolve));
            return index;
          },
        });
        for await (const { result } of all) {
          held -= 1;
          results.push(result);
        }
        expect(results).toEqual(rows.map((_, index) => index));
        // One more row is begun while a result is being handed over.
        expect(most).toBeLessThanOrEqual(window + 1);
      }),
    );
  });

  it('works on while the reader is busy, but not beyond the window', async () => {
    const begun: number[] = [];
    const reader = orderedWindow({
      rows: Array.from({ length: 100 }, (_, index) => index),
      window: 10,
      signal: forever,
      work: async (row) => {
        begun.push(row);
      },
    });
    await reader.next();
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    expect(begun).toHaveLength(11);
    await reader.return(undefined);
  });

  it('stops everything when one row throws, and waits for what was under way', async () => {
    const bad = new Error('bad row');
    let stopped = 0;
    const all = collect(
      orderedWindow({
        rows: [0, 1, 2, 3],
        window: 4,
        signal: forever,
        work: async (row, signal) => {
          if (row === 2) throw bad;
          await whenAborted(signal);
          await new Promise((resolve) => setImmediate(resolve));
          stopped += 1;
          throw signal.reason;
        },
      }),
    );
    await expect(all).rejects.toBe(bad);
    expect(stopped).toBe(2);
  });

  it('throws what the source throws', async () => {
    const bad = new Error('bad source');
    function* source() {
      yield 1;
      throw bad;
    }
    const all = collect(orderedWindow({ rows: source(), window: 2, signal: forever, work: async (row) => row }));
    await expect(all).rejects.toBe(bad);
  });

  it('throws the reason of an abort, also while the source hangs', async () => {
    const controller = new AbortController();
    const started = deferred();
    async function* source() {
      yield 1;
      started.resolve();
      await new Promise(() => undefined);
    }
    const all = collect(
      orderedWindow({ rows: source(), window: 2, signal: controller.signal, work: async (row) => row }),
    );
    await started.promise;
    controller.abort('interrupted');
    await expect(all).rejects.toBe('interrupted');
  });

  it.each(['a row throws', 'it is aborted', 'the reader leaves'])(
    'closes a source that was being read when %s, and waits for neither',
    async (why) => {
      const controller = new AbortController();
      const read = deferred();
      const closing = deferred();
      const bad = new Error('the end');
      let reads = 0;
      let closed = 0;
      const source: AsyncIterable<number> = {
        [Symbol.asyncIterator]: () => ({
          next: async () => {
            reads += 1;
            if (reads > 1) await read.promise;
            return { done: false, value: reads };
          },
          return: async () => {
            closed += 1;
            closing.resolve();
            throw new Error('it cannot be closed');
          },
        }),
      };
      const reader = orderedWindow({
        rows: source,
        window: 2,
        signal: controller.signal,
        work: async (row) => {
          if (why === 'a row throws') throw bad;
          return row;
        },
      });
      const first = reader.next();
      if (why === 'a row throws') await expect(first).rejects.toBe(bad);
      else expect(await first).toMatchObject({ value: { row: 1 } });
      if (why === 'it is aborted') {
        const next = reader.next();
        controller.abort(bad);
        await expect(next).rejects.toBe(bad);
      }
      await reader.return(undefined);
      expect([reads, closed]).toEqual([2, 0]);
      read.resolve();
      await closing.promise;
      expect([reads, closed]).toEqual([2, 1]);
    },
  );

  it('closes the source and stops the work when the reader leaves early', async () => {
    let closed = false;
    let aborted = 0;
    function* source() {
      try {
        for (let row = 0; ; row += 1) yield row;
      } finally {
        closed = true;
      }
    }
    for await (const { result } of orderedWindow({
      rows: source(),
      window: 3,
      signal: forever,
      work: async (row, signal) => {
        if (row > 0) await whenAborted(signal);
        aborted += row > 0 ? 1 : 0;
        return row;
      },
    })) {
      expect(result).toBe(0);
      break;
    }
    expect(closed).toBe(true);
    expect(aborted).toBeGreaterThan(0);
  });

  describe('behind a slow row', () => {
    /** Keys are texts; whoever wants a result again is noted. */
    const shelfOf = (fetched: number[]) => ({
      keyOf: (result: { readonly of: number }) => `key ${result.of}`,
      find: async (key: string, row: number) => {
        expect(key).toBe(`key ${row}`);
        fetched.push(row);
        return { of: row };
      },
    });

    it('works on, keeps no more results than the window, and hands all over in order', () => {
      const delays = fc.array(fc.nat(3), { minLength: 1, maxLength: 80 });
      return fc.assert(
        fc.asyncProperty(delays, fc.integer({ min: 1, max: 5 }), fc.boolean(), async (turns, window, again) => {
          let working = 0;
          let mostWorking = 0;
          let done = 0;
          const slow = deferred();
          function* rows() {
            for (let row = 0; row < turns.length; row += 1) yield row;
          }
          const fetched: number[] = [];
          const all = orderedWindow({
            rows: again ? rows : rows(),
            window,
            signal: forever,
            shelf: shelfOf(fetched),
            work: async (row) => {
              working += 1;
              mostWorking = Math.max(mostWorking, working);
              for (let turn = 0; turn < (turns[row] ?? 0); turn += 1)
                await new Promise((resolve) => setImmediate(resolve));
              done += 1;
              // With a window of one there is nobody else.
              if (window === 1 || done === turns.length) slow.resolve();
              if (row === 0) await slow.promise;
              working -= 1;
              return { of: row };
            },
          });
          const results = await collect(all);
          expect(results.map(({ row, result }) => [row, result.of])).toEqual(turns.map((_, row) => [row, row]));
          expect(mostWorking).toBeLessThanOrEqual(window);
          // The first row is handed over last of all that were worked on, so only those next to it were kept.
          if (window > 1) expect(fetched).toEqual(turns.map((_, row) => row).slice(window));
        }),
      );
    });

    it('does not run ahead of a reader who is busy', async () => {
      const begun: number[] = [];
      const reader = orderedWindow({
        rows: () => Array.from({ length: 100 }, (_, index) => index),
        window: 10,
        signal: forever,
        shelf: shelfOf([]),
        work: async (row) => {
          begun.push(row);
          return { of: row };
        },
      });
      await reader.next();
      for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      expect(begun).toHaveLength(11);
      await reader.return(undefined);
    });

    it('stops with what went wrong when a result is fetched', async () => {
      const bad = new Error('the disk is gone');
      const slow = deferred();
      let closed = 0;
      function* rows() {
        try {
          for (let row = 0; row < 50; row += 1) yield row;
        } finally {
          closed += 1;
        }
      }
      const all = collect(
        orderedWindow({
          rows,
          window: 4,
          signal: forever,
          shelf: { keyOf: () => '', find: () => Promise.reject(bad) },
          work: async (row) => {
            if (row === 49) slow.resolve();
            if (row === 0) await slow.promise;
            return row;
          },
        }),
      );
      await expect(all).rejects.toBe(bad);
      expect(closed).toBe(2);
    });

    it('says so when the rows are not the same again', async () => {
      const slow = deferred();
      let reads = 0;
      const all = collect(
        orderedWindow({
          rows: () => Array.from({ length: reads++ === 0 ? 50 : 10 }, (_, index) => index),
          window: 4,
          signal: forever,
          shelf: shelfOf([]),
          work: async (row) => {
            if (row === 49) slow.resolve();
            if (row === 0) await slow.promise;
            return { of: row };
          },
        }),
      );
      await expect(all).rejects.toThrow('fewer rows');
    });
  });

  it('has no more in work than there is room for', async () => {
    let working = 0;
    let most = 0;
    let room = 3;
    const all = orderedWindow({
      rows: Array.from({ length: 40 }, (_, index) => index),
      window: 10,
      signal: forever,
      room: () => room,
      work: async (row) => {
        working += 1;
        most = Math.max(most, working);
        await new Promise((resolve) => setImmediate(resolve));
        working -= 1;
        if (row === 20) room = 6;
        if (row < 20) expect(most).toBeLessThanOrEqual(3);
      },
    });
    expect(await collect(all)).toHaveLength(40);
    expect(most).toBe(6);

    const none = orderedWindow({
      rows: [1, 2, 3],
      window: 10,
      signal: forever,
      room: () => 0,
      work: async (row) => row,
    });
    expect((await collect(none)).map(({ result }) => result)).toEqual([1, 2, 3]);
  });
});
