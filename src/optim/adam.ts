import type { Tensor } from '../core/tensor.ts';
import { type CommonOptions, type ParameterSource, requireBetas, requireNumber } from './group.ts';
import { correction, firstMoment, secondMoment } from './moments.ts';
import { Optimizer, penalized, type SlotKind, type Slots, shrunk, type UpdateScalars } from './optimizer.ts';

/** Options of {@link Adam} and {@link AdamW}. */
export interface AdamOptions extends CommonOptions {
  /** Learning rate. Default 1e-3. */
  lr?: CommonOptions['lr'];
  /** Decay rates of the averages of the gradient and of its square. Default [0.9, 0.999]. */
  betas?: readonly [number, number];
  /** Added to the denominator. Default 1e-8. */
  eps?: number;
  /** Adam: adds weightDecay · parameter to the gradient, default 0. AdamW: shrinks the parameter by lr · weightDecay, default 0.01. */
  weightDecay?: number;
  /** Divide by the largest average of squares so far. Default false. Reddi, Kale, Kumar (2018). */
  amsgrad?: boolean;
}

/**
 * Adam in PyTorch's form, at update t:
 *
 *     m ← m + (1 - β1) (g - m)
 *     v ← β2 v + (1 - β2) g²
 *     p ← p - lr / (1 - β1ᵗ) · m / (√v / √(1 - β2ᵗ) + eps)     (amsgrad: the largest v so far)
 *
 * Kingma, Ba (2014).
 */
export class Adam extends Optimizer<Required<AdamOptions>> {
  /** @throws if an option is unknown or out of range */
  constructor(source: ParameterSource<AdamOptions>, options: AdamOptions = {}) {
    const defaults: Required<AdamOptions> = {
      lr: 1e-3,
      betas: [0.9, 0.999],
      eps: 1e-8,
      weightDecay: 0,
      amsgrad: false,
      maximize: false,
    };
    super(source, defaults, options);
  }

  protected override check({ betas, eps, weightDecay }: Required<AdamOptions>, name: string): void {
    requireBetas(name, betas);
    requireNumber(name, 'eps', eps, 0, Number.MAX_VALUE);
    requireNumber(name, 'weightDecay', weightDecay, 0, Number.MAX_VALUE);
  }

  protected slotsOf({ amsgrad }: Required<AdamOptions>): Record<string, SlotKind> {
    return { firstMoment: {}, secondMoment: {}, ...(amsgrad ? { largestMoment: {} } : {}) };
  }

  protected step(
    parameter: Tensor,
    gradient: Tensor,
    slots: Slots,
    { lr, step }: UpdateScalars,
    { betas, eps, weightDecay, amsgrad }: Required<AdamOptions>,
  ): Tensor {
    const [beta1, beta2] = betas;
    const g = this.regularized(parameter, gradient, weightDecay);
    const first = firstMoment(slots, g, beta1);
    let second = secondMoment(slots, g, beta2);
    if (amsgrad) {
      second = slots.largestMoment.value.maximum(second);
      slots.largestMoment.assign(second);
    }
    const rate = lr.div(correction(beta1, step));
    const denominator = second.sqrt().div(correction(beta2, step).sqrt()).add(eps);
    return this.decayed(parameter, lr, weightDecay).sub(first.div(denominator).mul(rate));
  }

  /** The gradient with the regularization that goes through the moments. */
  protected regularized(parameter: Tensor, gradient: Tensor, weightDecay: number): Tensor {
    return penalized(parameter, gradient, weightDecay);
  }

  /** The parameter after the regularization that passes the moments by. */
  protected decayed(parameter: Tensor, _lr: Tensor, _weightDecay: number): Tensor {
    return parameter;
  }
}

/** Adam with decoupled weight decay: p ← (1 - lr weightDecay) p before the update. Loshchilov, Hutter (2017). */
export class AdamW extends Adam {
  constructor(source: ParameterSource<AdamOptions>, options: AdamOptions = {}) {
    const { weightDecay = 0.01 } = options;
    super(source, { ...options, weightDecay });
  }

  protected override regularized(_parameter: Tensor, gradient: Tensor): Tensor {
    return gradient;
  }

  protected override decayed(parameter: Tensor, lr: Tensor, weightDecay: number): Tensor {
    return shrunk(parameter, lr, weightDecay);
  }
}
