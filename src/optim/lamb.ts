import { type Tensor, where } from '../core/tensor.ts';
import { type CommonOptions, type ParameterSource, requireBetas, requireNumber } from './group.ts';
import { correction, firstMoment, secondMoment } from './moments.ts';
import { Optimizer, type SlotKind, type Slots, type UpdateScalars } from './optimizer.ts';

/** Options of {@link LAMB}. */
export interface LAMBOptions extends CommonOptions {
  /** Learning rate. Default 1e-3. */
  lr?: CommonOptions['lr'];
  /** Decay rates of the averages of the gradient and of its square. Default [0.9, 0.999]. */
  betas?: readonly [number, number];
  /** Added to the denominator. Default 1e-6. */
  eps?: number;
  /** Adds weightDecay · parameter to the direction. Default 0. */
  weightDecay?: number;
}

/**
 * Adam with a step in proportion to each parameter's own norm, for large batches:
 *
 *     m ← m + (1 - β1) (g - m),   v ← β2 v + (1 - β2) g²
 *     u = m / (1 - β1ᵗ) / (√(v / (1 - β2ᵗ)) + eps) + weightDecay p
 *     p ← p - lr |p| / |u| · u     (without the ratio where a norm is 0)
 *
 * You et al., "Large batch optimization for deep learning" (2019).
 */
export class LAMB extends Optimizer<Required<LAMBOptions>> {
  /** @throws if an option is unknown or out of range */
  constructor(source: ParameterSource<LAMBOptions>, options: LAMBOptions = {}) {
    super(source, { lr: 1e-3, betas: [0.9, 0.999], eps: 1e-6, weightDecay: 0, maximize: false }, options);
  }

  protected override check({ betas, eps, weightDecay }: Required<LAMBOptions>, name: string): void {
    requireBetas(name, betas);
    requireNumber(name, 'eps', eps, 0, Number.MAX_VALUE);
    requireNumber(name, 'weightDecay', weightDecay, 0, Number.MAX_VALUE);
  }

  protected slotsOf(): Record<string, SlotKind> {
    return { firstMoment: {}, secondMoment: {} };
  }

  protected step(
    parameter: Tensor,
    gradient: Tensor,
    slots: Slots,
    { lr, step }: UpdateScalars,
    { betas, eps, weightDecay }: Required<LAMBOptions>,
  ): Tensor {
    const first = firstMoment(slots, gradient, betas[0]).div(correction(betas[0], step));
    const second = secondMoment(slots, gradient, betas[1]).div(correction(betas[1], step));
    const adapted = first.div(second.sqrt().add(eps));
    const direction = weightDecay === 0 ? adapted : adapted.add(parameter.mul(weightDecay));
    const [size, length] = [parameter.square().sum().sqrt(), direction.square().sum().sqrt()];
    const isUsable = size.gt(0).logicalAnd(length.gt(0));
    const trust = where(isUsable, size.div(where(isUsable, length, 1)), 1);
    return parameter.sub(direction.mul(trust.mul(lr)));
  }
}
