import { checkOptions } from '../core/options.ts';
import type { Tensor } from '../core/tensor.ts';
import type { VariableSource } from '../core/transforms.ts';
import { Optimizer, requireNumber, type Slots, type UpdateScalars } from './optimizer.ts';

/** Options of {@link Adam} and {@link AdamW}. */
export interface AdamOptions {
  /** Learning rate. Default 1e-3. */
  lr?: number;
  /** Decay rates of the averages of the gradient and of its square. Default [0.9, 0.999]. */
  betas?: readonly [number, number];
  /** Added to the denominator. Default 1e-8. */
  eps?: number;
  /** Adam: adds weightDecay · parameter to the gradient, default 0. AdamW: shrinks the parameter by lr · weightDecay, default 0.01. */
  weightDecay?: number;
}

/**
 * Adam in PyTorch's form, at update t:
 *
 *     m ← m + (1 - β1) (g - m)
 *     v ← β2 v + (1 - β2) g²
 *     p ← p - lr / (1 - β1ᵗ) · m / (√v / √(1 - β2ᵗ) + eps)
 *
 * Kingma, Ba (2014).
 */
export class Adam extends Optimizer {
  readonly #betas: readonly [number, number];
  readonly #eps: number;
  readonly #weightDecay: number;

  /** @throws if an option is unknown or out of range */
  constructor(source: VariableSource, options: AdamOptions = {}) {
    const name = new.target.name;
    checkOptions(name, options, ['lr', 'betas', 'eps', 'weightDecay']);
    const { lr = 1e-3, betas = [0.9, 0.999], eps = 1e-8, weightDecay = 0 } = options;
    if (!Array.isArray(betas) || betas.length !== 2 || !betas.every((b) => b >= 0 && b < 1))
      throw new Error(`${name}: betas must be two numbers from 0 to below 1, got ${JSON.stringify(betas)}`);
    requireNumber(name, 'eps', eps, 0, Number.MAX_VALUE);
    requireNumber(name, 'weightDecay', weightDecay, 0, Number.MAX_VALUE);
    super(source, lr, ['firstMoment', 'secondMoment']);
    this.#betas = [betas[0], betas[1]];
    this.#eps = eps;
    this.#weightDecay = weightDecay;
  }

  protected step(parameter: Tensor, gradient: Tensor, slots: Slots, { lr, step }: UpdateScalars): Tensor {
    const [beta1, beta2] = this.#betas;
    const g = this.regularized(parameter, gradient, this.#weightDecay);
    const m = slots.firstMoment.value;
    const first = m.add(g.sub(m).mul(1 - beta1));
    const second = slots.secondMoment.value.mul(beta2).add(g.mul(g).mul(1 - beta2));
    slots.firstMoment.assign(first);
    slots.secondMoment.assign(second);
    const rate = lr.div(correction(beta1, step));
    const denominator = second.sqrt().div(correction(beta2, step).sqrt()).add(this.#eps);
    return this.decayed(parameter, lr, this.#weightDecay).sub(first.div(denominator).mul(rate));
  }

  /** The gradient with the regularization that goes through the moments. */
  protected regularized(parameter: Tensor, gradient: Tensor, weightDecay: number): Tensor {
    return weightDecay === 0 ? gradient : gradient.add(parameter.mul(weightDecay));
  }

  /** The parameter after the regularization that passes the moments by. */
  protected decayed(parameter: Tensor, _lr: Tensor, _weightDecay: number): Tensor {
    return parameter;
  }
}

/** Adam with decoupled weight decay: p ← (1 - lr weightDecay) p before the update. Loshchilov, Hutter (2017). */
export class AdamW extends Adam {
  constructor(source: VariableSource, options: AdamOptions = {}) {
    super(source, { weightDecay: 0.01, ...options });
  }

  protected override regularized(_parameter: Tensor, gradient: Tensor): Tensor {
    return gradient;
  }

  protected override decayed(parameter: Tensor, lr: Tensor, weightDecay: number): Tensor {
    return weightDecay === 0 ? parameter : parameter.mul(lr.mul(-weightDecay).add(1));
  }
}

/**
 * 1 - βᵗ, as -expm1(t log β): the difference itself would lose most digits in float32 while t is small, 5e-5 of it for
 * β = 0.999.
 */
const correction = (beta: number, step: Tensor): Tensor =>
  beta === 0 ? step.mul(0).add(1) : step.mul(Math.log(beta)).expm1().neg();
