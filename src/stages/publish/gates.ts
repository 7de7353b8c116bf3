import { SecpiError } from '../../base/errors.js';
import { isRateName, isSecurityRate } from '../../suites/figures/figure-names.js';
import { FEWEST_PROBLEMS } from '../../suites/figures/interval.js';
import type { PairedDifference, VariantSummary } from '../../suites/figures/metrics.js';
import type { Scores } from '../evaluate/records.js';
import { percent, points, pointsInterval } from '../report/format.js';
import { type Gate, type Gates, gatesIn } from './gate-params.js';

/** Differences of measured rates carry rounding; a gate of 0.1 must pass a gain of 0.3 − 0.2. */
const rounding = 1e-9;

/**
 * Holds the scores against the recipe's gates. Throws `publish/gate` (exit code 3) naming every figure that misses, what
 * was wanted and what was measured; `publish/unknown-figure` (exit code 2) for a figure that was not measured at all.
 */
export function checkGates(gates: Gates, scores: Scores): void {
  const missed = gatesIn(gates).flatMap((gate) => missedBy(gate, scores) ?? []);
  if (missed.length === 0) return;
  throw new SecpiError('publish/gate', `nothing was published: ${missed.join('; ')}`, {
    hint: 'The report shows where the model falls short. Gates stand under `evaluate.gates` in the recipe.',
    exitCode: 3,
  });
}

/** Why a gate says no, or `undefined`. */
function missedBy(gate: Gate, scores: Scores): string | undefined {
  const { kind, figure, limit, certainly } = gate;
  const [from, to] = scores.compared;
  const { base, tuned, paired } = measured(figure, scores);
  const gain = base === null || tuned === null ? null : tuned - base;
  const decides = certainly ? paired?.interval?.[0] : gain;
  const least = kind === 'min_gain' ? limit : -limit;
  if (typeof decides === 'number' && decides >= least - rounding) return undefined;
  const sure = certainly ? ' certainly' : '';
  const wanted =
    kind === 'min_gain'
      ? `should${sure} gain at least ${points(limit)} points`
      : `may${sure === '' ? '' : ', with certainty,'} drop by at most ${points(limit).replace(/^[+±]/, '')} points`;
  return `${figure} ${wanted} and ${certainly ? toldSurely(gain, paired) : told(gain)} (${from} ${percent(base)}, ${to} ${percent(tuned)})`;
}

function told(gain: number | null): string {
  return gain === null ? 'could not be measured' : `changed by ${points(gain)}`;
}

function toldSurely(gain: number | null, paired: PairedDifference | null): string {
  if (gain === null || paired === null) return 'could not be measured';
  return paired.interval === null
    ? `changed by ${points(paired.estimate)}, of which fewer than ${FEWEST_PROBLEMS} problems do not say how certain it is`
    : `changed by ${points(paired.estimate)}, with a 95 % interval of ${pointsInterval(paired.interval)}`;
}

interface Measured {
  readonly base: number | null;
  readonly tuned: number | null;
  readonly paired: PairedDifference | null;
}

/** `suite.figure`; a suite's name may hold dots, a figure's may not. */
function measured(gate: string, scores: Scores): Measured {
  const dot = gate.lastIndexOf('.');
  const [suite, figure] = [scores.suites[gate.slice(0, dot)], gate.slice(dot + 1)];
  const [from, to] = scores.compared;
  const [before, after] = [valueIn(suite?.variants[from], figure), valueIn(suite?.variants[to], figure)];
  if (suite !== undefined && before !== undefined && after !== undefined) {
    const paired = Object.entries(suite.comparison).find(([name]) => name === figure)?.[1];
    return { base: before, tuned: after, paired: typeof paired === 'object' ? paired : null };
  }
  const known = Object.entries(scores.suites).flatMap(([name, { variants }]) =>
    Object.keys(variants[to] ?? {}).flatMap((own) =>
      valueIn(variants[to], own) === undefined ? [] : [`${name}.${own}`],
    ),
  );
  throw new SecpiError('publish/unknown-figure', `the gate on ${gate} names no figure of the evaluation`, {
    hint: `There are: ${known.join(', ') || 'none'}.`,
    exitCode: 2,
  });
}

/** `undefined` for what is no figure of what the suite measures. */
function valueIn(summary: VariantSummary | undefined, figure: string): number | null | undefined {
  if (summary === undefined || !isRateName(figure)) return undefined;
  if (isSecurityRate(figure) && !summary.measures.includes('security')) return undefined;
  const value: unknown = Object.entries(summary).find(([name]) => name === figure)?.[1];
  return typeof value === 'number' || value === null ? value : undefined;
}
