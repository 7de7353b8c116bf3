/**
 * A figure over problems as a ratio of two sums, one term a problem: Σ top / Σ bottom. A mean has 1 in each place at the bottom. All
 * figures are of this form, so that one way to tell how sure they are serves all.
 */
export interface Share {
  readonly top: readonly number[];
  readonly bottom: readonly number[];
}

/** `null` where nothing stands at the bottom. */
export function shareValue({ top, bottom }: Share): number | null {
  const below = sum(bottom);
  return below === 0 ? null : sum(top) / below;
}

/** The problems that have a say: those with something at the bottom. */
export function deciding({ bottom }: Share): number {
  return bottom.filter((term) => term !== 0).length;
}

/**
 * How far each problem pulls the figure, to first order: (top − value · bottom) / mean(bottom). Their sum is 0, and the figure's variance
 * over samples of problems is that of their mean (Taylor linearisation of a ratio; Cochran, "Sampling Techniques", 3rd ed., 6.3).
 */
export function pulls(share: Share): readonly number[] {
  const value = shareValue(share);
  if (value === null) return share.top.map(() => 0);
  const mean = sum(share.bottom) / share.bottom.length;
  return share.top.map((term, index) => (term - value * (share.bottom[index] ?? 0)) / mean);
}

/** The variance of a share whose problems are all either 0 or 1: of that value there is no greater one. */
export function mostVariance(share: Share): number {
  const value = shareValue(share) ?? 0;
  return (value * (1 - value) * sum(share.bottom.map((term) => term * term))) / sum(share.bottom) ** 2;
}

/** The standard error of a mean of independent terms whose own mean is 0. */
export function standardError(terms: readonly number[]): number {
  const count = terms.length;
  return Math.sqrt(sum(terms.map((term) => term * term)) / (count * (count - 1)));
}

function sum(terms: readonly number[]): number {
  return terms.reduce((total, term) => total + term, 0);
}
