import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Passes, signFlipTest } from '../../../src/suites/figures/sign-flip.js';

const of = (...passes: readonly (readonly [number, number])[]): Passes[] =>
  passes.map(([passed, count]) => ({ passed, of: count }));

/** Tries every combination of signs. */
function byEnumeration(before: readonly Passes[], after: readonly Passes[]): number {
  const differences = before.map((one, index) => {
    const other = after[index] ?? one;
    return other.passed / other.of - one.passed / one.of;
  });
  const sum = (signs: number) =>
    differences.reduce((total, difference, index) => total + ((signs >> index) & 1 ? difference : -difference), 0);
  const seen = Math.abs(sum(2 ** differences.length - 1)) - 1e-9;
  let beyond = 0;
  for (let signs = 0; signs < 2 ** differences.length; signs += 1) if (Math.abs(sum(signs)) >= seen) beyond += 1;
  return beyond / 2 ** differences.length;
}

const passes = fc
  .integer({ min: 1, max: 6 })
  .chain((count) => fc.record({ passed: fc.integer({ min: 0, max: count }), of: fc.constant(count) }));

describe('signFlipTest', () => {
  it('equals the enumeration of all signs', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(passes, passes), { maxLength: 9 }), (pairs) => {
        const [before, after] = [pairs.map(([one]) => one), pairs.map(([, other]) => other)];
        const { p_value, exact } = signFlipTest(before, after);
        expect(exact).toBe(true);
        expect(p_value).toBeCloseTo(byEnumeration(before, after), 12);
      }),
      { numRuns: 100 },
    );
  });

  it("is McNemar's exact test with one sample each", () => {
    // Of ten changed problems nine got better: 2 · (1 + 10) / 2^10.
    const before = of(...Array(9).fill([0, 1]), [1, 1], ...Array(30).fill([1, 1]));
    const after = of(...Array(9).fill([1, 1]), [0, 1], ...Array(30).fill([1, 1]));
    expect(signFlipTest(before, after).p_value).toBeCloseTo((2 * 11) / 1024, 12);
  });

  it('sees nothing where nothing changed, and takes no problems at all', () => {
    expect(signFlipTest(of([1, 2], [0, 3]), of([2, 4], [0, 1]))).toEqual({ p_value: 1, exact: true });
    expect(signFlipTest([], [])).toEqual({ p_value: 1, exact: true });
  });

  it('draws signs, the same each time, where there is no common denominator worth counting in', () => {
    const primes = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61];
    const before = of(...primes.map((prime) => [0, prime] as const));
    const after = of(...primes.map((prime) => [1, prime] as const));
    const { p_value, exact } = signFlipTest(before, after);
    expect(exact).toBe(false);
    expect(signFlipTest(before, after).p_value).toBe(p_value);
    // All signs agree, and of 20,000 drawn none does.
    expect(p_value).toBeLessThan(0.001);
    // Where no direction is seen, half and half: far from small.
    const mixed = primes.map((prime, index) => ({ passed: index % 2, of: prime }));
    const other = primes.map((prime, index) => ({ passed: 1 - (index % 2), of: prime }));
    expect(signFlipTest(mixed, other).p_value).toBeGreaterThan(0.1);
  });
});
