import { checkOptions } from '../core/options.ts';
import { type Tensor, where } from '../core/tensor.ts';
import type { VariableSource } from '../core/transforms.ts';
import { Optimizer, requireNumber, type Slots, type UpdateScalars } from './optimizer.ts';

/** Options of {@link SGD}. */
export interface SGDOptions {
  /** Learning rate. Default 1e-3. */
  lr?: number;
  /** Share of the previous velocity that is kept. Default 0. */
  momentum?: number;
  /** Look ahead along the velocity. Default false. */
  nesterov?: boolean;
  /** Adds weightDecay · parameter to the gradient. Default 0. */
  weightDecay?: number;
  /** Share of the gradient that does not enter the velocity. Default 0. */
  dampening?: number;
}

/**
 * Stochastic gradient descent in PyTorch's form:
 *
 *     g ← g + weightDecay p
 *     v ← momentum v + (1 - dampening) g     (v ← g at the first update)
 *     p ← p - lr v                           (nesterov: p ← p - lr (g + momentum v))
 *
 * Robbins, Monro (1951); momentum: Polyak (1964); Nesterov's form: Sutskever, Martens, Dahl, Hinton (2013).
 */
export class SGD extends Optimizer {
  readonly #momentum: number;
  readonly #nesterov: boolean;
  readonly #weightDecay: number;
  readonly #dampening: number;

  /** @throws if an option is unknown or out of range, or nesterov is without momentum or with dampening */
  constructor(source: VariableSource, options: SGDOptions = {}) {
    checkOptions('SGD', options, ['lr', 'momentum', 'nesterov', 'weightDecay', 'dampening']);
    const { lr = 1e-3, momentum = 0, nesterov = false, weightDecay = 0, dampening = 0 } = options;
    requireNumber('SGD', 'momentum', momentum, 0, 1);
    requireNumber('SGD', 'dampening', dampening, 0, 1);
    requireNumber('SGD', 'weightDecay', weightDecay, 0, Number.MAX_VALUE);
    if (nesterov && (momentum === 0 || dampening !== 0))
      throw new Error('SGD: nesterov needs a momentum and no dampening');
    super(source, lr, momentum === 0 ? [] : ['momentum']);
    this.#momentum = momentum;
    this.#nesterov = nesterov;
    this.#weightDecay = weightDecay;
    this.#dampening = dampening;
  }

  protected step(parameter: Tensor, gradient: Tensor, slots: Slots, { lr, step }: UpdateScalars): Tensor {
    let direction = this.#weightDecay === 0 ? gradient : gradient.add(parameter.mul(this.#weightDecay));
    if (this.#momentum !== 0) {
      const kept = slots.momentum.value.mul(this.#momentum);
      const damped = kept.add(direction.mul(1 - this.#dampening));
      // The first velocity is the whole gradient. Without dampening, zeros as a start give just that.
      const velocity = this.#dampening === 0 ? damped : where(step.eq(1), direction, damped);
      slots.momentum.assign(velocity);
      direction = this.#nesterov ? direction.add(velocity.mul(this.#momentum)) : velocity;
    }
    return parameter.sub(direction.mul(lr));
  }
}
