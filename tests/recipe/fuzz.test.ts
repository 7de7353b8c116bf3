import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fuzzFolder, judge } from './fuzz/judge.js';
import { recipeCase } from './fuzz/recipe-case.js';

describe('whatever is given as a recipe', () => {
  it('is loaded, or refused with its places, and quickly', { timeout: 300_000 }, async () => {
    await using folder = await fuzzFolder();
    const outcomes = { accepted: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(recipeCase, async (given) => {
        const { accepted, milliseconds, broken } = await judge(folder, given);
        outcomes[accepted ? 'accepted' : 'refused'] += 1;
        expect(broken).toEqual([]);
        // Far from what any case takes, and far below what used to be quadratic.
        expect(milliseconds).toBeLessThan(5000);
      }),
      { numRuns: 500 },
    );
    // A generator of nothing but nonsense would prove little.
    expect(outcomes.accepted).toBeGreaterThan(50);
    expect(outcomes.refused).toBeGreaterThan(150);
  });
});
