import { getEventListeners } from 'node:events';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/base/hash.js';
import { Budget } from '../../../src/models/asking/budget.js';

const forever = new AbortController().signal;

const keyOf = (name: string) => ({ request: sha256(name), attempt: 0 });

describe('Budget', () => {
  it('is never passed, whatever runs at once and whatever the attempts use in the end', () => {
    const attempts = fc.array(
      fc.record({
        most: fc.integer({ min: 1, max: 50 }),
        share: fc.double({ min: 0, max: 1, noNaN: true }),
        turns: fc.nat(4),
      }),
      { maxLength: 40 },
    );
    return fc.assert(
      fc.asyncProperty(attempts, fc.integer({ min: 0, max: 300 }), async (all, limit) => {
        const budget = new Budget({ tokens: limit });
        let used = 0;
        let refused = 0;
        await Promise.all(
          all.map(async ({ most, share, turns }, index) => {
            const reservation = await budget.reserve({ usd: 0, tokens: most }, forever);
            if (reservation === undefined) {
              refused += 1;
              return;
            }
            for (let turn = 0; turn < turns; turn += 1) await new Promise((resolve) => setImmediate(resolve));
            const tokens = Math.floor(most * share);
            used += tokens;
            reservation.settle({ usd: 0, tokens }, keyOf(`${index}`));
          }),
        );
        expect(used).toBeLessThanOrEqual(limit);
        const worst = all.reduce((sum, { most }) => sum + most, 0);
        if (worst <= limit) expect(refused).toBe(0);
      }),
    );
  });

  it('waits for an attempt in flight before it says no', async () => {
    const budget = new Budget({ usd: 1 });
    const first = await budget.reserve({ usd: 0.8, tokens: 0 }, forever);
    const second = budget.reserve({ usd: 0.8, tokens: 0 }, forever);
    first?.settle({ usd: 0.1, tokens: 5 });
    expect(await second).toBeDefined();
  });

  it('has one listener on a signal, however many wait for room', async () => {
    const { signal } = new AbortController();
    const budget = new Budget({ usd: 1 });
    const first = await budget.reserve({ usd: 1, tokens: 0 }, signal);
    const others = Promise.all([1, 2, 3].map(() => budget.reserve({ usd: 0.3, tokens: 0 }, signal)));
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    first?.settle({ usd: 0.1, tokens: 5 });
    expect(await others).not.toContain(undefined);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('counts what was bought earlier, and stays spent once something did not fit', async () => {
    const budget = new Budget({ usd: 1, tokens: 100 });
    const known = budget.expect(keyOf('a'));
    const refused = budget.reserve({ usd: 0.2, tokens: 0 }, forever);
    known({ usd: 0.9, tokens: 1 });
    expect(await refused).toBeUndefined();
    expect(await budget.reserve({ usd: 0.01, tokens: 0 }, forever)).toBeUndefined();
    expect(budget.spentError('m', { usd: 0.2, tokens: 7 }).message).toBe(
      'The budget of model "m" (1 USD and 100 tokens) is spent: 0.9 USD and 1 tokens went into its answers, and the next one may take 0.2 USD and 7 tokens',
    );
  });

  it('says that it is too small, rather than spent, where nothing fits', async () => {
    const budget = new Budget({ usd: 0.01 });
    expect(await budget.reserve({ usd: 0.0105, tokens: 900 }, forever)).toBeUndefined();
    expect(budget.spentError('m', { usd: 0.0105, tokens: 900 }).message).toBe(
      'The budget of model "m" (0.01 USD) is too small for a single question, which may take 0.0105 USD',
    );
  });

  it('counts an answer once, whoever uses it again', async () => {
    const budget = new Budget({ tokens: 100 });
    const bought = await budget.reserve({ usd: 0, tokens: 90 }, forever);
    bought?.settle({ usd: 0, tokens: 40 }, keyOf('a'));
    for (let use = 0; use < 5; use += 1) budget.expect(keyOf('a'))({ usd: 0, tokens: 40 });
    budget.expect(keyOf('b'))({ usd: 0, tokens: 10 });
    budget.expect(keyOf('b'))({ usd: 0, tokens: 10 });
    expect(budget.spentError('m', { usd: 0, tokens: 60 }).message).toContain('50 tokens went');
    expect(await budget.reserve({ usd: 0, tokens: 50 }, forever)).toBeDefined();
  });

  it('lets go when aborted', async () => {
    const controller = new AbortController();
    const budget = new Budget({ usd: 1 });
    await budget.reserve({ usd: 1, tokens: 0 }, forever);
    const waiting = budget.reserve({ usd: 1, tokens: 0 }, controller.signal);
    controller.abort('stop');
    await expect(waiting).rejects.toBe('stop');
  });
});
