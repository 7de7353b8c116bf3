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
});
