import type { Tensor } from '../core/tensor.ts';
import { type CommonOptions, type ParameterSource, requireNumber } from './group.ts';
import { Optimizer, penalized, type SlotKind, type Slots, type UpdateScalars } from './optimizer.ts';

/** Optimizers that divide by the size of past gradients: Adagrad, Adadelta, RMSprop. */

/** Options of {@link Adagrad}. */
export interface AdagradOptions extends CommonOptions {
  /** Learning rate. Default 1e-2. */
  lr?: CommonOptions['lr'];
  /** The rate of update t is lr / (1 + (t - 1) lrDecay). Default 0. */
  lrDecay?: number;
  /** Adds weightDecay · parameter to the gradient. Default 0. */
  weightDecay?: number;
  /** Where the sum of squares starts. Default 0. */
  initialAccumulatorValue?: number;
  /** Added to the denominator. Default 1e-10. */
  eps?: number;
}

/**
 * `s ← s + g²`, `p ← p - lr / (1 + (t - 1) lrDecay) · g / (√s + eps)` at update t. Duchi, Hazan, Singer (2011).
 */
export class Adagrad extends Optimizer<Required<AdagradOptions>> {
  /** @throws if an option is unknown or out of range */
  constructor(source: ParameterSource<AdagradOptions>, options: AdagradOptions = {}) {
    const defaults = {
      lr: 1e-2,
      lrDecay: 0,
      weightDecay: 0,
      initialAccumulatorValue: 0,
      eps: 1e-10,
      maximize: false,
    };
    super(source, defaults, options);
  }

  protected override check(settings: Required<AdagradOptions>, name: string): void {
    for (const what of ['lrDecay', 'weightDecay', 'initialAccumulatorValue', 'eps'] as const)
      requireNumber(name, what, settings[what], 0, Number.MAX_VALUE);
  }

  protected slotsOf({ initialAccumulatorValue }: Required<AdagradOptions>): Record<string, SlotKind> {
    return { sum: { start: initialAccumulatorValue } };
  }

  protected step(
    parameter: Tensor,
    gradient: Tensor,
    slots: Slots,
    { lr, step }: UpdateScalars,
    { lrDecay, weightDecay, eps }: Required<AdagradOptions>,
  ): Tensor {
    const g = penalized(parameter, gradient, weightDecay);
    const sum = slots.sum.value.add(g.mul(g));
    slots.sum.assign(sum);
    const rate = lrDecay === 0 ? lr : lr.div(step.sub(1).mul(lrDecay).add(1));
    return parameter.sub(g.div(sum.sqrt().add(eps)).mul(rate));
  }
}

/** Options of {@link Adadelta}. */
export interface AdadeltaOptions extends CommonOptions {
  /** Factor of the step. Default 1. */
  lr?: CommonOptions['lr'];
  /** Decay rate of the averages. Default 0.9. */
  rho?: number;
  /** Added under the roots. Default 1e-6. */
  eps?: number;
  /** Adds weightDecay · parameter to the gradient. Default 0. */
  weightDecay?: number;
}

/**
 * `v ← ρ v + (1 - ρ) g²`, `Δ = √(u + eps) / √(v + eps) · g`, `u ← ρ u + (1 - ρ) Δ²`, `p ← p - lr Δ`. Zeiler (2012).
 */
export class Adadelta extends Optimizer<Required<AdadeltaOptions>> {
  /** @throws if an option is unknown or out of range */
  constructor(source: ParameterSource<AdadeltaOptions>, options: AdadeltaOptions = {}) {
    super(source, { lr: 1, rho: 0.9, eps: 1e-6, weightDecay: 0, maximize: false }, options);
  }

  protected override check({ rho, eps, weightDecay }: Required<AdadeltaOptions>, name: string): void {
    requireNumber(name, 'rho', rho, 0, 1);
    requireNumber(name, 'eps', eps, 0, Number.MAX_VALUE);
    requireNumber(name, 'weightDecay', weightDecay, 0, Number.MAX_VALUE);
  }

  protected slotsOf(): Record<string, SlotKind> {
    return { squares: {}, changes: {} };
  }

  protected step(
    parameter: Tensor,
    gradient: Tensor,
    slots: Slots,
    { lr }: UpdateScalars,
    { rho, eps, weightDecay }: Required<AdadeltaOptions>,
  ): Tensor {
    const g = penalized(parameter, gradient, weightDecay);
    const squares = slots.squares.value.mul(rho).add(g.mul(g).mul(1 - rho));
    const changes = slots.changes.value;
    const change = changes.add(eps).sqrt().div(squares.add(eps).sqrt()).mul(g);
    slots.squares.assign(squares);
    slots.changes.assign(changes.mul(rho).add(change.mul(change).mul(1 - rho)));
    return parameter.sub(change.mul(lr));
  }
}

/** Options of {@link RMSprop}. */
export interface RMSpropOptions extends CommonOptions {
  /** Learning rate. Default 1e-2. */
  lr?: CommonOptions['lr'];
  /** Decay rate of the average of squares. Default 0.99. */
  alpha?: number;
  /** Added to the denominator. Default 1e-8. */
  eps?: number;
  /** Adds weightDecay · parameter to the gradient. Default 0. */
  weightDecay?: number;
  /** Share of the previous velocity that is kept. Default 0. */
  momentum?: number;
  /** Divide by an estimate of the standard deviation instead of the root of the mean square. Default false. */
  centered?: boolean;
}

/**
 *     v ← α v + (1 - α) g²
 *     a ← α a + (1 - α) g                 (centered)
 *     u ← momentum u + g / (√v + eps)     (centered: √(v - a²))
 *     p ← p - lr u
 *
 * Hinton, lecture 6 of "Neural Networks for Machine Learning" (2012); centered: Graves (2013).
 */
export class RMSprop extends Optimizer<Required<RMSpropOptions>> {
  /** @throws if an option is unknown or out of range */
  constructor(source: ParameterSource<RMSpropOptions>, options: RMSpropOptions = {}) {
    const defaults = {
      lr: 1e-2,
      alpha: 0.99,
      eps: 1e-8,
      weightDecay: 0,
      momentum: 0,
      centered: false,
      maximize: false,
    };
    super(source, defaults, options);
  }

  protected override check(settings: Required<RMSpropOptions>, name: string): void {
    requireNumber(name, 'alpha', settings.alpha, 0, 1);
    requireNumber(name, 'momentum', settings.momentum, 0, 1);
    requireNumber(name, 'eps', settings.eps, 0, Number.MAX_VALUE);
    requireNumber(name, 'weightDecay', settings.weightDecay, 0, Number.MAX_VALUE);
  }

  protected slotsOf({ momentum, centered }: Required<RMSpropOptions>): Record<string, SlotKind> {
    return { squares: {}, ...(centered ? { average: {} } : {}), ...(momentum === 0 ? {} : { momentum: {} }) };
  }

  protected step(
    parameter: Tensor,
    gradient: Tensor,
    slots: Slots,
    { lr }: UpdateScalars,
    { alpha, eps, weightDecay, momentum, centered }: Required<RMSpropOptions>,
  ): Tensor {
    const g = penalized(parameter, gradient, weightDecay);
    const squares = slots.squares.value.mul(alpha).add(g.mul(g).mul(1 - alpha));
    slots.squares.assign(squares);
    let spread = squares;
    if (centered) {
      const a = slots.average.value;
      const average = a.add(g.sub(a).mul(1 - alpha));
      slots.average.assign(average);
      // A variance is not negative, but its rounded difference may be.
      spread = squares.sub(average.mul(average)).maximum(0);
    }
    let direction = g.div(spread.sqrt().add(eps));
    if (momentum !== 0) {
      direction = slots.momentum.value.mul(momentum).add(direction);
      slots.momentum.assign(direction);
    }
    return parameter.sub(direction.mul(lr));
  }
}
