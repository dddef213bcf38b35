import { onesLike } from '../create.ts';
import { checkOptions } from '../options.ts';
import { stack, type Tensor, where } from '../tensor.ts';
import { inverse, solve } from './lu.ts';
import { constantly, identityLike, squareOf } from './matrices.ts';
import { matrixNorm } from './norms.ts';

/**
 * a^n for square matrices and an integer n, by repeated squaring; the inverse's powers for negative n, the identity for 0.
 *
 * @throws if n is not an integer or a is not square
 */
export function matrixPower(a: Tensor, n: number): Tensor {
  if (!Number.isInteger(n)) throw new Error(`matrixPower: the power must be an integer, got ${n}`);
  const matrices = squareOf('matrixPower', a);
  if (n === 0) return identityLike(matrices);
  let square = n < 0 ? inverse(matrices) : matrices;
  let result: Tensor | null = null;
  for (let rest = Math.abs(n); ; square = square.matmul(square)) {
    if (rest % 2 === 1) result = result === null ? square : result.matmul(square);
    rest = Math.floor(rest / 2);
    if (rest === 0) return result!;
  }
}

/**
 * Coefficients b_0.. of the numerator of the diagonal Pade approximant of exp of a degree; those of the denominator alternate in sign:
 * b_j = (2 d - j)! d! / ((2 d)! j! (d - j)!), here times (2 d)! / d!.
 */
function padeCoefficients(degree: number): number[] {
  const out = [1];
  for (let j = 1; j <= degree; j++) out.push((out[j - 1] * (degree - j + 1)) / (j * (2 * degree - j + 1)));
  return out;
}

/** Degree of the approximant, and the 1-norm up to which its error is below rounding (Higham 2005, table 2.3; for float32 Al-Mohy and Higham). */
const approximants = {
  float32: { degree: 7, reach: 3.92572478313866 },
  float64: { degree: 13, reach: 5.371920351148152 },
} as const;

/** Matrices of a norm up to 2^16 times the reach can be squared back. */
const mostSquarings = 16;

/** 2^-count, exactly: powers by exp and log are rounded. */
function halvings(count: Tensor): Tensor {
  let factor = where(count.gt(0), 0.5, onesLike(count));
  for (let k = 1; k < mostSquarings; k++) factor = factor.mul(where(count.gt(k), 0.5, onesLike(count)));
  return factor;
}

/**
 * The exponential of square matrices [..., n, n], by scaling and squaring with a Pade approximant (Higham 2005, "The scaling and squaring
 * method for the matrix exponential revisited"). Derivatives are those of the composition. A matrix of 1-norm above 2.5e5 gives NaN.
 *
 * @throws if a is not square
 */
export function matrixExp(a: Tensor): Tensor {
  const matrices = squareOf('matrixExp', a);
  if (matrices.size === 0) return matrices;
  const { degree, reach } = approximants[matrices.dtype === 'float64' ? 'float64' : 'float32'];
  const size = constantly(matrixNorm(matrices, 1, { keepDims: true }));
  // log2 of a norm of 0 is -Infinity, which the maximum lifts to 0.
  const squarings = size.div(reach).log().mul(Math.LOG2E).ceil().maximum(0);
  const scaled = matrices.mul(halvings(squarings));
  const identity = identityLike(scaled);
  const coefficients = padeCoefficients(degree);
  const square = scaled.matmul(scaled);
  let power: Tensor = identity;
  let [even, odd] = [identity.mul(coefficients[0]), identity.mul(coefficients[1])];
  for (let j = 2; j < degree; j += 2) {
    power = j === 2 ? square : power.matmul(square);
    even = even.add(power.mul(coefficients[j]));
    odd = odd.add(power.mul(coefficients[j + 1]));
  }
  odd = scaled.matmul(odd);
  let result = solve(even.sub(odd), even.add(odd));
  for (let k = 0; k < mostSquarings; k++) result = where(squarings.gt(k), result.matmul(result), result);
  return where(squarings.le(mostSquarings), result, Number.NaN);
}

/**
 * The product of several matrices, in the order that needs the fewest multiplications; the first and the last one may be vectors, as in
 * NumPy's multi_dot.
 *
 * @throws for fewer than two arrays, others than matrices, and extents that do not fit
 */
export function multiDot(arrays: readonly Tensor[]): Tensor {
  const count = arrays.length;
  const shapes = arrays.map((a) => `[${a.shape.join(', ')}]`).join(' x ');
  if (count < 2) throw new Error(`multiDot: needs at least two arrays, got ${count}`);
  const matrices = arrays.map((a, i) => {
    const vector = a.ndim === 1 && (i === 0 || i === count - 1);
    if (a.ndim !== 2 && !vector)
      throw new Error(
        `multiDot: ${shapes}: arrays must be matrices, but for the first and the last, which may be vectors`,
      );
    return vector ? a.unsqueeze(i === 0 ? 0 : 1) : a;
  });
  const sizes = [matrices[0].shape[0], ...matrices.map((a) => a.shape[1])];
  matrices.forEach((a, i) => {
    if (a.shape[0] !== sizes[i])
      throw new Error(
        `multiDot: ${shapes}: array ${i} needs ${sizes[i]} rows, the columns of the one before`,
      );
  });
  const splits = cheapestSplits(sizes);
  const product = (first: number, last: number): Tensor =>
    first === last
      ? matrices[first]
      : product(first, splits[first][last]).matmul(product(splits[first][last] + 1, last));
  const dropped = [...(arrays[0].ndim === 1 ? [0] : []), ...(arrays[count - 1].ndim === 1 ? [1] : [])];
  return product(0, count - 1).squeeze(dropped);
}

/** After which matrix the product from i to j is best cut in two; matrix k is sizes[k] x sizes[k + 1]. */
function cheapestSplits(sizes: readonly number[]): number[][] {
  const count = sizes.length - 1;
  const costs = Array.from({ length: count }, () => new Array<number>(count).fill(0));
  const splits = Array.from({ length: count }, () => new Array<number>(count).fill(0));
  for (let length = 2; length <= count; length++)
    for (let i = 0; i + length <= count; i++) {
      const j = i + length - 1;
      costs[i][j] = Number.POSITIVE_INFINITY;
      for (let k = i; k < j; k++) {
        const cost = costs[i][k] + costs[k + 1][j] + sizes[i] * sizes[k + 1] * sizes[j + 1];
        if (cost >= costs[i][j]) continue;
        costs[i][j] = cost;
        splits[i][j] = k;
      }
    }
  return splits;
}

/** Options of `vander`. */
export interface VanderOptions {
  /** Number of columns; default as many as x has elements. */
  columns?: number;
  /** Powers from right to left, as NumPy has them by default and PyTorch has not. Default false: 1, x, x^2, ... */
  decreasing?: boolean;
}

/**
 * Vandermonde matrices: the powers 1, x, x^2, ... of each element of x [..., n] in a row, [..., n, columns].
 *
 * @throws if x is a scalar or the number of columns is not a whole number
 */
export function vander(x: Tensor, options: VanderOptions = {}): Tensor {
  checkOptions('vander', options, ['columns', 'decreasing']);
  if (x.ndim === 0) throw new Error('vander: needs a vector, got a scalar');
  const { columns = x.shape[x.ndim - 1], decreasing = false } = options;
  if (!Number.isInteger(columns) || columns < 0)
    throw new Error(`vander: the number of columns must be an integer >= 0, got ${columns}`);
  if (columns === 0) return x.unsqueeze(-1).slice(...x.shape.map(() => null), [0, 0]);
  const powers = [onesLike(x)];
  while (powers.length < columns) powers.push(powers[powers.length - 1].mul(x));
  return stack(decreasing ? powers.reverse() : powers, -1);
}
