import * as g from '../graph/build.ts';
import { isFloat } from '../graph/dtype.ts';
import { type Node, sizeOf } from '../graph/node.ts';
import { type Parts, type Sign, scaled, transformOf } from './fourier.ts';
import { alike, axisOf, broadcastShapes } from './operands.ts';
import { fromData, Tensor } from './tensor.ts';

/**
 * Fourier transforms, with NumPy's and PyTorch's names. There is no complex dtype: complex arrays are pairs `{ re, im }` of float arrays of
 * one shape. Any length is fast (products of small factors by Cooley and Tukey, large primes by Bluestein's method); every transform
 * differentiates, batches and compiles.
 */

/** A complex array: its real and imaginary parts, of one shape. */
export interface Complex {
  readonly re: Tensor;
  readonly im: Tensor;
}

/**
 * Factors of the forward and the backward transform: 1 and 1/n (`backward`), 1/sqrt(n) for both (`ortho`), 1/n and 1 (`forward`).
 */
export type Norm = 'backward' | 'ortho' | 'forward';

/** Options of transforms along one axis. */
export interface TransformOptions {
  /** Length of the transform along the axis: the input is cut or filled with zeros. For irfft the length of the result. */
  n?: number;
  /** Default the last. */
  axis?: number;
  /** Default `backward`. */
  norm?: Norm;
}

/** Options of transforms along several axes. */
export interface TransformsOptions {
  /** Length of the transform along each axis. */
  s?: readonly number[];
  /** Default: the last two for fft2 and its kin; for fftn as many as `s` has, or all. */
  axes?: readonly number[];
  /** Default `backward`. */
  norm?: Norm;
}

const isComplex = (x: Tensor | Complex): x is Complex => !(x instanceof Tensor);

/** The parts of an array, in one float dtype and shape. */
function partsOf(name: string, x: Tensor | Complex): Node[] {
  const given = isComplex(x) ? [x.re, x.im] : [x];
  if (!given.every((t) => t instanceof Tensor))
    throw new TypeError(`fft.${name}: needs an array, or a pair { re, im } of arrays`);
  const nodes = alike(given.map((t) => t.node)).map((n) => (isFloat(n.dtype) ? n : g.cast(n, 'float32')));
  const shape = broadcastShapes(`fft.${name}`, ...nodes.map((n) => n.shape));
  return nodes.map((n) => g.broadcastTo(n, shape));
}

function factorOf(name: string, norm: Norm, n: number, sign: Sign): number {
  const factors = {
    backward: sign === 1 ? 1 / n : 1,
    ortho: 1 / Math.sqrt(n),
    forward: sign === 1 ? 1 : 1 / n,
  };
  if (!Object.hasOwn(factors, norm))
    throw new Error(`fft.${name}: norm must be 'backward', 'ortho' or 'forward', got '${String(norm)}'`);
  return factors[norm];
}

/** Cut, or filled with zeros, to length n along an axis. */
function resized(x: Node, axis: number, n: number): Node {
  const extent = x.shape[axis];
  if (extent === n) return x;
  const zeros = x.shape.map(() => 0);
  const more = (count: number) => x.shape.map((_, i) => (i === axis ? count : 0));
  if (extent < n) return g.pad(x, zeros, more(n - extent));
  const shape = x.shape.map((size, i) => (i === axis ? n : size));
  return g.slice(
    x,
    zeros,
    zeros.map(() => 1),
    shape,
  );
}

/** The transform of the parts along an axis, the real part alone if `to` is 1. */
function along(
  name: string,
  parts: readonly Node[],
  sign: Sign,
  to: Parts,
  { n, axis, norm }: { n?: number; axis: number; norm: Norm },
): Node[] {
  const length = n ?? parts[0].shape[axis];
  if (!Number.isInteger(length) || length < 1)
    throw new Error(
      `fft.${name}: the length of a transform must be an integer >= 1, got ${length} along axis ${axis} of [${parts[0].shape.join(', ')}]`,
    );
  const sized = parts.map((x) => resized(x, axis, length));
  const rank = sized[0].shape.length;
  const order = [...sized[0].shape.keys()].filter((i) => i !== axis).concat(axis);
  const batch = order.slice(0, -1).map((i) => sized[0].shape[i]);
  const rows = sized.map((x) => g.reshape(g.transpose(x, order), [sizeOf(batch), 1, length]));
  const result = scaled(transformOf(g.concat(rows, 1), sign, to), factorOf(name, norm, length, sign));
  const back = Array.from({ length: rank }, (_, i) => order.indexOf(i));
  return Array.from({ length: to }, (_, q) => {
    const part = g.slice(result, [0, q, 0], [1, 1, 1], [sizeOf(batch), 1, length]);
    return g.transpose(g.reshape(part, [...batch, length]), back);
  });
}

const pair = ([re, im]: readonly Node[]): Complex => ({ re: new Tensor(re), im: new Tensor(im) });

function one(name: string, x: Tensor | Complex, sign: Sign, options: TransformOptions): Complex {
  const parts = partsOf(name, x);
  const axis = axisOf(`fft.${name}`, options.axis ?? -1, parts[0].shape.length);
  return pair(along(name, parts, sign, 2, { n: options.n, axis, norm: options.norm ?? 'backward' }));
}

/** `X[k] = sum over j of x[j] exp(-2 pi i j k / n)` along an axis, of a real or complex array. */
export const fft = (x: Tensor | Complex, options: TransformOptions = {}): Complex =>
  one('fft', x, -1, options);

/** The inverse of fft: `x[j] = 1/n sum over k of X[k] exp(2 pi i j k / n)`. */
export const ifft = (x: Tensor | Complex, options: TransformOptions = {}): Complex =>
  one('ifft', x, 1, options);

/** The first n/2 + 1 elements (rounded down) along an axis: the others follow, of a transform of real numbers. */
const firstHalf = (parts: readonly Node[], axis: number): Node[] =>
  parts.map((x) => resized(x, axis, Math.floor(x.shape[axis] / 2) + 1));

function requireReal(name: string, x: Tensor): void {
  if (!(x instanceof Tensor))
    throw new TypeError(`fft.${name}: needs a real array, not a pair; use fft.${name.slice(1)}`);
}

/** The transform of real numbers: elements 0 to n/2 (rounded down) of fft, of which the others are the conjugates. */
export function rfft(x: Tensor, options: TransformOptions = {}): Complex {
  requireReal('rfft', x);
  const parts = partsOf('rfft', x);
  const axis = axisOf('fft.rfft', options.axis ?? -1, x.ndim);
  const full = along('rfft', parts, -1, 2, { n: options.n, axis, norm: options.norm ?? 'backward' });
  return pair(firstHalf(full, axis));
}

/** Both halves of the transform, of length n, of real numbers from the first. */
function conjugated([re, im]: readonly Node[], axis: number, n: number): Node[] {
  const half = Math.floor(n / 2) + 1;
  return [resized(re, axis, half), resized(im ?? g.fill(0, re), axis, half)].map((x, q) => {
    const count = n - half;
    const start = x.shape.map((_, i) => (i === axis ? count : 0));
    const step = x.shape.map((_, i) => (i === axis ? -1 : 1));
    const mirrored = g.slice(
      x,
      start,
      step,
      x.shape.map((size, i) => (i === axis ? count : size)),
    );
    return g.concat([x, q === 0 ? mirrored : g.neg(mirrored)], axis);
  });
}

function irfftOf(
  name: string,
  parts: readonly Node[],
  axis: number,
  n: number | undefined,
  norm: Norm,
): Node {
  const length = n ?? 2 * (parts[0].shape[axis] - 1);
  if (!Number.isInteger(length) || length < 1)
    throw new Error(
      `fft.${name}: the length of the result must be an integer >= 1, got ${length}; give n (the default is 2 (m - 1) for m elements)`,
    );
  return along(name, conjugated(parts, axis, length), 1, 1, { n: length, axis, norm })[0];
}

/**
 * The inverse of rfft: real numbers from elements 0 to n/2 of their transform. n is 2 (m - 1) for m elements by default; give it where it
 * is odd. The imaginary parts of elements 0 and, for even n, n/2 do not count.
 */
export function irfft(x: Tensor | Complex, options: TransformOptions = {}): Tensor {
  const parts = partsOf('irfft', x);
  const axis = axisOf('fft.irfft', options.axis ?? -1, parts[0].shape.length);
  return new Tensor(irfftOf('irfft', parts, axis, options.n, options.norm ?? 'backward'));
}

/** Axes and lengths of a transform along several axes. */
function several(
  name: string,
  rank: number,
  { s, axes }: TransformsOptions,
  count: number | null,
): { axis: number; n: number | undefined }[] {
  const last = (n: number) => Array.from({ length: n }, (_, i) => i - n);
  const chosen = (axes ?? last(s?.length ?? count ?? rank)).map((a) => axisOf(`fft.${name}`, a, rank));
  if (
    chosen.length === 0 ||
    new Set(chosen).size !== chosen.length ||
    (s !== undefined && s.length !== chosen.length)
  )
    throw new Error(
      `fft.${name}: axes [${chosen.join(', ')}] must differ, be at least one, and as many as lengths s [${String(s ?? '')}]`,
    );
  return chosen.map((axis, i) => ({ axis, n: s?.[i] }));
}

function many(
  name: string,
  x: Tensor | Complex,
  sign: Sign,
  options: TransformsOptions,
  count: number | null,
): Complex {
  const { norm = 'backward' } = options;
  let parts = partsOf(name, x);
  for (const where of several(name, parts[0].shape.length, options, count).reverse())
    parts = along(name, parts, sign, 2, { ...where, norm });
  return pair(parts);
}

function realMany(name: string, x: Tensor, options: TransformsOptions, count: number | null): Complex {
  requireReal(name, x);
  const { norm = 'backward' } = options;
  const list = several(name, x.ndim, options, count);
  const last = list[list.length - 1];
  let parts = firstHalf(along(name, partsOf(name, x), -1, 2, { ...last, norm }), last.axis);
  for (const where of list.slice(0, -1).reverse()) parts = along(name, parts, -1, 2, { ...where, norm });
  return pair(parts);
}

function inverseRealMany(
  name: string,
  x: Tensor | Complex,
  options: TransformsOptions,
  count: number | null,
): Tensor {
  const { norm = 'backward' } = options;
  let parts = partsOf(name, x);
  const list = several(name, parts[0].shape.length, options, count);
  const last = list[list.length - 1];
  for (const where of list.slice(0, -1)) parts = along(name, parts, 1, 2, { ...where, norm });
  return new Tensor(irfftOf(name, parts, last.axis, last.n, norm));
}

/** fft along two axes, the last two by default. */
export const fft2 = (x: Tensor | Complex, options: TransformsOptions = {}): Complex =>
  many('fft2', x, -1, options, 2);
/** The inverse of fft2. */
export const ifft2 = (x: Tensor | Complex, options: TransformsOptions = {}): Complex =>
  many('ifft2', x, 1, options, 2);
/** rfft along the last of two axes and fft along the other. */
export const rfft2 = (x: Tensor, options: TransformsOptions = {}): Complex =>
  realMany('rfft2', x, options, 2);
/** The inverse of rfft2; the last entry of `s` is the length of the result, needed where it is odd. */
export const irfft2 = (x: Tensor | Complex, options: TransformsOptions = {}): Tensor =>
  inverseRealMany('irfft2', x, options, 2);
/** fft along several axes, all by default. */
export const fftn = (x: Tensor | Complex, options: TransformsOptions = {}): Complex =>
  many('fftn', x, -1, options, null);
/** The inverse of fftn. */
export const ifftn = (x: Tensor | Complex, options: TransformsOptions = {}): Complex =>
  many('ifftn', x, 1, options, null);
/** rfft along the last of several axes and fft along the others. */
export const rfftn = (x: Tensor, options: TransformsOptions = {}): Complex =>
  realMany('rfftn', x, options, null);
/** The inverse of rfftn. */
export const irfftn = (x: Tensor | Complex, options: TransformsOptions = {}): Tensor =>
  inverseRealMany('irfftn', x, options, null);

/** Moves what lies at `shift` along axes to their beginning, and what was before it to the end. */
function rolled<T extends Tensor | Complex>(
  name: string,
  x: T,
  axes: number | readonly number[] | undefined,
  shift: (n: number) => number,
): T {
  const roll = (t: Tensor): Tensor => {
    const chosen = (typeof axes === 'number' ? [axes] : (axes ?? [...t.shape.keys()])).map((a) =>
      axisOf(`fft.${name}`, a, t.ndim),
    );
    let node = t.node;
    for (const axis of chosen) {
      const n = t.shape[axis];
      const part = (from: number, count: number) =>
        g.slice(
          node,
          t.shape.map((_, i) => (i === axis ? from : 0)),
          t.shape.map(() => 1),
          t.shape.map((size, i) => (i === axis ? count : size)),
        );
      const at = shift(n);
      node = g.concat([part(at, n - at), part(0, at)], axis);
    }
    return new Tensor(node);
  };
  return (isComplex(x) ? { re: roll(x.re), im: roll(x.im) } : roll(x as Tensor)) as T;
}

/** Moves frequency 0 from the beginning of axes (all by default) to their middle. */
export const fftshift = <T extends Tensor | Complex>(x: T, axes?: number | readonly number[]): T =>
  rolled('fftshift', x, axes, (n) => Math.ceil(n / 2));
/** The inverse of fftshift. */
export const ifftshift = <T extends Tensor | Complex>(x: T, axes?: number | readonly number[]): T =>
  rolled('ifftshift', x, axes, (n) => Math.floor(n / 2));

/** `index(k) / (n d)` for k from 0 to count - 1. */
function frequencies(
  name: string,
  n: number,
  d: number,
  count: number,
  index: (k: number) => number,
): Tensor {
  if (!Number.isInteger(n) || n < 1) throw new Error(`fft.${name}: n must be an integer >= 1, got ${n}`);
  const f = Float32Array.from({ length: count }, (_, k) => index(k) / (n * d));
  return fromData(f, [count], 'float32');
}

/** The frequencies of the elements of fft, in cycles per unit where samples lie d apart: 0, 1, .., -2, -1 over n d. */
export const fftfreq = (n: number, d = 1): Tensor =>
  frequencies('fftfreq', n, d, n, (k) => (k >= n / 2 ? k - n : k));
/** The frequencies of the elements of rfft: 0, 1, .., n/2 over n d. */
export const rfftfreq = (n: number, d = 1): Tensor =>
  frequencies('rfftfreq', n, d, Math.floor(n / 2) + 1, (k) => k);

/** The product of complex arrays, `(a + b i)(c + d i)`; they broadcast, and real ones may be given. */
export function multiply(x: Tensor | Complex, y: Tensor | Complex): Complex {
  if (!isComplex(x)) {
    if (isComplex(y)) return multiply(y, x);
    const re = x.mul(y);
    return { re, im: new Tensor(g.fill(0, re)) };
  }
  if (!isComplex(y)) return { re: x.re.mul(y), im: x.im.mul(y) };
  return { re: x.re.mul(y.re).sub(x.im.mul(y.im)), im: x.re.mul(y.im).add(x.im.mul(y.re)) };
}
