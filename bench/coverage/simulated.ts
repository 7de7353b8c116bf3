import type { ProblemOutcome, SampleOutcome } from '../../src/suites/figures/outcomes.js';
import { randomBits } from '../../src/suites/figures/random-bits.js';

const bits = randomBits(8);
const uniform = () => (bits() + 0.5) / 2 ** 32;

/** Of the variance of one answer, the part that lies between problems: some are nearly always solved, others nearly never. */
const CLUSTERED = 0.5;

/** How likely answers to one problem pass: from a beta distribution with this mean. */
export function problemRate(mean: number): number {
  const both = 1 / CLUSTERED - 1;
  const [passes, fails] = [gamma(mean * both), gamma((1 - mean) * both)];
  return passes / (passes + fails);
}

export function problemOf(index: number, samples: number, works: number, secure: number): ProblemOutcome {
  const verdict = (rate: number) => (uniform() < rate ? ('pass' as const) : ('fail' as const));
  const sample = (): SampleOutcome => ({ functional: verdict(works), security: verdict(secure) });
  return { problem: `p${index}`, language: 'python', cwes: [], samples: Array.from({ length: samples }, sample) };
}

/** What a tuned model makes of a rate: on a share of the problems it comes closer to 1 by `closer`. */
export function improved(rate: number, share: number, closer = 0.5): number {
  return uniform() < share ? rate + (1 - rate) * closer : rate;
}

/** Marsaglia and Tsang (2000). */
function gamma(shape: number): number {
  if (shape < 1) return gamma(shape + 1) * uniform() ** (1 / shape);
  const [d, c] = [shape - 1 / 3, 1 / Math.sqrt(9 * (shape - 1 / 3))];
  for (;;) {
    const normal = Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
    const v = (1 + c * normal) ** 3;
    if (v > 0 && Math.log(uniform()) < normal ** 2 / 2 + d - d * v + d * Math.log(v)) return d * v;
  }
}
