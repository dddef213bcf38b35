export interface Tolerance {
  /** Allowed difference relative to the expected value. Default 0. */
  readonly rtol?: number;
  /** Allowed absolute difference. Default 0. */
  readonly atol?: number;
}

const isClose = (actual: number, expected: number, rtol: number, atol: number): boolean =>
  // Covers equal infinities, whose difference is NaN.
  actual === expected ||
  (Number.isNaN(actual) && Number.isNaN(expected)) ||
  Math.abs(actual - expected) <= atol + rtol * Math.abs(expected);

/**
 * Throws unless `|actual[i] - expected[i]| <= atol + rtol |expected[i]|` for every i. NaN equals NaN, and an infinity
 * only itself. The message counts the differing elements and shows the first few and the worst one; `what` says whose they are.
 */
export function expectClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  { rtol = 0, atol = 0 }: Tolerance = {},
  what = 'values',
): void {
  if (actual.length !== expected.length) {
    throw new Error(`${what}: ${actual.length} elements, expected ${expected.length}`);
  }
  const wrong: number[] = [];
  let worst = -1;
  let worstExcess = -1;
  for (let i = 0; i < expected.length; i++) {
    if (isClose(actual[i], expected[i], rtol, atol)) continue;
    wrong.push(i);
    const excess = Math.abs(actual[i] - expected[i]) / (atol + rtol * Math.abs(expected[i]) || 1e-300);
    const rank = Number.isNaN(excess) ? Infinity : excess;
    if (rank > worstExcess) {
      worst = i;
      worstExcess = rank;
    }
  }
  if (wrong.length === 0) return;
  const line = (i: number): string =>
    `  [${i}] ${actual[i]}, expected ${expected[i]} (difference ${Math.abs(actual[i] - expected[i])})`;
  throw new Error(
    [
      `${what}: ${wrong.length} of ${expected.length} elements differ by more than ${atol} + ${rtol} |expected|:`,
      ...wrong.slice(0, 5).map(line),
      ...(wrong.slice(0, 5).includes(worst) ? [] : [`worst:`, line(worst)]),
    ].join('\n'),
  );
}

/**
 * Gradient of `f` at `x` by central differences, `(f(x + eps e_i) - f(x - eps e_i)) / (2 eps)`: error of order eps^2 from the third
 * derivative and 1e-16 |f| / eps from rounding, so the default suits a smooth f that is computed in double.
 */
export function finiteDifference(f: (x: Float64Array) => number, x: Float64Array, eps = 1e-5): Float64Array {
  const at = x.slice();
  return x.map((value, i) => {
    at[i] = value + eps;
    const above = f(at);
    at[i] = value - eps;
    const below = f(at);
    at[i] = value;
    return (above - below) / (2 * eps);
  });
}
