import * as g from '../graph/build.ts';
import { nodeOf } from './array_base.ts';
import { SortableArray } from './array_sorting.ts';
import { type ConvolutionMode, convolveOf, correlateOf } from './convolve.ts';
import { matmulOf } from './products.ts';
import type { Tensor } from './tensor.ts';
import * as vectors from './vector_products.ts';

/** Factors of `beta * x + alpha * product`; both 1 by default. With beta 0, x only gives its shape: its NaN and infinities are not seen. */
export interface AddProductOptions {
  beta?: number;
  alpha?: number;
}

/** Sums of products. */
export abstract class MultipliableArray extends SortableArray {
  /** Matrix product with NumPy's rules for vectors and batches. */
  matmul(other: Tensor): Tensor {
    return this.wrap(matmulOf(this.node, nodeOf('matmul', other)));
  }
  /** Sum of products of two vectors; matmul otherwise. */
  dot(other: Tensor): Tensor {
    return this.matmul(other);
  }
  #requireRanks(name: string, rank: number, other: Tensor, otherRank: number): void {
    if (this.ndim !== rank || nodeOf(name, other).shape.length !== otherRank)
      throw new Error(
        `${name}: needs arrays of rank ${rank} and ${otherRank}, got [${this.shape.join(', ')}] and [${other.shape.join(', ')}]; matmul takes any ranks`,
      );
  }
  /** Product of two matrices, [n, k] x [k, m] -> [n, m]. */
  mm(other: Tensor): Tensor {
    this.#requireRanks('mm', 2, other, 2);
    return this.matmul(other);
  }
  /** Product of a matrix and a vector, [n, k] x [k] -> [n]. */
  mv(vector: Tensor): Tensor {
    this.#requireRanks('mv', 2, vector, 1);
    return this.matmul(vector);
  }
  /** Products of matrices in pairs, [b, n, k] x [b, k, m] -> [b, n, m]. */
  bmm(other: Tensor): Tensor {
    this.#requireRanks('bmm', 3, other, 3);
    if (this.shape[0] !== other.shape[0])
      throw new Error(
        `bmm: [${this.shape.join(', ')}] and [${other.shape.join(', ')}] must have equally many matrices; matmul broadcasts`,
      );
    return this.matmul(other);
  }
  #addProduct(product: Tensor, { beta = 1, alpha = 1 }: AddProductOptions = {}): Tensor {
    const scaled = alpha === 1 ? product : product.mul(alpha);
    if (beta === 0) return scaled.add(this.wrap(g.fill(0, this.node)));
    return scaled.add(beta === 1 ? this.self : this.mul(beta));
  }
  /** `beta * this + alpha * (a x b)` with matrices a [n, k] and b [k, m]; this broadcasts. */
  addmm(a: Tensor, b: Tensor, options?: AddProductOptions): Tensor {
    return this.#addProduct(a.mm(b), options);
  }
  /** `beta * this + alpha * (matrix x vector)` with [n, k] and [k]; this broadcasts. */
  addmv(matrix: Tensor, vector: Tensor, options?: AddProductOptions): Tensor {
    return this.#addProduct(matrix.mv(vector), options);
  }
  /** `beta * this + alpha * (a x b)` with batches of matrices a [b, n, k] and b [b, k, m]; this broadcasts. */
  baddbmm(a: Tensor, b: Tensor, options?: AddProductOptions): Tensor {
    return this.#addProduct(a.bmm(b), options);
  }
  /** `beta * this + alpha * sum over i of (a[i] x b[i])` with a [b, n, k] and b [b, k, m]; this broadcasts. */
  addbmm(a: Tensor, b: Tensor, options?: AddProductOptions): Tensor {
    a.#requireRanks('addbmm', 3, b, 3);
    return this.#addProduct(
      a.tensordot(b, [
        [0, 2],
        [0, 1],
      ]),
      options,
    );
  }
  /** `beta * this + alpha * outer(a, b)`; this broadcasts. */
  addr(a: Tensor, b: Tensor, options?: AddProductOptions): Tensor {
    return this.#addProduct(a.outer(b), options);
  }
  /**
   * Sums of products over axes of both arrays: over the last `axes` of this and the first of the other (default 2), or over the lists
   * `[axes of this, axes of the other]` in pairs. The result has this array's other axes, then those of the other. As NumPy's.
   */
  tensordot(other: Tensor, axes: vectors.TensordotAxes = 2): Tensor {
    return this.wrap(vectors.tensordotAxesOf(this.node, nodeOf('tensordot', other), axes));
  }
  /** Sums of products over the last axis of both: [..a, k] and [..b, k] -> [..a, ..b]. With a scalar, the product. */
  inner(other: Tensor): Tensor {
    return this.wrap(vectors.innerOf(this.node, nodeOf('inner', other)));
  }
  /** `out[i, j] = a[i] b[j]` of the elements in row-major order. */
  outer(other: Tensor): Tensor {
    return this.wrap(vectors.outerOf(this.node, nodeOf('outer', other)));
  }
  /** Kronecker product: `out[i * n + k, j * m + l] = a[i, j] b[k, l]` with b of shape [n, m]; for any ranks. */
  kron(other: Tensor): Tensor {
    return this.wrap(vectors.kronOf(this.node, nodeOf('kron', other)));
  }
  /** Vector product along an axis of extent 3; arrays broadcast. */
  cross(other: Tensor, axis = -1): Tensor {
    return this.wrap(vectors.crossOf(this.node, nodeOf('cross', other), axis));
  }
  /** Sum of the products of all elements, in row-major order. */
  vdot(other: Tensor): Tensor {
    return this.wrap(vectors.vdotOf(this.node, nodeOf('vdot', other)));
  }
  /** Sums of products along an axis; arrays broadcast. */
  vecdot(other: Tensor, axis = -1): Tensor {
    return this.wrap(vectors.vecdotOf(this.node, nodeOf('vecdot', other), axis));
  }
  /** Convolution of two sequences, `out[k] = sum over j of a[k - j] v[j]`; mode `full` by default (NumPy's). */
  convolve(other: Tensor, mode: ConvolutionMode = 'full'): Tensor {
    return this.wrap(convolveOf(this.node, nodeOf('convolve', other), mode));
  }
  /** Cross-correlation of two sequences, `out[k] = sum over j of a[k + j] v[j]`; mode `valid` by default (NumPy's). */
  correlate(other: Tensor, mode: ConvolutionMode = 'valid'): Tensor {
    return this.wrap(correlateOf(this.node, nodeOf('correlate', other), mode));
  }
}
