import { checkOptions } from '../core/options.ts';
import type { Tensor } from '../core/tensor.ts';
import { affineParameters, type InitialOptions, initialKeys } from './initial.ts';
import { Module } from './module.ts';
import type { Parameter } from './parameter.ts';

/**
 * The affine map `y = x Wᵀ + b` of the last axis: [..., in] to [..., out]. `weight` is [out, in] and `bias` [out], as in PyTorch,
 * both first U(-1/√in, 1/√in) unless options say otherwise.
 */
export class Linear extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter | null;

  /**
   * @param options.bias whether there is a bias, default true
   * @throws if a size is not a positive integer
   */
  constructor(inputs: number, outputs: number, options: { bias?: boolean } & InitialOptions = {}) {
    super();
    checkOptions('Linear', options, ['bias', ...initialKeys]);
    for (const [what, n] of Object.entries({ inputs, outputs }))
      if (!Number.isInteger(n) || n < 1)
        throw new Error(`Linear: ${what} must be a positive integer, got ${n}`);
    const made = affineParameters('Linear', [outputs, inputs], outputs, options);
    this.weight = made.weight;
    this.bias = made.bias;
  }

  forward(x: Tensor): Tensor {
    const [outputs, inputs] = this.weight.shape;
    if (x.shape?.[x.ndim - 1] !== inputs)
      throw new Error(
        `Linear(${inputs}, ${outputs}): the last axis of the input must be ${inputs}, got ${x.shape === undefined ? String(x) : `[${x.shape.join(', ')}]`}` +
          (x.size % inputs === 0 && x.ndim > 2 ? '; flatten(1) joins all axes but the first' : ''),
      );
    const y = x.matmul(this.weight.value.transpose());
    return this.bias === null ? y : y.add(this.bias.value);
  }
}
