import { type Tensor, where } from '../core/tensor.ts';
import { type CommonOptions, type ParameterSource, requireNumber } from './group.ts';
import { Optimizer, penalized, type SlotKind, type Slots, type UpdateScalars } from './optimizer.ts';

/** Options of {@link SGD}. */
export interface SGDOptions extends CommonOptions {
  /** Learning rate. Default 1e-3. */
  lr?: CommonOptions['lr'];
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
export class SGD extends Optimizer<Required<SGDOptions>> {
  /** @throws if an option is unknown or out of range, or nesterov is without momentum or with dampening */
  constructor(source: ParameterSource<SGDOptions>, options: SGDOptions = {}) {
    const defaults = {
      lr: 1e-3,
      momentum: 0,
      nesterov: false,
      weightDecay: 0,
      dampening: 0,
      maximize: false,
    };
    super(source, defaults, options);
  }

  protected override check(settings: Required<SGDOptions>, name: string): void {
    const { momentum, dampening, weightDecay, nesterov } = settings;
    requireNumber(name, 'momentum', momentum, 0, 1);
    requireNumber(name, 'dampening', dampening, 0, 1);
    requireNumber(name, 'weightDecay', weightDecay, 0, Number.MAX_VALUE);
    if (nesterov && (momentum === 0 || dampening !== 0))
      throw new Error(`${name}: nesterov needs a momentum and no dampening`);
  }

  protected slotsOf({ momentum }: Required<SGDOptions>): Record<string, SlotKind> {
    return momentum === 0 ? {} : { momentum: {} };
  }

  protected step(
    parameter: Tensor,
    gradient: Tensor,
    slots: Slots,
    { lr, step }: UpdateScalars,
    { momentum, dampening, weightDecay, nesterov }: Required<SGDOptions>,
  ): Tensor {
    let direction = penalized(parameter, gradient, weightDecay);
    if (momentum !== 0) {
      const kept = slots.momentum.value.mul(momentum);
      const damped = kept.add(direction.mul(1 - dampening));
      // The first velocity is the whole gradient. Without dampening, zeros as a start give just that.
      const velocity = dampening === 0 ? damped : where(step.eq(1), direction, damped);
      slots.momentum.assign(velocity);
      direction = nesterov ? direction.add(velocity.mul(momentum)) : velocity;
    }
    return parameter.sub(direction.mul(lr));
  }
}
