import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { passAtK } from '../../../src/suites/figures/pass-at-k.js';

/** Counts the draws of k out of n samples (the first c of which pass) that hold a passing one. */
function byEnumeration(n: number, c: number, k: number): number {
  let draws = 0;
  let good = 0;
  for (let mask = 0; mask < 2 ** n; mask += 1) {
    const drawn = Array.from({ length: n }, (_, index) => index).filter((index) => (mask >> index) & 1);
    if (drawn.length !== k) continue;
    draws += 1;
    if (drawn.some((index) => index < c)) good += 1;
  }
  return good / draws;
}

describe('passAtK', () => {
  it('equals the enumeration of all draws', () => {
    for (let n = 1; n <= 9; n += 1) {
      for (let c = 0; c <= n; c += 1) {
        for (let k = 1; k <= n; k += 1) expect(passAtK(n, c, k)).toBeCloseTo(byEnumeration(n, c, k), 12);
      }
    }
  });

  it('gives figures worked out by hand', () => {
    // 5 samples, 2 pass: of the 10 pairs, 3 hold none of them.
    expect(passAtK(5, 2, 2)).toBeCloseTo(0.7, 12);
    expect(passAtK(20, 1, 10)).toBeCloseTo(0.5, 12);
  });

  const counts = fc
    .integer({ min: 1, max: 5000 })
    .chain((n) => fc.tuple(fc.constant(n), fc.integer({ min: 0, max: n }), fc.integer({ min: 1, max: n })));

  it('is c/n exactly for k = 1', () => {
    fc.assert(fc.property(counts, ([n, c]) => passAtK(n, c, 1) === c / n));
  });

  it('stays between 0 and 1, grows with c and with k, and is 0 and 1 only at the ends', () => {
    fc.assert(
      fc.property(counts, ([n, c, k]) => {
        const value = passAtK(n, c, k);
        expect(value).toBeGreaterThanOrEqual(0);
        expect(value).toBeLessThanOrEqual(1);
        if (c === 0) expect(value).toBe(0);
        if (c > n - k) expect(value).toBe(1);
        if (c < n) expect(passAtK(n, c + 1, k)).toBeGreaterThanOrEqual(value);
        // k = 1 is exact, the product is rounded.
        if (k < n) expect(passAtK(n, c, k + 1)).toBeGreaterThanOrEqual(value - 1e-12);
      }),
    );
  });

  it.each([
    [0, 0, 1],
    [5, 6, 1],
    [5, -1, 1],
    [5, 2, 0],
    [5, 2, 6],
    [5, 2.5, 1],
  ])('refuses n=%d c=%d k=%d', (n, c, k) => {
    expect(() => passAtK(n, c, k)).toThrow(RangeError);
  });
});
