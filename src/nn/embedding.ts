import { arange } from '../core/create.ts';
import { checkOptions } from '../core/options.ts';
import { type Tensor, where } from '../core/tensor.ts';
import { stopGradient } from '../core/transforms.ts';
import { isInteger } from '../graph/dtype.ts';
import type { Initializer } from './init.ts';
import { normal } from './init.ts';
import { made } from './initial.ts';
import { Module } from './module.ts';
import { Parameter } from './parameter.ts';

/**
 * A table of vectors, one for each of `count` symbols: int32 indices [...] to [..., dim]. `weight` is [count, dim],
 * first N(0, 1) as PyTorch's. An index outside of the table is clamped to its ends, a negative one counts from the
 * end.
 */
export class Embedding extends Module {
  readonly weight: Parameter;
  readonly paddingIndex: number | null;

  /**
   * @param options.paddingIndex a symbol that stands for nothing: its vector is first zero and receives no gradient.
   * Default: none.
   * @param options.weightInit first vectors [count, dim]. Default N(0, 1).
   * @throws if a size is not a positive integer, paddingIndex is outside of the table, or weightInit makes another shape
   */
  constructor(count: number, dim: number, options: { paddingIndex?: number; weightInit?: Initializer } = {}) {
    super();
    checkOptions('Embedding', options, ['paddingIndex', 'weightInit']);
    for (const [what, n] of Object.entries({ count, dim }))
      if (!Number.isInteger(n) || n < 1)
        throw new Error(`Embedding: ${what} must be a positive integer, got ${n}`);
    const { paddingIndex = null } = options;
    if (
      paddingIndex !== null &&
      !(Number.isInteger(paddingIndex) && paddingIndex >= 0 && paddingIndex < count)
    )
      throw new Error(
        `Embedding: paddingIndex must be an integer from 0 to ${count - 1}, got ${paddingIndex}`,
      );
    this.paddingIndex = paddingIndex;
    const table = made('Embedding', options.weightInit ?? ((shape) => normal(shape)), [count, dim]);
    const isPadding = paddingIndex === null ? null : arange(count).eq(paddingIndex).unsqueeze(1);
    this.weight = new Parameter(isPadding === null ? table : where(isPadding, 0, table), { name: 'weight' });
  }

  /** @throws if indices are no integers */
  forward(indices: Tensor): Tensor {
    if (!isInteger(indices.dtype))
      throw new Error(
        `Embedding: indices must be int32, got ${indices.dtype}; make them with tensor(indices, { dtype: 'int32' })`,
      );
    const vectors = this.weight.value.take(indices);
    if (this.paddingIndex === null) return vectors;
    // The value stays what the table says; only the gradient is cut.
    const isPadding = indices.eq(this.paddingIndex).unsqueeze(-1);
    return where(isPadding, stopGradient(vectors), vectors);
  }
}
