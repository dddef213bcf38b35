import * as g from '../graph/build.ts';
import { type Node, sizeOf } from '../graph/node.ts';
import type { Operand } from './array_base.ts';
import { type IndexItem, type IndexPlan, mergedPositions, planIndex } from './index_plan.ts';
import { valueLike } from './operands.ts';
import { combine, scatterInto, type UpdateKind, writable } from './scattering.ts';
import type { Tensor } from './tensor.ts';

/** A copy of an array with some of its elements changed: `x.update(index).set(value)` is what NumPy writes `x[index] = value`. */

const inverse = (order: readonly number[]): number[] => order.map((_, i) => order.indexOf(i));

/** A value in the shape of the elements that an index names. */
function shapedValue(value: Node, { name, result }: IndexPlan): Node {
  const extra = value.shape.length - result.length;
  // As NumPy assigns: axes of extent 1 in front may be too many.
  const trimmed =
    extra > 0 && value.shape.slice(0, extra).every((n) => n === 1)
      ? g.reshape(value, value.shape.slice(extra))
      : value;
  const shift = result.length - trimmed.shape.length;
  if (shift < 0 || trimmed.shape.some((n, i) => n !== 1 && n !== result[i + shift]))
    throw new Error(
      `${name}: a value of shape [${value.shape.join(', ')}] does not fit the index, which names elements of shape [${result.join(', ')}]`,
    );
  return g.broadcastTo(trimmed, result);
}

/** `part` in the place of the slice of `x` that it is. */
function place(x: Node, part: Node, { start, step, sliced }: IndexPlan): Node {
  const isWhole = sliced.every((n, i) => n === x.shape[i] && step[i] === 1);
  if (isWhole) return part;
  if (sizeOf(sliced) === 0) return x;
  const isBackward = step.map((s) => s < 0);
  const forward = g.slice(
    part,
    sliced.map((n, i) => (isBackward[i] ? n - 1 : 0)),
    isBackward.map((b) => (b ? -1 : 1)),
    sliced,
  );
  const low = start.map((s, i) => (isBackward[i] ? s + (sliced[i] - 1) * step[i] : s));
  const gap = step.map((s) => Math.abs(s) - 1);
  const high = x.shape.map((n, i) => n - low[i] - (sliced[i] + (sliced[i] - 1) * gap[i]));
  const here = g.pad(g.constant(1, sliced, 'bool'), low, high, gap);
  return g.select(here, g.pad(forward, low, high, gap), x);
}

/** `x` with the elements that an index names changed. */
export function updateOf(
  kind: UpdateKind,
  target: Node,
  items: readonly IndexItem[],
  given: Node | number | boolean,
): Node {
  const x = writable(kind, target);
  const name = `update(...).${kind}`;
  const value = valueLike(name, x, given);
  const masked = underMask(kind, x, items, value);
  if (masked !== null) return masked;
  const plan = planIndex(name, x.shape, items);
  const shaped = g.reshape(shapedValue(value, plan), plan.picked);
  const part = g.transpose(g.slice(x, plan.start, plan.step, plan.sliced), plan.order);
  if (plan.arrays === null) return place(x, combine(kind, part, shaped), plan);
  const count = sizeOf(plan.picked.slice(plan.axis, plan.axis + plan.picked.length - plan.merged.length + 1));
  const updates = g.reshape(shaped, [
    ...plan.merged.slice(0, plan.axis),
    count,
    ...plan.merged.slice(plan.axis + 1),
  ]);
  const { linear } = mergedPositions(plan, 'drop');
  const written = scatterInto(
    kind,
    g.reshape(part, plan.merged),
    g.reshape(linear, [count]),
    updates,
    plan.axis,
  );
  return place(x, g.transpose(g.reshape(written, part.shape), inverse(plan.order)), plan);
}

/**
 * A mask alone, with a value that is the same for all elements that it chooses, or one for the axes behind the mask's: needs no positions, so it
 * works where there are no values yet.
 */
function underMask(kind: UpdateKind, x: Node, items: readonly IndexItem[], value: Node): Node | null {
  const [mask] = items;
  if (items.length !== 1 || typeof mask !== 'object' || mask === null || !('op' in mask)) return null;
  const rank = mask.shape.length;
  const behind = x.shape.slice(rank);
  const fits =
    mask.dtype === 'bool' &&
    rank > 0 &&
    mask.shape.every((n, i) => n === x.shape[i]) &&
    value.shape.length <= behind.length &&
    value.shape.every((n, i) => n === 1 || n === behind[i + behind.length - value.shape.length]);
  if (!fits) return null;
  const chosen = g.broadcast(
    mask,
    x.shape,
    mask.shape.map((_, i) => i),
  );
  return g.select(chosen, combine(kind, x, g.broadcastTo(value, x.shape)), x);
}

/**
 * The elements of an array that an index names, to be changed in a copy. Values broadcast to the shape of those elements, and have to fit the
 * array's dtype. Positions outside of the array are dropped. Where several updates meet one element, they add up, multiply or compare;
 * of those that set it the last one counts. The derivative goes to the updates that count, and to the array where it keeps its
 * elements.
 */
export class IndexUpdate {
  readonly #write: (kind: UpdateKind, value: Operand) => Tensor;

  constructor(write: (kind: UpdateKind, value: Operand) => Tensor) {
    this.#write = write;
  }
  /** NumPy's `x[index] = value`. */
  set(value: Operand): Tensor {
    return this.#write('set', value);
  }
  /** NumPy's `np.add.at(x, index, value)`: repeated positions add up. */
  add(value: Operand): Tensor {
    return this.#write('add', value);
  }
  /** NumPy's `np.multiply.at(x, index, value)`. */
  mul(value: Operand): Tensor {
    return this.#write('mul', value);
  }
  /** NumPy's `np.minimum.at(x, index, value)`. */
  min(value: Operand): Tensor {
    return this.#write('min', value);
  }
  /** NumPy's `np.maximum.at(x, index, value)`. */
  max(value: Operand): Tensor {
    return this.#write('max', value);
  }
}
