/** Distribution functions in double, and how well numbers follow them. */

/** log gamma(x) for x > 0: Stirling's series, ten steps further on. */
export function logGamma(x: number): number {
  let shift = 0;
  let y = x;
  for (; y < 10; y++) shift += Math.log(y);
  const r = 1 / (y * y);
  const series = (1 / 12 - r * (1 / 360 - r * (1 / 1260 - r / 1680))) / y;
  return (y - 0.5) * Math.log(y) - y + 0.5 * Math.log(2 * Math.PI) + series - shift;
}

/** The regularized lower incomplete gamma function, by its power series of positive terms. */
export function incompleteGamma(a: number, x: number): number {
  if (x <= 0) return 0;
  let term = 1 / a;
  let sum = term;
  for (let k = 1; term > 1e-17 * sum || k < x; k++) {
    term *= x / (a + k);
    sum += term;
  }
  return Math.min(1, sum * Math.exp(a * Math.log(x) - x - logGamma(a)));
}

/** The regularized incomplete beta function, by the power series of the side where it converges fast. */
export function incompleteBeta(a: number, b: number, x: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(b, a, 1 - x);
  let term = 1 / a;
  let sum = term;
  for (let k = 0; k < 2000 && term > 1e-17 * sum; k++) {
    term *= ((a + b + k) / (a + 1 + k)) * x;
    sum += term;
  }
  const front = a * Math.log(x) + b * Math.log1p(-x) - logGamma(a) - logGamma(b) + logGamma(a + b);
  return sum * Math.exp(front);
}

/**
 * `sqrt(n)` times the largest distance between the empirical distribution function and the given one (Kolmogorov, Smirnov): above 1.95
 * once in a thousand samples.
 */
export function kolmogorov(sample: readonly number[], distribution: (x: number) => number): number {
  const sorted = [...sample].sort((a, b) => a - b);
  let distance = 0;
  sorted.forEach((x, i) => {
    const f = distribution(x);
    distance = Math.max(distance, f - i / sorted.length, (i + 1) / sorted.length - f);
  });
  return Math.sqrt(sorted.length) * distance;
}

/** Pearson's statistic of counts 0, 1, .. against their probabilities; neighbours that are expected less than 10 times share a cell. */
export function chiSquared(
  sample: readonly number[],
  probability: (k: number) => number,
): { statistic: number; freedom: number } {
  const most = Math.max(...sample);
  const observed = new Array<number>(most + 2).fill(0);
  for (const k of sample) observed[k]++;
  let [statistic, cells] = [0, 0];
  let [seen, expected, left] = [0, 0, sample.length];
  const close = () => {
    statistic += (seen - expected) ** 2 / expected;
    cells++;
    [seen, expected] = [0, 0];
  };
  for (let k = 0; k <= most; k++) {
    const p = sample.length * probability(k);
    left -= p;
    if (p === 0 && observed[k] > 0) return { statistic: Infinity, freedom: 1 };
    seen += observed[k];
    expected += p;
    if (expected >= 10 && left >= 10) close();
  }
  expected += Math.max(0, left);
  close();
  return { statistic, freedom: Math.max(1, cells - 1) };
}
