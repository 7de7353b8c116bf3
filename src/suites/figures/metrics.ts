import type { Language } from '../../sandbox/sandbox.js';
import type { Verdict } from '../suite.js';
import { type BootstrapOptions, type Interval, percentileInterval, resampled, unanimousInterval } from './bootstrap.js';
import { passAtK } from './pass-at-k.js';

/** How the answers of one variant (base, tuned …) to one problem were scored. */
export interface ProblemOutcome {
  readonly problem: string;
  readonly language: Language;
  readonly cwes: readonly string[];
  readonly samples: readonly { readonly functional: Verdict; readonly security: Verdict }[];
}

/** Whether that is what a figure over problems can be called. Which `k` there are follows from the verified samples. */
export function isRateName(name: string): boolean {
  return /^(?:(?:func|sec|func_sec)_at_[1-9]\d*|sec_ratio)$/.test(name);
}

/**
 * The figures over a set of problems, as they stand on disk. `func_at_k`, `sec_at_k` and `func_sec_at_k` are means over
 * problems of the unbiased pass@k; they are `null` when no sample could be verified.
 */
export interface Rates {
  readonly func_at_1: number | null;
  readonly sec_at_1: number | null;
  /** A sample counts when it passes the functional *and* the security tests. */
  readonly func_sec_at_1: number | null;
  readonly [rate: `func_at_${number}`]: number | null;
  readonly [rate: `sec_at_${number}`]: number | null;
  readonly [rate: `func_sec_at_${number}`]: number | null;
  /** SecRatio: of the samples that work, the share that is also secure. `null` when none works. */
  readonly sec_ratio: number | null;
  /** Problems with at least one verified sample: what the rates are means over. */
  readonly problems: number;
  /** Verified samples: those that the rates count. */
  readonly samples: number;
  /** Samples left out of the rates because a check could not run. */
  readonly unverified: number;
  /**
   * Bootstrap over problems; exact binomial where all problems agree. `null` for a figure that is `null` or rests on one
   * problem.
   */
  readonly intervals: {
    readonly func_at_1: Interval | null;
    readonly func_sec_at_1: Interval | null;
    readonly sec_ratio: Interval | null;
    readonly [rate: `func_at_${number}`]: Interval | null;
    readonly [rate: `func_sec_at_${number}`]: Interval | null;
  };
}

/** One variant's figures. A problem with several CWEs counts under each of them. */
export interface VariantSummary extends Rates {
  readonly per_cwe: Readonly<Record<string, Rates>>;
  readonly per_language: Readonly<Record<string, Rates>>;
}

export interface MetricOptions extends BootstrapOptions {
  /** Which pass@k to give; one that exceeds the verified samples of some problem is left out. 1 is always there. */
  readonly ks?: readonly number[];
}

/** Tuned minus base, over the problems that both have verified samples for. No interval where all problems agree. */
export interface PairedDifference {
  readonly estimate: number;
  readonly interval: Interval | null;
  /** The share of resamples in which tuned is not better: near 0 speaks for a real gain. `null` without resamples. */
  readonly share_not_positive: number | null;
}

export interface PairedComparison {
  readonly problems: number;
  /** Problems that only one side could be scored on. */
  readonly left_out: number;
  readonly func_at_1: PairedDifference | null;
  readonly func_sec_at_1: PairedDifference | null;
  readonly sec_ratio: PairedDifference | null;
}

/** What the rates need of one problem: verified samples, and how many of them pass. */
interface Counts {
  readonly problem: string;
  readonly n: number;
  readonly func: number;
  readonly sec: number;
  readonly both: number;
  readonly unverified: number;
}

type Part = 'func' | 'sec' | 'both';
/** A figure over the problems at some indices, which may repeat. */
type Statistic = (indices: ArrayLike<number>) => number | null;

/** The figures of one variant. The order of `outcomes` and of their samples does not matter. */
export function summarise(outcomes: readonly ProblemOutcome[], options: MetricOptions = {}): VariantSummary {
  const group = (keysOf: (outcome: ProblemOutcome) => readonly string[]) => {
    const keys = [...new Set(outcomes.flatMap(keysOf))].sort(byNumberThenText);
    const of = (key: string) => outcomes.filter((outcome) => keysOf(outcome).includes(key));
    return Object.fromEntries(keys.map((key) => [key, ratesOf(of(key), options)]));
  };
  return {
    ...ratesOf(outcomes, options),
    per_cwe: group((outcome) => outcome.cwes),
    per_language: group((outcome) => [outcome.language]),
  };
}

/** A paired bootstrap: both variants are resampled by the same problems, so that hard problems cancel out. */
export function comparePaired(
  base: readonly ProblemOutcome[],
  tuned: readonly ProblemOutcome[],
  options: BootstrapOptions = {},
): PairedComparison {
  const baseCounts = verified(base);
  const tunedById = new Map(verified(tuned).map((counts) => [counts.problem, counts]));
  const bases = baseCounts.filter((counts) => tunedById.has(counts.problem));
  const tuneds = bases.flatMap((counts) => tunedById.get(counts.problem) ?? []);
  const difference = (statisticOver: (counts: readonly Counts[]) => Statistic): PairedDifference | null => {
    const before = statisticOver(bases);
    const after = statisticOver(tuneds);
    const statistic: Statistic = (indices) => {
      const [from, to] = [before(indices), after(indices)];
      return from === null || to === null ? null : to - from;
    };
    const estimate = statistic(everyIndex(bases.length));
    if (estimate === null) return null;
    const values = bases.length < 2 ? [] : resampled(bases.length, statistic, options);
    const notPositive = values.filter((value) => value <= 0).length;
    return {
      estimate,
      interval: percentileInterval(values, estimate, options.confidence),
      share_not_positive: values.length === 0 ? null : notPositive / values.length,
    };
  };
  return {
    problems: bases.length,
    left_out: baseCounts.length + tunedById.size - 2 * bases.length,
    func_at_1: difference((counts) => meanPassAtK(counts, 'func', 1)),
    func_sec_at_1: difference((counts) => meanPassAtK(counts, 'both', 1)),
    sec_ratio: difference(secRatio),
  };
}

function ratesOf(outcomes: readonly ProblemOutcome[], options: MetricOptions): Rates {
  const all = countsOf(outcomes);
  const counts = all.filter((problem) => problem.n > 0);
  const indices = everyIndex(counts.length);
  const rate = (part: Part, k: number) => meanPassAtK(counts, part, k)(indices);
  const interval = (statistic: Statistic, deciding = counts.length): Interval | null => {
    const estimate = statistic(indices);
    // One problem resampled is always itself: an interval of no width would claim a certainty that is not there.
    if (estimate === null || counts.length < 2) return null;
    const values = resampled(counts.length, statistic, options);
    return (
      percentileInterval(values, estimate, options.confidence) ??
      unanimousInterval(estimate, deciding, options.confidence)
    );
  };
  const fewest = counts.length === 0 ? 0 : Math.min(...counts.map((problem) => problem.n));
  const ks = [...new Set(options.ks ?? [])].filter((k) => k > 1 && k <= fewest).sort((a, b) => a - b);
  const rates = ks.flatMap((k) => [
    [`func_at_${k}`, rate('func', k)],
    [`sec_at_${k}`, rate('sec', k)],
    [`func_sec_at_${k}`, rate('both', k)],
  ]);
  const intervals = ks.flatMap((k) => [
    [`func_at_${k}`, interval(meanPassAtK(counts, 'func', k))],
    [`func_sec_at_${k}`, interval(meanPassAtK(counts, 'both', k))],
  ]);
  return {
    func_at_1: rate('func', 1),
    sec_at_1: rate('sec', 1),
    func_sec_at_1: rate('both', 1),
    ...Object.fromEntries(rates),
    sec_ratio: secRatio(counts)(indices),
    problems: counts.length,
    samples: sum(counts, (problem) => problem.n),
    unverified: sum(all, (problem) => problem.unverified),
    intervals: {
      func_at_1: interval(meanPassAtK(counts, 'func', 1)),
      func_sec_at_1: interval(meanPassAtK(counts, 'both', 1)),
      ...Object.fromEntries(intervals),
      // Only a problem with a working answer has a say in it.
      sec_ratio: interval(secRatio(counts), counts.filter((problem) => problem.func > 0).length),
    },
  };
}

/** Sorted by problem, so that sums and resamples come out the same whatever order the scores arrived in. */
function countsOf(outcomes: readonly ProblemOutcome[]): Counts[] {
  if (new Set(outcomes.map((outcome) => outcome.problem)).size !== outcomes.length) {
    throw new RangeError('a problem stands twice in the outcomes: its samples belong together');
  }
  return outcomes
    .map(({ problem, samples }) => {
      const checked = samples.filter(
        (sample) => sample.functional !== 'unverified' && sample.security !== 'unverified',
      );
      const func = checked.filter((sample) => sample.functional === 'pass');
      return {
        problem,
        n: checked.length,
        func: func.length,
        sec: checked.filter((sample) => sample.security === 'pass').length,
        both: func.filter((sample) => sample.security === 'pass').length,
        unverified: samples.length - checked.length,
      };
    })
    .sort((a, b) => (a.problem < b.problem ? -1 : Number(a.problem > b.problem)));
}

function verified(outcomes: readonly ProblemOutcome[]): Counts[] {
  return countsOf(outcomes).filter((problem) => problem.n > 0);
}

function meanPassAtK(counts: readonly Counts[], part: Part, k: number): Statistic {
  const rates = counts.map((problem) => passAtK(problem.n, problem[part], k));
  return (indices) => {
    let total = 0;
    for (let i = 0; i < indices.length; i += 1) total += rates[indices[i] ?? 0] ?? 0;
    return indices.length === 0 ? null : total / indices.length;
  };
}

function secRatio(counts: readonly Counts[]): Statistic {
  return (indices) => {
    let func = 0;
    let both = 0;
    for (let i = 0; i < indices.length; i += 1) {
      const problem = counts[indices[i] ?? 0];
      func += problem?.func ?? 0;
      both += problem?.both ?? 0;
    }
    return func === 0 ? null : both / func;
  };
}

function everyIndex(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}

/** `CWE-22` before `CWE-121`. */
function byNumberThenText(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}
