import { allocate, type TypedArray } from '../../graph/dtype.ts';
import { type Node, sizeOf } from '../../graph/node.ts';
import type { AffineIndex } from '../../graph/vocabulary.ts';
import { forEachIndex, positionOf } from './index_space.ts';
import { accumulateFunction, multiplyFunction, reduction } from './scalar.ts';

/**
 * The elements of `x` that meet in each element of the result when `axes` are removed: calls `visit` with the position in
 * the result, the row-major position within `axes`, and the element.
 */
function forEachReduced(
  shape: readonly number[],
  axes: readonly number[],
  x: TypedArray,
  visit: (out: number, within: number, value: number) => void,
): void {
  const kept = shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  const keptShape = kept.map((axis) => shape[axis]);
  const reducedShape = axes.map((axis) => shape[axis]);
  let read = 0;
  forEachIndex(shape, (index) => {
    const out = positionOf(
      kept.map((axis) => index[axis]),
      keptShape,
    );
    const within = positionOf(
      axes.map((axis) => index[axis]),
      reducedShape,
    );
    visit(out, within, x[read++]);
  });
}

/** Sum, product, maximum, minimum, conjunction or disjunction over `axes`; accumulates in double, rounds once at the end. */
export function reduce(node: Node<'reduce'>, [x]: readonly TypedArray[]): TypedArray {
  const { kind, axes } = node.attributes;
  const { initial, join } = reduction(kind, node.dtype);
  const totals = new Float64Array(sizeOf(node.shape)).fill(initial);
  forEachReduced(node.inputs[0].shape, axes, x, (out, _, value) => {
    totals[out] = join(totals[out], value);
  });
  const result = allocate(node.dtype, totals.length);
  result.set(totals);
  return result;
}

/** Row-major position within `axes` of the first extreme element; a NaN is more extreme than any number. */
export function argreduce(node: Node<'argreduce'>, [x]: readonly TypedArray[]): TypedArray {
  const { kind, axes } = node.attributes;
  const winners = allocate(node.dtype, sizeOf(node.shape));
  const best = new Float64Array(winners.length);
  forEachReduced(node.inputs[0].shape, axes, x, (out, within, value) => {
    const beats =
      within === 0 ||
      (!Number.isNaN(best[out]) &&
        (Number.isNaN(value) || (kind === 'max' ? value > best[out] : value < best[out])));
    if (!beats) return;
    best[out] = value;
    winners[out] = within;
  });
  return winners;
}

/** Running sum, product, maximum or minimum along an axis; accumulates in double, rounds each element. */
export function prefix(node: Node<'prefix'>, [x]: readonly TypedArray[]): TypedArray {
  const { kind, axis, reverse } = node.attributes;
  const { initial, join } = reduction(kind, node.dtype);
  const extent = node.shape[axis];
  const stride = sizeOf(node.shape.slice(axis + 1));
  const out = allocate(node.dtype, x.length);
  for (let row = 0; row < x.length; row += extent * stride) {
    for (let column = 0; column < stride; column++) {
      let total = initial;
      for (let i = 0; i < extent; i++) {
        const at = row + column + stride * (reverse ? extent - 1 - i : i);
        total = join(total, x[at]);
        out[at] = total;
      }
    }
  }
  return out;
}

/** The position in an operand of shape `shape` for one setting of all axes, or -1 where the operand counts as 0. */
function operandPosition(
  index: readonly AffineIndex[],
  axes: readonly number[],
  shape: readonly number[],
): number {
  let position = 0;
  for (let dimension = 0; dimension < shape.length; dimension++) {
    const { terms, offset, divisor } = index[dimension];
    let numerator = offset;
    for (let t = 0; t < terms.length; t++) numerator += axes[terms[t][0]] * terms[t][1];
    if (numerator < 0 || numerator % divisor !== 0 || numerator / divisor >= shape[dimension]) return -1;
    position = position * shape[dimension] + numerator / divisor;
  }
  return position;
}

/**
 * `out[o] = sum over r of a[ia(o, r)] * b[ib(o, r)]`, straight from the definition. A term with an operand outside of its
 * bounds (or between its elements) is 0, whatever the other operand holds there.
 */
export function contract(node: Node<'contract'>, [a, b]: readonly TypedArray[]): TypedArray {
  const { sizes, outRank, a: indexA, b: indexB } = node.attributes;
  const [{ shape: shapeA }, { shape: shapeB }] = node.inputs;
  const multiply = multiplyFunction(node.dtype);
  const accumulate = accumulateFunction(node.dtype);
  const out = allocate(node.dtype, sizeOf(node.shape));
  const axes = new Array<number>(sizes.length).fill(0);
  let written = 0;
  forEachIndex(sizes.slice(0, outRank), (outIndex) => {
    for (let axis = 0; axis < outRank; axis++) axes[axis] = outIndex[axis];
    let total = 0;
    forEachIndex(sizes.slice(outRank), (sumIndex) => {
      for (let axis = outRank; axis < axes.length; axis++) axes[axis] = sumIndex[axis - outRank];
      const positionA = operandPosition(indexA, axes, shapeA);
      if (positionA < 0) return;
      const positionB = operandPosition(indexB, axes, shapeB);
      if (positionB >= 0) total = accumulate(total, multiply(a[positionA], b[positionB]));
    });
    out[written++] = total;
  });
  return out;
}

/** Ascending with NaN after every number; 0 when neither goes first. */
function compareForSort(a: number, b: number): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The permutation that sorts each row of the last axis ascending: stable, NaN last. */
export function argsort(node: Node<'argsort'>, [x]: readonly TypedArray[]): TypedArray {
  const width = node.shape[node.shape.length - 1];
  const out = allocate(node.dtype, x.length);
  for (let row = 0; row < x.length; row += width) {
    // ECMAScript guarantees that Array.prototype.sort is stable.
    const order = Array.from({ length: width }, (_, i) => i).sort((i, j) =>
      compareForSort(x[row + i], x[row + j]),
    );
    out.set(order, row);
  }
  return out;
}
