import { checkOptions } from '../core/options.ts';
import type { Tensor } from '../core/tensor.ts';
import { where } from '../core/tensor.ts';
import { isFloat, isInteger } from '../graph/dtype.ts';
import type { Initializer } from './init.ts';
import { normal } from './init.ts';
import { made } from './initial.ts';
import { Module } from './module.ts';
import { Parameter } from './parameter.ts';
import { requirePositive } from './spatial_sizes.ts';

/** Options of {@link EmbeddingBag}. */
export interface EmbeddingBagOptions {
  /** What becomes of the vectors of a bag. Default mean. */
  mode?: 'sum' | 'mean' | 'max';
  /** A symbol that stands for nothing: it fills bags up. Default: none. */
  paddingIndex?: number;
  /** First vectors [count, dim]. Default N(0, 1). */
  weightInit?: Initializer;
}

/**
 * One vector for a bag of symbols: the sum, mean or maximum of their vectors in a table. int32 indices [batch, length] to
 * [batch, dim]. `weight` is [count, dim], first N(0, 1). A bag of nothing but padding gives zeros.
 */
export class EmbeddingBag extends Module {
  readonly weight: Parameter;
  readonly mode: 'sum' | 'mean' | 'max';
  readonly paddingIndex: number | null;

  /** @throws if a size is not a positive integer, or paddingIndex is outside of the table */
  constructor(count: number, dim: number, options: EmbeddingBagOptions = {}) {
    super();
    checkOptions('EmbeddingBag', options, ['mode', 'paddingIndex', 'weightInit']);
    requirePositive('EmbeddingBag', { count, dim });
    const { mode = 'mean', paddingIndex = null } = options;
    if (!['sum', 'mean', 'max'].includes(mode))
      throw new Error(`EmbeddingBag: mode must be 'sum', 'mean' or 'max', got '${String(mode)}'`);
    if (
      paddingIndex !== null &&
      !(Number.isInteger(paddingIndex) && paddingIndex >= 0 && paddingIndex < count)
    )
      throw new Error(
        `EmbeddingBag: paddingIndex must be an integer from 0 to ${count - 1}, got ${paddingIndex}`,
      );
    this.mode = mode;
    this.paddingIndex = paddingIndex;
    const table = made('EmbeddingBag', options.weightInit ?? ((shape) => normal(shape)), [count, dim]);
    this.weight = new Parameter(table, { name: 'weight' });
  }

  /**
   * @param weights floats [batch, length] that vectors are multiplied by, for mode sum
   * @throws if shapes do not fit, or there are weights for another mode than sum
   */
  forward(indices: Tensor, weights?: Tensor): Tensor {
    if (indices.ndim !== 2 || !isInteger(indices.dtype))
      throw new Error(
        `EmbeddingBag: indices must be int32 [batch, length], got ${indices.dtype} [${indices.shape.join(', ')}]`,
      );
    if (weights !== undefined && this.mode !== 'sum')
      throw new Error(`EmbeddingBag: weights are for mode 'sum', not '${this.mode}'`);
    if (weights && (String(weights.shape) !== String(indices.shape) || !isFloat(weights.dtype)))
      throw new Error(
        `EmbeddingBag: weights must be floats [${indices.shape.join(', ')}], got ${weights.dtype} [${weights.shape.join(', ')}]`,
      );
    const vectors = this.weight.value.take(indices);
    const weighted = weights ? vectors.mul(weights.unsqueeze(-1)) : vectors;
    if (this.paddingIndex === null) return this.#pool(weighted);
    const isReal = indices.ne(this.paddingIndex).unsqueeze(-1);
    if (this.mode === 'max') {
      const largest = where(isReal, weighted, Number.NEGATIVE_INFINITY).max(1);
      return where(isReal.any(1), largest, 0);
    }
    const sum = where(isReal, weighted, 0).sum(1);
    return this.mode === 'sum' ? sum : sum.div(isReal.cast(sum.dtype).sum(1).maximum(1));
  }

  #pool(vectors: Tensor): Tensor {
    if (this.mode === 'sum') return vectors.sum(1);
    return this.mode === 'mean' ? vectors.mean(1) : vectors.max(1);
  }
}
