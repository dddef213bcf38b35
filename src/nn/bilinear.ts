import { checkOptions } from '../core/options.ts';
import { einsum, type Tensor } from '../core/tensor.ts';
import { type Initializer, uniform } from './init.ts';
import { type InitialOptions, initialKeys, made } from './initial.ts';
import { Module } from './module.ts';
import { Parameter } from './parameter.ts';
import { requirePositive } from './spatial_sizes.ts';

/**
 * The bilinear map `y_k = aᵀ W_k b + c_k` of the last axes of two arrays: [..., in1] and [..., in2] to [..., out]. `weight`
 * is [out, in1, in2] and `bias` [out], both first U(-1/√in1, 1/√in1), as in PyTorch.
 */
export class Bilinear extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter | null;

  /**
   * @param options.bias whether there is a bias, default true
   * @throws if a size is not a positive integer
   */
  constructor(
    inputs1: number,
    inputs2: number,
    outputs: number,
    options: { bias?: boolean } & InitialOptions = {},
  ) {
    super();
    checkOptions('Bilinear', options, ['bias', ...initialKeys]);
    requirePositive('Bilinear', { inputs1, inputs2, outputs });
    const bound = 1 / Math.sqrt(inputs1);
    const usual: Initializer = (shape) => uniform(shape, -bound, bound);
    const first = (name: string, shape: number[], initializer = usual) =>
      new Parameter(made('Bilinear', initializer, shape), { name });
    this.weight = first('weight', [outputs, inputs1, inputs2], options.weightInit);
    this.bias = options.bias === false ? null : first('bias', [outputs], options.biasInit);
  }

  /** @throws if the last axes do not fit or the others differ */
  forward(a: Tensor, b: Tensor): Tensor {
    const [outputs, inputs1, inputs2] = this.weight.shape;
    const lead = a.shape.slice(0, -1);
    if (
      a.shape[a.ndim - 1] !== inputs1 ||
      b.shape[b.ndim - 1] !== inputs2 ||
      String(lead) !== String(b.shape.slice(0, -1))
    )
      throw new Error(
        `Bilinear(${inputs1}, ${inputs2}, ${outputs}): inputs must be [..., ${inputs1}] and [..., ${inputs2}], else alike, got [${a.shape.join(', ')}] and [${b.shape.join(', ')}]`,
      );
    const rows = lead.reduce((size, n) => size * n, 1);
    const [x, y] = [a.reshape([rows, inputs1]), b.reshape([rows, inputs2])];
    const out = einsum('ni,kij,nj->nk', x, this.weight.value, y).reshape([...lead, outputs]);
    return this.bias === null ? out : out.add(this.bias.value);
  }
}
