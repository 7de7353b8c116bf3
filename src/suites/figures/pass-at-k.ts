/**
 * The unbiased estimator of pass@k: the chance that at least one of k samples, drawn without putting back from `n` of
 * which `c` pass, passes. 1 - C(n-c, k) / C(n, k), as a product so that nothing overflows.
 *
 * From Chen et al., "Evaluating Large Language Models Trained on Code" (2021), section 2.1.
 * @throws RangeError unless 0 <= c <= n and 1 <= k <= n, all integers.
 */
export function passAtK(n: number, c: number, k: number): number {
  const whole = Number.isSafeInteger(n) && Number.isSafeInteger(c) && Number.isSafeInteger(k);
  if (!whole || c < 0 || c > n || k < 1 || k > n) {
    throw new RangeError(`pass@k needs 0 <= c <= n and 1 <= k <= n, got n=${n} c=${c} k=${k}`);
  }
  // Exactly c/n, without the rounding of 1 - (1 - c/n).
  if (k === 1) return c / n;
  if (n - c < k) return 1;
  let noneOfThem = 1;
  for (let i = n - c + 1; i <= n; i += 1) noneOfThem *= 1 - k / i;
  return 1 - noneOfThem;
}
