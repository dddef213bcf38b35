import {
  add,
  broadcast,
  concat,
  constant,
  contract,
  mul,
  pad,
  reshape,
  slice,
  transpose,
} from '../graph/build.ts';
import { plainIndex } from '../graph/contraction.ts';
import type { DType } from '../graph/dtype.ts';
import type { Node } from '../graph/node.ts';
import { convert } from './convert.ts';
import { dataNode } from './evaluate.ts';

/**
 * Discrete Fourier transforms of any length as contractions with small matrices. Numbers are arrays [batch, parts, n] whose `parts` are the
 * real and the imaginary one, or the real one alone. Everything is an operation of the graph: it differentiates, batches and compiles.
 */

/** The sign in the exponent: -1 forwards, 1 backwards. */
export type Sign = 1 | -1;
/** Number of parts: 1 for real numbers, 2 for complex ones. */
export type Parts = 1 | 2;

/** Transforms up to this length are one matrix product; a longer one, if its length is a prime number, up to the other. */
const largestMatrix = 64;
const largestPrimeMatrix = 128;

/** Contractions and their work per element for lengths that were asked for: the first factor, 0 for none, -1 for Bluestein's method. */
const plans = new Map<number, { readonly factor: number; readonly cost: number }>();

/** How a length is split, `n = factor * rest`, so that the sum of the factors is smallest. */
function planOf(n: number): { readonly factor: number; readonly cost: number } {
  const known = plans.get(n);
  if (known !== undefined) return known;
  let best = n <= largestMatrix ? { factor: 0, cost: n } : { factor: -1, cost: Infinity };
  for (let factor = 2; factor <= Math.min(largestMatrix, n / 2); factor++) {
    if (n % factor !== 0) continue;
    // A pass over the data costs about as much as some multiplications.
    const cost = factor + planOf(n / factor).cost + 8;
    if (cost < best.cost) best = { factor, cost };
  }
  if (best.cost === Infinity) {
    if (n <= largestPrimeMatrix) best = { factor: 0, cost: n };
    else best = { factor: -1, cost: 2 * planOf(paddedLength(n)).cost + 32 };
  }
  plans.set(n, best);
  return best;
}

/** A power of two that holds a linear convolution of two sequences of length n. */
const paddedLength = (n: number): number => 2 ** Math.ceil(Math.log2(2 * n - 1));

/** `cos` and `sin` of `2 pi turns / n`, of the whole number of turns modulo n. */
function rootsOf(count: number, n: number, turns: (i: number) => number): [Float64Array, Float64Array] {
  const [re, im] = [new Float64Array(count), new Float64Array(count)];
  for (let i = 0; i < count; i++) {
    const angle = (2 * Math.PI * (turns(i) % n)) / n;
    re[i] = Math.cos(angle);
    im[i] = Math.sin(angle);
  }
  return [re, im];
}

const table = (data: Float64Array, shape: readonly number[], dtype: DType): Node =>
  dataNode(convert(data, dtype), shape, dtype);

/** The matrix [parts in, n, parts out, n] of a transform. */
function matrixOf(n: number, sign: Sign, from: Parts, to: Parts, dtype: DType): Node {
  const [re, im] = rootsOf(n * n, n, (i) => Math.floor(i / n) * (i % n));
  const data = new Float64Array(from * n * to * n);
  for (let j = 0; j < n; j++)
    for (let k = 0; k < n; k++) {
      const [c, s] = [re[j * n + k], sign * im[j * n + k]];
      const at = (p: number, q: number) => ((p * n + j) * to + q) * n + k;
      data[at(0, 0)] = c;
      if (to === 2) data[at(0, 1)] = s;
      if (from === 2) data[at(1, 0)] = -s;
      if (from === 2 && to === 2) data[at(1, 1)] = c;
    }
  return table(data, [from, n, to, n], dtype);
}

/** The numbers [batch, from, n] transformed along n without any factor, [batch, to, n]; `to` 1 gives the real part only. */
export function transformOf(x: Node, sign: Sign, to: Parts): Node {
  const [batch, parts, n] = x.shape;
  const from = parts as Parts;
  const { factor } = planOf(n);
  if (factor === -1) return bluestein(x, sign, to);
  if (factor === 0) {
    const sizes = [batch, to, n, from, n];
    const index = [0, 3, 4].map(plainIndex);
    const matrix = matrixOf(n, sign, from, to, x.dtype);
    return contract({ sizes, outRank: 3, a: index, b: [3, 4, 1, 2].map(plainIndex) }, x, matrix);
  }
  // Cooley and Tukey (1965): with j = j1 rest + j2 and k = k1 + factor k2, a transform over j1 for each j2, factors
  // exp(2 pi i j2 k1 / n), and a transform over j2 for each k1.
  const rest = n / factor;
  const columns = contract(
    {
      sizes: [batch, factor, 2, rest, from, factor],
      outRank: 4,
      a: [0, 4, 5, 3].map(plainIndex),
      b: [4, 5, 2, 1].map(plainIndex),
    },
    reshape(x, [batch, from, factor, rest]),
    matrixOf(factor, sign, from, 2, x.dtype),
  );
  const [re, im] = rootsOf(n, n, (i) => Math.floor(i / rest) * (i % rest));
  const turned = times(
    columns,
    re,
    im.map((s) => sign * s),
    [factor, rest],
  );
  const rows = transformOf(reshape(turned, [batch * factor, 2, rest]), sign, to);
  const ordered = transpose(reshape(rows, [batch, factor, to, rest]), [0, 2, 3, 1]);
  return reshape(ordered, [batch, to, n]);
}

/**
 * Complex numbers [batch, (k,) parts, m] times the complex numbers re + i im, of shape [(k,) m] and the same for all of the batch:
 * [batch, (k,) 2, m].
 */
function times(x: Node, re: Float64Array, im: Float64Array, shape: readonly number[]): Node {
  const axis = x.shape.length - 2;
  const numbers = (data: Float64Array) =>
    broadcast(table(data, shape, x.dtype), x.shape, shape.length === 2 ? [1, 3] : [2]);
  if (x.shape[axis] === 1) return concat([mul(x, numbers(re)), mul(x, numbers(im))], axis);
  const swapped = slice(
    x,
    x.shape.map((_, i) => (i === axis ? 1 : 0)),
    x.shape.map((_, i) => (i === axis ? -1 : 1)),
    x.shape,
  );
  const signs = broadcast(table(Float64Array.of(-1, 1), [2], x.dtype), x.shape, [axis]);
  return add(mul(x, numbers(re)), mul(mul(swapped, signs), numbers(im)));
}

/**
 * Bluestein's method (1970), for lengths with a large prime factor: as `jk = (j^2 + k^2 - (k - j)^2) / 2`, the transform is a convolution
 * with `exp(-sign pi i j^2 / n)`, done by transforms of a length that is a power of two.
 */
function bluestein(x: Node, sign: Sign, to: Parts): Node {
  const n = x.shape[2];
  const m = paddedLength(n);
  // j^2 modulo 2 n, in integers: j^2 itself is exact below 2^53.
  const [re, sine] = rootsOf(n, 2 * n, (j) => (j * j) % (2 * n));
  const im = sine.map((s) => sign * s);
  const chirped = times(x, re, im, [n]);
  const padded = pad(chirped, [0, 0, 0], [0, 0, m - n]);
  const [filterRe, filterIm] = [new Float64Array(m), new Float64Array(m)];
  for (let j = 0; j < n; j++)
    for (const at of j === 0 ? [0] : [j, m - j]) {
      filterRe[at] = re[j];
      filterIm[at] = -im[j];
    }
  hostTransform(filterRe, filterIm);
  const spectrum = times(transformOf(padded, -1, 2), filterRe, filterIm, [m]);
  const convolved = slice(transformOf(spectrum, 1, 2), [0, 0, 0], [1, 1, 1], [x.shape[0], 2, n]);
  const scale = 1 / m;
  const result = times(
    convolved,
    re.map((v) => v * scale),
    im.map((v) => v * scale),
    [n],
  );
  return to === 2 ? result : slice(result, [0, 0, 0], [1, 1, 1], [x.shape[0], 1, n]);
}

/** The forward transform of a power of two of numbers, in double and in place. */
function hostTransform(re: Float64Array, im: Float64Array): void {
  const n = re.length;
  if (n === 1) return;
  const half = n / 2;
  const pick = (x: Float64Array, odd: number) =>
    Float64Array.from({ length: half }, (_, i) => x[2 * i + odd]);
  const [evenRe, evenIm, oddRe, oddIm] = [pick(re, 0), pick(im, 0), pick(re, 1), pick(im, 1)];
  hostTransform(evenRe, evenIm);
  hostTransform(oddRe, oddIm);
  for (let k = 0; k < half; k++) {
    const angle = (-2 * Math.PI * k) / n;
    const [c, s] = [Math.cos(angle), Math.sin(angle)];
    const [a, b] = [oddRe[k] * c - oddIm[k] * s, oddRe[k] * s + oddIm[k] * c];
    re[k] = evenRe[k] + a;
    im[k] = evenIm[k] + b;
    re[k + half] = evenRe[k] - a;
    im[k + half] = evenIm[k] - b;
  }
}

/** A number as an array of the type of another. */
export const scaled = (x: Node, factor: number): Node =>
  factor === 1 ? x : mul(x, constant(factor, x.shape, x.dtype));
