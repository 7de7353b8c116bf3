import { setMaxListeners } from 'node:events';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Budget } from '../../../src/models/asking/budget.js';

const forever = new AbortController().signal;
setMaxListeners(0, forever);

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
          all.map(async ({ most, share, turns }) => {
            const reservation = await Budget.reserve([budget], { usd: 0, tokens: most }, forever);
            if (reservation instanceof Budget) {
              refused += 1;
              return;
            }
            for (let turn = 0; turn < turns; turn += 1) await new Promise((resolve) => setImmediate(resolve));
            const tokens = Math.floor(most * share);
            used += tokens;
            reservation.settle({ usd: 0, tokens });
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
    const first = await Budget.reserve([budget], { usd: 0.8, tokens: 0 }, forever);
    const second = Budget.reserve([budget], { usd: 0.8, tokens: 0 }, forever);
    if (first instanceof Budget) throw new Error('refused');
    first.settle({ usd: 0.1, tokens: 5 });
    expect(await second).not.toBeInstanceOf(Budget);
  });

  it('counts what was bought earlier, and stays spent once something did not fit', async () => {
    const budget = new Budget({ usd: 1, tokens: 100 });
    expect(budget.limitText).toBe('1 USD and 100 tokens');
    const known = budget.expect();
    const refused = Budget.reserve([budget], { usd: 0.2, tokens: 0 }, forever);
    known({ usd: 0.9, tokens: 1 });
    expect(await refused).toBe(budget);
    expect(await Budget.reserve([budget], { usd: 0.01, tokens: 0 }, forever)).toBe(budget);
  });

  it('sets aside in all budgets or in none', async () => {
    const wide = new Budget({ usd: 10 });
    const narrow = new Budget({ usd: 1 });
    expect(await Budget.reserve([wide, narrow], { usd: 5, tokens: 0 }, forever)).toBe(narrow);
    expect(await Budget.reserve([wide], { usd: 10, tokens: 0 }, forever)).not.toBe(wide);
  });

  it('lets go when aborted', async () => {
    const controller = new AbortController();
    const budget = new Budget({ usd: 1 });
    await Budget.reserve([budget], { usd: 1, tokens: 0 }, forever);
    const waiting = Budget.reserve([budget], { usd: 1, tokens: 0 }, controller.signal);
    controller.abort('stop');
    await expect(waiting).rejects.toBe('stop');
  });
});
