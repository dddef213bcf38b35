import { checkOptions } from '../core/options.ts';
import { normal } from '../core/random.ts';
import type { Tensor } from '../core/tensor.ts';
import { constant, layerDefault, zeros } from './init.ts';
import { Module } from './module.ts';
import { Buffer, Parameter } from './parameter.ts';
import { requirePositive } from './spatial_sizes.ts';

/** sign(x) √|x|: what factorized noise is made of. */
const root = (x: Tensor): Tensor => x.sign().mul(x.abs().sqrt());

/**
 * A linear map with noise in its weights, whose size is learned: `y = x (W + S ∘ (a bᵀ))ᵀ + c + s ∘ a` with noise `a` [out]
 * and `b` [in] of `sign(z) √|z|`, z from N(0, 1). For exploration in reinforcement learning. Fortunato et al. (2017),
 * factorized.
 *
 * Parameters: `weight` [out, in] and `bias` [out], first U(-1/√in, 1/√in), `weightSigma` and `biasSigma`, first sigma/√in.
 * Noise is in the buffers `noiseOut` and `noiseIn`, and stays the same until {@link resample}. Evaluation is without noise.
 */
export class NoisyLinear extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter;
  readonly weightSigma: Parameter;
  readonly biasSigma: Parameter;
  readonly noiseOut: Buffer;
  readonly noiseIn: Buffer;

  /**
   * @param options.sigma first size of the noise, default 0.5 as in the paper
   * @throws if a size is not a positive integer
   */
  constructor(inputs: number, outputs: number, options: { sigma?: number } = {}) {
    super();
    checkOptions('NoisyLinear', options, ['sigma']);
    requirePositive('NoisyLinear', { inputs, outputs });
    const sigma = (options.sigma ?? 0.5) / Math.sqrt(inputs);
    const shape = [outputs, inputs];
    this.weight = new Parameter(layerDefault(shape), { name: 'weight' });
    this.bias = new Parameter(layerDefault(shape, [outputs]), { name: 'bias' });
    this.weightSigma = new Parameter(constant(shape, sigma), { name: 'weightSigma' });
    this.biasSigma = new Parameter(constant([outputs], sigma), { name: 'biasSigma' });
    this.noiseOut = new Buffer(zeros([outputs]), { name: 'noiseOut' });
    this.noiseIn = new Buffer(zeros([inputs]), { name: 'noiseIn' });
    this.resample();
  }

  /** Draws new noise from the default generator. Works under `jit` too. */
  resample(): void {
    for (const noise of [this.noiseOut, this.noiseIn])
      noise.assign(root(normal(noise.shape)).cast(noise.dtype));
  }

  forward(x: Tensor): Tensor {
    const [outputs, inputs] = this.weight.shape;
    if (x.shape[x.ndim - 1] !== inputs)
      throw new Error(
        `NoisyLinear(${inputs}, ${outputs}): the last axis of the input must be ${inputs}, got [${x.shape.join(', ')}]`,
      );
    if (!this.training) return x.matmul(this.weight.value.transpose()).add(this.bias.value);
    const [a, b] = [this.noiseOut.value, this.noiseIn.value];
    const weight = this.weight.value.add(this.weightSigma.value.mul(a.unsqueeze(1).mul(b)));
    return x.matmul(weight.transpose()).add(this.bias.value.add(this.biasSigma.value.mul(a)));
  }
}
