/**
 * The point that Student's t with so many degrees of freedom (a whole number from 1) stays below with probability `share`.
 * The distribution function in its closed form for whole degrees of freedom (Abramowitz and Stegun, 26.7.3 and 26.7.4), bisected.
 */
export function studentQuantile(degrees: number, share: number): number {
  if (share === 0.5) return 0;
  if (share < 0.5) return -studentQuantile(degrees, 1 - share);
  let [low, high] = [0, 1];
  while (centre(high, degrees) < 2 * share - 1) high *= 2;
  for (let round = 0; round < 200 && high - low > Number.EPSILON * high; round += 1) {
    const middle = (low + high) / 2;
    if (centre(middle, degrees) < 2 * share - 1) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** The probability between −t and t. */
function centre(t: number, degrees: number): number {
  const angle = Math.atan(t / Math.sqrt(degrees));
  const cos = Math.cos(angle);
  const odd = degrees % 2 === 1;
  let term = odd ? cos : 1;
  let total = degrees === 1 ? 0 : term;
  for (let step = odd ? 3 : 2; step <= degrees - 2; step += 2) {
    term *= ((step - 1) / step) * cos * cos;
    total += term;
  }
  return odd ? (2 / Math.PI) * (angle + Math.sin(angle) * total) : Math.sin(angle) * total;
}
