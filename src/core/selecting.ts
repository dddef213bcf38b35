import * as g from '../graph/build.ts';
import { type Node, sizeOf, stridesOf } from '../graph/node.ts';
import { clampTo, fromEnd, positions } from './index_plan.ts';
import { broadcastShapes, meet } from './operands.ts';
import { linearIndex } from './rearrange.ts';

/** Elements of one array or another, and indices as vectors. */

type Value = Node | number | boolean;

/** The elements of the first choice whose condition holds, else of `otherwise`; everything broadcasts. */
export function selectOf(conditions: readonly Node[], choices: readonly Value[], otherwise: Value): Node {
  if (conditions.length !== choices.length || choices.length === 0)
    throw new Error(
      `select: ${conditions.length} conditions for ${choices.length} choices; give at least one, and as many of each`,
    );
  for (const condition of conditions)
    if (condition.dtype !== 'bool')
      throw new Error(`select: conditions must be bool, got ${condition.dtype}; compare first`);
  const [last, ...values] = meet('select', [otherwise, ...choices]);
  const shape = broadcastShapes('select', last.shape, ...conditions.map((c) => c.shape));
  return conditions.reduceRight(
    (rest, condition, i) => g.select(g.broadcastTo(condition, shape), g.broadcastTo(values[i], shape), rest),
    g.broadcastTo(last, shape),
  );
}

/** `out[i] = choices[index[i]][i]`; everything broadcasts, the index is clamped. */
export function chooseOf(index: Node, choices: readonly Value[]): Node {
  if (choices.length === 0) throw new Error('choose: needs at least one choice');
  const which = positions('choose', index);
  const values = meet('choose', choices);
  const shape = broadcastShapes('choose', which.shape, values[0].shape);
  const at = g.broadcastTo(which, shape);
  const last = values.length - 1;
  return values
    .slice(0, last)
    .reduceRight(
      (rest, value, i) => g.select(g.compare('le', at, g.fill(i, at)), g.broadcastTo(value, shape), rest),
      g.broadcastTo(values[last], shape),
    );
}

/** 1 at the index on a new last axis of extent `count`, 0 elsewhere; nothing but 0 for indices outside. */
export function oneHotOf(given: Node, count: number): Node {
  if (!Number.isInteger(count) || count < 0)
    throw new Error(`oneHot: the number of classes is an integer from 0 on, got ${count}`);
  const indices = positions('oneHot', given);
  const shape = [...indices.shape, count];
  const spread = g.broadcast(
    indices,
    shape,
    indices.shape.map((_, i) => i),
  );
  return g.compare('eq', g.iota(shape.length - 1, shape), spread);
}

/** How many elements are asked for where their number depends on values, and what stands in the places that are left. */
export interface SizedOptions {
  /** The number of elements of the result, which then works inside of jit: the first ones count. */
  size?: number;
  /** What fills the result up to `size`. */
  fillValue?: number;
}

export const checkSize = (name: string, size: number): void => {
  if (!Number.isInteger(size) || size < 0)
    throw new Error(`${name}: size is an integer from 0 on, got ${size}`);
};

/** The row-major positions of the first `size` elements that are chosen, and whether there are as many. */
export function firstChosen(isChosen: Node, size: number): { at: Node; exists: Node } {
  const total = sizeOf(isChosen.shape);
  const flat = g.reshape(isChosen, [total]);
  const zero = g.constant(0, [total], 'int32');
  // What is chosen comes first in a stable order of 0 and 1.
  const order = g.argsort(g.select(flat, zero, g.fill(1, zero)));
  const kept = Math.min(size, total);
  const at = g.pad(g.slice(order, [0], [1], [kept]), [0], [size - kept]);
  const count = g.reduce('sum', g.cast(flat, 'int32'), [0]);
  return { at, exists: g.compare('lt', g.iota(0, [size]), g.broadcast(count, [size], [])) };
}

/** As nonzero, with a number of positions that is known. */
export function nonzeroSized(name: string, x: Node, size: number, fillValue: number): Node[] {
  checkSize(name, size);
  const zero = g.constant(fillValue, [size], 'int32');
  if (sizeOf(x.shape) === 0) return x.shape.map(() => zero);
  const { at, exists } = firstChosen(g.cast(x, 'bool'), size);
  return unravelOf(at, x.shape).map((along) => g.select(exists, along, zero));
}

const checkShape = (name: string, shape: readonly number[]): void => {
  if (shape.some((n) => !Number.isInteger(n) || n < 1))
    throw new Error(`${name}: a shape of integers from 1 on is needed, got [${shape.join(', ')}]`);
};

/** Positions along each axis of an array of `shape` from row-major positions in it; negative ones count from the end, others are clamped. */
export function unravelOf(given: Node, shape: readonly number[]): Node[] {
  checkShape('unravelIndex', shape);
  const linear = positions('unravelIndex', given);
  const size = sizeOf(shape);
  const inside = clampTo(fromEnd(linear, size), size);
  const strides = stridesOf(shape);
  return shape.map((extent, i) => {
    const along = g.div(inside, g.fill(strides[i], inside));
    return i === 0 ? along : g.binary('rem', along, g.fill(extent, along));
  });
}

/** Row-major positions in an array of `shape` from positions along each axis, which broadcast; negative ones count from the end, others are clamped. */
export function ravelOf(given: readonly Node[], shape: readonly number[]): Node {
  checkShape('ravelMultiIndex', shape);
  if (given.length !== shape.length || shape.length === 0)
    throw new Error(
      `ravelMultiIndex: ${given.length} arrays of positions for a shape of ${shape.length} axes; give one for each`,
    );
  const common = broadcastShapes('ravelMultiIndex', ...given.map((n) => n.shape));
  const along = given.map((node, i) => {
    const spread = g.broadcastTo(positions('ravelMultiIndex', node), common);
    return clampTo(fromEnd(spread, shape[i]), shape[i]);
  });
  return linearIndex(along, shape);
}

/** Rows and columns of the elements of a matrix on and below (or above) diagonal `k`, in row-major order. */
export function triangleIndices(
  rows: number,
  columns: number,
  k: number,
  part: 'lower' | 'upper',
): number[][] {
  const found: number[][] = [[], []];
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      if (part === 'lower' ? j - i > k : j - i < k) continue;
      found[0].push(i);
      found[1].push(j);
    }
  }
  return found;
}
