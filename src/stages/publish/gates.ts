import { SecpiError } from '../../base/errors.js';
import { isRateName } from '../../suites/figures/figure-names.js';
import type { Scores } from '../evaluate/records.js';
import { percent, points } from '../report/format.js';
import type { PublishParams } from './params.js';

/** Differences of measured rates carry rounding; a gate of 0.1 must pass a gain of 0.3 − 0.2. */
const rounding = 1e-9;

/**
 * Holds the scores against the recipe's gates. Throws `publish/gate` (exit code 3) naming every figure that misses, what
 * was wanted and what was measured; `publish/unknown-figure` (exit code 2) for a figure that was not measured at all.
 */
export function checkGates(gates: PublishParams['gates'], scores: Scores): void {
  const missed = [
    ...Object.entries(gates.min_gain).map(([figure, wanted]) => {
      const { base, tuned } = measured(figure, scores);
      const gain = base === null || tuned === null ? null : tuned - base;
      if (gain !== null && gain >= wanted - rounding) return undefined;
      return `${figure} should gain at least ${points(wanted)} points and ${told(gain)} (base ${percent(base)}, tuned ${percent(tuned)})`;
    }),
    ...Object.entries(gates.max_drop).map(([figure, allowed]) => {
      const { base, tuned } = measured(figure, scores);
      const gain = base === null || tuned === null ? null : tuned - base;
      if (gain !== null && -gain <= allowed + rounding) return undefined;
      return `${figure} may drop by at most ${percent(allowed)} and ${told(gain)} (base ${percent(base)}, tuned ${percent(tuned)})`;
    }),
  ].filter((line) => line !== undefined);
  if (missed.length === 0) return;
  throw new SecpiError('publish/gate', `nothing was published: ${missed.join('; ')}`, {
    hint: 'The report shows where the model falls short. Gates stand under `evaluate.gates` in the recipe.',
    exitCode: 3,
  });
}

function told(gain: number | null): string {
  return gain === null ? 'could not be measured' : `changed by ${points(gain)}`;
}

/** `suite.figure`; a suite's name may hold dots, a figure's may not. */
function measured(figure: string, scores: Scores): { readonly base: number | null; readonly tuned: number | null } {
  const dot = figure.lastIndexOf('.');
  const variants = scores.suites[figure.slice(0, dot)]?.variants;
  const of = (rates: object | undefined): unknown =>
    Object.entries(rates ?? {}).find(([name]) => name === figure.slice(dot + 1))?.[1];
  const [base, tuned] = [of(variants?.base), of(variants?.tuned)];
  if (isRateName(figure.slice(dot + 1)) && isFigure(base) && isFigure(tuned)) return { base, tuned };
  const known = Object.entries(scores.suites).flatMap(([suite, { variants: both }]) =>
    Object.entries(both.tuned).flatMap(([name, value]) =>
      isRateName(name) && isFigure(value) ? [`${suite}.${name}`] : [],
    ),
  );
  throw new SecpiError('publish/unknown-figure', `the gate on ${figure} names no figure of the evaluation`, {
    hint: `There are: ${known.join(', ') || 'none'}.`,
    exitCode: 2,
  });
}

function isFigure(value: unknown): value is number | null {
  return typeof value === 'number' || value === null;
}
