import type { AddProductOptions } from './array_products.ts';
import type { ConvolutionMode } from './convolve.ts';
import type { Tensor } from './tensor.ts';
import type { TensordotAxes } from './vector_products.ts';

/** Products as functions; see the methods of the same names. */

/** Matrix product with NumPy's rules for vectors and batches. */
export const matmul = (a: Tensor, b: Tensor): Tensor => a.matmul(b);
/** Sum of products of two vectors; matmul otherwise. */
export const dot = (a: Tensor, b: Tensor): Tensor => a.dot(b);
/** Product of two matrices, [n, k] x [k, m] -> [n, m]. */
export const mm = (a: Tensor, b: Tensor): Tensor => a.mm(b);
/** Product of a matrix and a vector, [n, k] x [k] -> [n]. */
export const mv = (a: Tensor, b: Tensor): Tensor => a.mv(b);
/** Products of matrices in pairs, [b, n, k] x [b, k, m] -> [b, n, m]. */
export const bmm = (a: Tensor, b: Tensor): Tensor => a.bmm(b);
/** Sums of products over the last `axes` of a and the first of b (default 2), or over the lists `[axes of a, axes of b]` in pairs. */
export const tensordot = (a: Tensor, b: Tensor, axes?: TensordotAxes): Tensor => a.tensordot(b, axes);
/** Sums of products over the last axis of both: [..a, k] and [..b, k] -> [..a, ..b]. */
export const inner = (a: Tensor, b: Tensor): Tensor => a.inner(b);
/** `out[i, j] = a[i] b[j]` of the elements in row-major order. */
export const outer = (a: Tensor, b: Tensor): Tensor => a.outer(b);
/** Kronecker product: `out[i * n + k, j * m + l] = a[i, j] b[k, l]` with b of shape [n, m]; for any ranks. */
export const kron = (a: Tensor, b: Tensor): Tensor => a.kron(b);
/** Vector product along an axis of extent 3 (the last by default); arrays broadcast. */
export const cross = (a: Tensor, b: Tensor, axis?: number): Tensor => a.cross(b, axis);
/** Sum of the products of all elements, in row-major order. */
export const vdot = (a: Tensor, b: Tensor): Tensor => a.vdot(b);
/** Sums of products along an axis (the last by default); arrays broadcast. */
export const vecdot = (a: Tensor, b: Tensor, axis?: number): Tensor => a.vecdot(b, axis);
/** Convolution of two sequences, `out[k] = sum over j of a[k - j] b[j]`; mode `full` by default. */
export const convolve = (a: Tensor, b: Tensor, mode?: ConvolutionMode): Tensor => a.convolve(b, mode);
/** Cross-correlation of two sequences, `out[k] = sum over j of a[k + j] b[j]`; mode `valid` by default. */
export const correlate = (a: Tensor, b: Tensor, mode?: ConvolutionMode): Tensor => a.correlate(b, mode);
/** `beta * x + alpha * (a x b)` with matrices a [n, k] and b [k, m]; x broadcasts. */
export const addmm = (x: Tensor, a: Tensor, b: Tensor, options?: AddProductOptions): Tensor =>
  x.addmm(a, b, options);
/** `beta * x + alpha * (a x b)` with a matrix a [n, k] and a vector b [k]; x broadcasts. */
export const addmv = (x: Tensor, a: Tensor, b: Tensor, options?: AddProductOptions): Tensor =>
  x.addmv(a, b, options);
/** `beta * x + alpha * (a x b)` with batches of matrices a [b, n, k] and b [b, k, m]; x broadcasts. */
export const baddbmm = (x: Tensor, a: Tensor, b: Tensor, options?: AddProductOptions): Tensor =>
  x.baddbmm(a, b, options);
/** `beta * x + alpha * sum over i of (a[i] x b[i])` with a [b, n, k] and b [b, k, m]; x broadcasts. */
export const addbmm = (x: Tensor, a: Tensor, b: Tensor, options?: AddProductOptions): Tensor =>
  x.addbmm(a, b, options);
/** `beta * x + alpha * outer(a, b)`; x broadcasts. */
export const addr = (x: Tensor, a: Tensor, b: Tensor, options?: AddProductOptions): Tensor =>
  x.addr(a, b, options);
