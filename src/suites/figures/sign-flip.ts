import { randomBits } from './random-bits.js';

/** What one problem came to: passes of samples. */
export interface Passes {
  readonly passed: number;
  readonly of: number;
}

export interface SignFlip {
  /** Two-sided. */
  readonly p_value: number;
  /** Every combination of signs counts; otherwise some thousands were drawn. */
  readonly exact: boolean;
}

/** An exact answer that takes more steps is not worth it. It comes to that when samples that could not be checked leave odd counts. */
const MOST_STEPS = 50_000_000;
const DRAWS = 20_000;

/**
 * Fisher's sign-flip (permutation) test over problems: if it made no difference which variant an answer came from, the difference on each
 * problem would have had the other sign as likely. The share of all combinations of signs whose sum is at least as far from 0 as the
 * one seen (Fisher, "The Design of Experiments", 1935, chapter 3). With one sample each it is McNemar's exact test.
 */
export function signFlipTest(before: readonly Passes[], after: readonly Passes[]): SignFlip {
  // Over a common denominator differences are whole numbers, and equal sums are equal.
  const common = [...before, ...after].reduce((multiple, { of }) => (multiple * of) / greatestDivisor(multiple, of), 1);
  const over = ({ passed, of }: Passes) => Math.round((passed * common) / of);
  const differences = before.map((passes, index) => over(after[index] ?? passes) - over(passes));
  const divisor = differences.reduce(greatestDivisor, 0) || 1;
  const changed = differences.filter((difference) => difference !== 0).map((difference) => difference / divisor);
  const steps = changed.length * changed.reduce((total, difference) => total + Math.abs(difference), 0);
  return steps <= MOST_STEPS
    ? { p_value: allSigns(changed), exact: true }
    : { p_value: drawnSigns(changed), exact: false };
}

function allSigns(differences: readonly number[]): number {
  const sizes = differences.map(Math.abs);
  const most = total(sizes);
  const seen = Math.abs(total(differences));
  if (seen === 0) return 1;
  // The chance that those with a plus sum up to each number; the whole sum is twice that number, less all of them.
  let chances = new Float64Array(most + 1);
  chances[0] = 1;
  let reached = 0;
  for (const size of sizes) {
    const next = new Float64Array(most + 1);
    for (let plus = 0; plus <= reached; plus += 1) {
      const half = (chances[plus] ?? 0) / 2;
      next[plus] = (next[plus] ?? 0) + half;
      next[plus + size] = (next[plus + size] ?? 0) + half;
    }
    chances = next;
    reached += size;
  }
  let beyond = 0;
  for (let plus = 0; plus <= most; plus += 1) if (2 * plus - most >= seen) beyond += chances[plus] ?? 0;
  return Math.min(1, 2 * beyond);
}

function drawnSigns(differences: readonly number[]): number {
  const bits = randomBits(7);
  const seen = Math.abs(total(differences));
  let beyond = 0;
  for (let draw = 0; draw < DRAWS; draw += 1) {
    let sum = 0;
    // The highest bit is as good as any, and not one of a weak generator's lowest.
    for (const difference of differences) sum += bits() >= 2 ** 31 ? difference : -difference;
    if (Math.abs(sum) >= seen) beyond += 1;
  }
  // The signs as they came are one of the combinations.
  return (1 + beyond) / (1 + DRAWS);
}

function total(terms: readonly number[]): number {
  return terms.reduce((sum, term) => sum + term, 0);
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? Math.abs(a) : greatestDivisor(b, a % b);
}
