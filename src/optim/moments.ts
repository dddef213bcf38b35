import type { Tensor } from '../core/tensor.ts';
import type { Slots } from './optimizer.ts';

/** Averages of gradients and of their squares, as Adam and its kin keep them. */

/**
 * 1 - βᵗ, as -expm1(t log β): the difference itself would lose most digits in float32 while t is small, 5e-5 of it for
 * β = 0.999.
 */
export const correction = (beta: number, step: Tensor): Tensor =>
  beta === 0 ? step.mul(0).add(1) : step.mul(Math.log(beta)).expm1().neg();

/** Moves `firstMoment` towards the gradient, m ← m + (1 - β) (g - m), and gives it. */
export function firstMoment(slots: Slots, gradient: Tensor, beta: number): Tensor {
  const m = slots.firstMoment.value;
  const next = m.add(gradient.sub(m).mul(1 - beta));
  slots.firstMoment.assign(next);
  return next;
}

/** Moves `secondMoment` towards the gradient's square, v ← β v + (1 - β) g², and gives it. */
export function secondMoment(slots: Slots, gradient: Tensor, beta: number): Tensor {
  const next = slots.secondMoment.value.mul(beta).add(gradient.mul(gradient).mul(1 - beta));
  slots.secondMoment.assign(next);
  return next;
}
