import { isFloat } from '../graph/dtype.ts';
import { axisOf } from './operands.ts';
import { type Tensor, where } from './tensor.ts';
import { stopGradient } from './transforms.ts';

/** Functions of one variable that are given by samples. */

const floats = (x: Tensor): Tensor => (isFloat(x.dtype) ? x : x.cast('float32'));

/** Options of `interp`. */
export interface InterpOptions {
  /** The value below the first position; default the first value. */
  left?: number;
  /** The value above the last position; default the last value. */
  right?: number;
}

/**
 * The piecewise linear function through the points (xp, fp) at x, of any shape; xp must ascend. As NumPy's interp. Differentiates by all
 * three.
 *
 * @throws if xp and fp are not vectors of one length with at least one element
 */
export function interp(x: Tensor, xp: Tensor, fp: Tensor, options: InterpOptions = {}): Tensor {
  const n = xp.shape[0];
  if (xp.ndim !== 1 || fp.ndim !== 1 || n !== fp.shape[0] || n === 0)
    throw new Error(
      `interp: xp and fp must be vectors of one length with at least one element, got [${xp.shape.join(', ')}] and [${fp.shape.join(', ')}]`,
    );
  const [at, positions, values] = [x, xp, fp].map(floats);
  const { left, right } = options;
  const [first, last] = [positions.at(0), positions.at(n - 1)];
  const below = left === undefined ? values.at(0) : left;
  const above = right === undefined ? values.at(n - 1) : right;
  let inner = values.at(0).add(at.mul(0));
  if (n > 1) {
    const i = positions
      .searchsorted(at, { right: true })
      .sub(1)
      .clip(0, n - 2);
    const [from, to] = [i, i.add(1)];
    const [x0, x1, y0, y1] = [positions.take(from), positions.take(to), values.take(from), values.take(to)];
    // Of equal positions, the last value counts.
    const width = x1.sub(x0);
    const slope = where(width.eq(0), 0, y1.sub(y0).div(where(width.eq(0), 1, width)));
    inner = where(at.eq(x1), y1, y0.add(at.sub(x0).mul(slope)));
  }
  return where(at.lt(first), below, where(at.gt(last), above, inner)).cast(inner.dtype);
}

/**
 * Adds multiples of the period along an axis, so that neighbours differ by no more than half of it (or than `discont`, if that is more): phase
 * angles without their jumps. As NumPy's unwrap.
 */
export function unwrap(
  x: Tensor,
  options: { discont?: number; axis?: number; period?: number } = {},
): Tensor {
  const { period = 2 * Math.PI } = options;
  const { discont = period / 2 } = options;
  if (!(period > 0)) throw new Error(`unwrap: the period must be > 0, got ${period}`);
  const axis = axisOf('unwrap', options.axis ?? -1, x.ndim);
  const phases = floats(x);
  if (x.shape[axis] < 2) return phases;
  const step = phases.diff(1, axis);
  const remainder = step
    .add(period / 2)
    .mod(period)
    .sub(period / 2);
  // A jump of exactly half a period keeps its direction.
  const kept = where(remainder.eq(-period / 2).logicalAnd(step.gt(0)), period / 2, remainder);
  // Multiples of the period are constants.
  const correction = stopGradient(where(step.abs().lt(discont), 0, kept.sub(step)).cumsum(axis));
  const start = x.shape.map((_, i) => (i === axis ? ([1, 0] as const) : ([0, 0] as const)));
  return phases.add(correction.pad(start));
}
