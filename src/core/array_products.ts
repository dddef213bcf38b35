import { IndexableArray } from './array_indexing.ts';
import { matmulOf } from './products.ts';
import type { Tensor } from './tensor.ts';

/** Sums of products. */
export abstract class MultipliableArray extends IndexableArray {
  /** Matrix product with NumPy's rules for vectors and batches. */
  matmul(other: Tensor): Tensor {
    return this.wrap(matmulOf(this.node, other.node));
  }
  /** Sum of products of two vectors; matmul otherwise. */
  dot(other: Tensor): Tensor {
    return this.matmul(other);
  }
}
