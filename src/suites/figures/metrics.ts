import { MEASURES, type Measure } from '../suite.js';
import { exactInterval } from './binomial.js';
import { detectableDifference } from './detectable.js';
import { differenceInterval, differenceSpread, type Interval, shareInterval } from './interval.js';
import { type Counts, lackingIn, type ProblemOutcome, verifiedCounts } from './outcomes.js';
import { passAtK } from './pass-at-k.js';
import { deciding, type Share, shareValue } from './share.js';
import { signFlipTest } from './sign-flip.js';

/**
 * The figures over a set of problems, as they stand on disk; `docs/figures.md` has each by its formula. `null` when no sample could be
 * verified, and for figures of security where the suite does not measure it.
 */
export interface Rates {
  /** `func_at_k`, `func_sec_at_k`: means over problems of the unbiased pass@k. */
  readonly func_at_1: number | null;
  /** A sample counts when it passes the functional *and* the security tests. */
  readonly func_sec_at_1: number | null;
  readonly [rate: `func_at_${number}`]: number | null;
  readonly [rate: `func_sec_at_${number}`]: number | null;
  /** SecRatio, pooled: of all samples that work, the share that is also secure. `null` when none works. */
  readonly sec_ratio: number | null;
  /** SecRatio, per task: the same within each problem that has a working sample, then the mean over these problems. */
  readonly sec_ratio_per_task: number | null;
  /** Problems with at least one verified sample: what the rates are means over. */
  readonly problems: number;
  /** Verified samples: those that the rates count. */
  readonly samples: number;
  /** Samples left out of the rates because a check could not run. */
  readonly unverified: number;
  /** Samples whose thinking was cut off before an answer began: not a pass. */
  readonly no_answer: number;
  /** Samples with an answer in which there was nothing to judge: not a pass. */
  readonly no_code: number;
  /** Samples that the model or its server refused: not a pass. */
  readonly refused: number;
  /** 95 %. `null` for a figure that is `null`, and below ten problems unless it is exact; see `intervalOf`. */
  readonly intervals: {
    readonly func_at_1: Interval | null;
    readonly func_sec_at_1: Interval | null;
    readonly sec_ratio: Interval | null;
    readonly sec_ratio_per_task: Interval | null;
    readonly [rate: `func_at_${number}`]: Interval | null;
    readonly [rate: `func_sec_at_${number}`]: Interval | null;
  };
}

/** One variant's figures. A problem with several CWEs or groups counts under each of them. */
export interface VariantSummary extends Rates {
  readonly measures: readonly Measure[];
  readonly per_cwe: Readonly<Record<string, Rates>>;
  readonly per_language: Readonly<Record<string, Rates>>;
  readonly per_group: Readonly<Record<string, Rates>>;
}

export interface MetricOptions {
  /** What the suite measures; default: both. */
  readonly measures?: readonly Measure[];
  /** Which pass@k to give; one that exceeds the verified samples of some problem is left out. 1 is always there. */
  readonly ks?: readonly number[];
}

/** The second variant minus the first, over the problems that both have verified samples for. */
export interface PairedDifference {
  readonly estimate: number;
  /** 95 %. `null` below ten problems that do not all differ by the same. */
  readonly interval: Interval | null;
  /**
   * Two-sided, of a sign-flip test over problems. `null` for SecRatio and for k > 1: that labels can be swapped within a problem would say
   * more than that the figure is the same.
   */
  readonly p_value: number | null;
  /** All combinations of signs were counted. */
  readonly exact: boolean;
  /** The true difference that would be found in four of five such evaluations. `null` below ten problems, and where they have no spread. */
  readonly detectable: number | null;
}

export interface PairedComparison {
  readonly problems: number;
  /** Problems that only one side could be scored on. */
  readonly left_out: number;
  readonly func_at_1: PairedDifference | null;
  readonly func_sec_at_1: PairedDifference | null;
  readonly [rate: `func_at_${number}`]: PairedDifference | null;
  readonly [rate: `func_sec_at_${number}`]: PairedDifference | null;
  readonly sec_ratio: PairedDifference | null;
  readonly sec_ratio_per_task: PairedDifference | null;
}

type Part = 'func' | 'both';

/** The figures of one variant. The order of `outcomes` and of their samples does not matter. */
export function summarise(outcomes: readonly ProblemOutcome[], options: MetricOptions = {}): VariantSummary {
  const group = (keysOf: (outcome: ProblemOutcome) => readonly string[]) => {
    const keys = [...new Set(outcomes.flatMap(keysOf))].sort(byNumberThenText);
    const of = (key: string) => outcomes.filter((outcome) => keysOf(outcome).includes(key));
    return Object.fromEntries(keys.map((key) => [key, ratesOf(of(key), options)]));
  };
  return {
    measures: options.measures ?? MEASURES,
    ...ratesOf(outcomes, options),
    per_cwe: group((outcome) => outcome.cwes),
    per_language: group((outcome) => [outcome.language]),
    per_group: group((outcome) => outcome.groups ?? []),
  };
}

/** Pairs both variants by problem, so that hard problems cancel out. */
export function comparePaired(
  base: readonly ProblemOutcome[],
  tuned: readonly ProblemOutcome[],
  options: MetricOptions = {},
): PairedComparison {
  const { measures = MEASURES } = options;
  const baseCounts = verifiedCounts(base, measures);
  const tunedById = new Map(verifiedCounts(tuned, measures).map((counts) => [counts.problem, counts]));
  const bases = baseCounts.filter((counts) => tunedById.has(counts.problem));
  const tuneds = bases.flatMap((counts) => tunedById.get(counts.problem) ?? []);
  const [before, after] = [sharesOf(bases, measures), sharesOf(tuneds, measures)];
  const test = (part: Part) => {
    const passes = (counts: readonly Counts[]) => counts.map(({ n, [part]: passed }) => ({ passed, of: n }));
    return signFlipTest(passes(bases), passes(tuneds));
  };
  const difference = (from: Share | null, to: Share | null, tested?: Part): PairedDifference | null => {
    const [start, end] = [from === null ? null : shareValue(from), to === null ? null : shareValue(to)];
    if (from === null || to === null || start === null || end === null) return null;
    const spread = differenceSpread(from, to);
    const { p_value, exact } = tested === undefined ? { p_value: null, exact: false } : test(tested);
    return {
      estimate: end - start,
      interval: differenceInterval(from, to),
      p_value,
      exact,
      detectable: spread === null ? null : detectableDifference(spread),
    };
  };
  const ks = passAtKs([...bases, ...tuneds], options.ks);
  const higher = ks.flatMap((k) =>
    ratesAt(k, measures).map(([name, part]) => [
      name,
      difference(passShare(bases, part, k), passShare(tuneds, part, k)),
    ]),
  );
  return {
    problems: bases.length,
    left_out: baseCounts.length + tunedById.size - 2 * bases.length,
    func_at_1: difference(before.func, after.func, 'func'),
    func_sec_at_1: difference(before.both, after.both, 'both'),
    ...Object.fromEntries(higher),
    sec_ratio: difference(before.pooled, after.pooled),
    sec_ratio_per_task: difference(before.perTask, after.perTask),
  };
}

function ratesOf(outcomes: readonly ProblemOutcome[], { measures = MEASURES, ks }: MetricOptions): Rates {
  const counts = verifiedCounts(outcomes, measures);
  const { func, both, pooled, perTask } = sharesOf(counts, measures);
  const value = (share: Share | null) => (share === null ? null : shareValue(share));
  const single = counts.every(({ n }) => n === 1);
  const higher = passAtKs(counts, ks).flatMap((k) =>
    ratesAt(k, measures).map(([name, part]) => {
      const share = passShare(counts, part, k);
      return {
        name,
        value: shareValue(share),
        interval: intervalOf(
          share,
          counts.every(({ n }) => n === k),
        ),
      };
    }),
  );
  return {
    func_at_1: value(func),
    func_sec_at_1: value(both),
    ...Object.fromEntries(higher.map((rate) => [rate.name, rate.value])),
    sec_ratio: value(pooled),
    sec_ratio_per_task: value(perTask),
    problems: counts.length,
    samples: sum(counts, ({ n }) => n),
    ...lackingIn(outcomes, measures),
    intervals: {
      func_at_1: intervalOf(func, single),
      func_sec_at_1: intervalOf(both, single),
      ...Object.fromEntries(higher.map((rate) => [rate.name, rate.interval])),
      sec_ratio: intervalOf(pooled, single),
      sec_ratio_per_task: intervalOf(perTask, single),
    },
  };
}

/**
 * Exact where each problem has one outcome (one sample, or k of them for pass@k): then they are independent trials. Exact too where all
 * problems agree: with several samples each it is wider than it would have to be. Otherwise Student's t over problems, from ten on.
 * `null` for fewer than two problems.
 */
function intervalOf(share: Share | null, trials: boolean): Interval | null {
  const value = share === null ? null : shareValue(share);
  if (share === null || value === null || deciding(share) < 2) return null;
  if (trials || value === 0 || value === 1) return exactInterval(Math.round(value * deciding(share)), deciding(share));
  return shareInterval(share);
}

interface Shares {
  readonly func: Share;
  readonly both: Share | null;
  readonly pooled: Share | null;
  readonly perTask: Share | null;
}

function sharesOf(counts: readonly Counts[], measures: readonly Measure[]): Shares {
  const func = passShare(counts, 'func', 1);
  if (!measures.includes('security')) return { func, both: null, pooled: null, perTask: null };
  const works = counts.map((one) => one.func);
  return {
    func,
    both: passShare(counts, 'both', 1),
    pooled: { top: counts.map((one) => one.both), bottom: works },
    perTask: {
      top: counts.map((one) => (one.func === 0 ? 0 : one.both / one.func)),
      bottom: works.map((count) => (count === 0 ? 0 : 1)),
    },
  };
}

function passShare(counts: readonly Counts[], part: Part, k: number): Share {
  return { top: counts.map((one) => passAtK(one.n, one[part], k)), bottom: counts.map(() => 1) };
}

/** Those beyond 1 that every problem has samples for. */
function passAtKs(counts: readonly Counts[], ks: readonly number[] = []): readonly number[] {
  const fewest = counts.length === 0 ? 0 : Math.min(...counts.map(({ n }) => n));
  return [...new Set(ks)].filter((k) => k > 1 && k <= fewest).sort((a, b) => a - b);
}

function ratesAt(k: number, measures: readonly Measure[]): readonly (readonly [string, Part])[] {
  const func = [`func_at_${k}`, 'func'] as const;
  return measures.includes('security') ? [func, [`func_sec_at_${k}`, 'both']] : [func];
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}

/** `CWE-22` before `CWE-121`. */
function byNumberThenText(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}
