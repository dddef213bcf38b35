import { checkOptions } from '../core/options.ts';
import type { Tensor } from '../core/tensor.ts';
import { layerDefault } from './init.ts';
import { Module } from './module.ts';
import { Parameter } from './parameter.ts';

/**
 * The affine map `y = x Wᵀ + b` of the last axis: [..., in] to [..., out]. `weight` is [out, in] and `bias` [out], as in PyTorch,
 * both first U(-1/√in, 1/√in).
 */
export class Linear extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter | null;

  /**
   * @param options.bias whether there is a bias, default true
   * @throws if a size is not a positive integer
   */
  constructor(inputs: number, outputs: number, options: { bias?: boolean } = {}) {
    super();
    checkOptions('Linear', options, ['bias']);
    for (const [what, n] of Object.entries({ inputs, outputs }))
      if (!Number.isInteger(n) || n < 1)
        throw new Error(`Linear: ${what} must be a positive integer, got ${n}`);
    const shape = [outputs, inputs];
    this.weight = new Parameter(layerDefault(shape), { name: 'weight' });
    this.bias =
      options.bias === false ? null : new Parameter(layerDefault(shape, [outputs]), { name: 'bias' });
  }

  forward(x: Tensor): Tensor {
    const [outputs, inputs] = this.weight.shape;
    if (x.shape[x.ndim - 1] !== inputs)
      throw new Error(
        `Linear(${inputs}, ${outputs}): the last axis of the input must be ${inputs}, got [${x.shape.join(', ')}]` +
          (x.size % inputs === 0 && x.ndim > 2 ? '; flatten(1) joins all axes but the first' : ''),
      );
    const y = x.matmul(this.weight.value.transpose());
    return this.bias === null ? y : y.add(this.bias.value);
  }
}
