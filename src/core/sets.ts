import * as g from '../graph/build.ts';
import type { TypedArray } from '../graph/dtype.ts';
import { type Node, sizeOf } from '../graph/node.ts';
import { moveAxisOf } from './axis_order.ts';
import { valuesOf } from './concrete.ts';
import { dataNode } from './evaluate.ts';
import { asNumber, axisOf, valueLike } from './operands.ts';
import { checkSize, firstChosen } from './selecting.ts';

/** Arrays as sets. How many elements they have depends on values, so these are eager. */

export interface UniqueNodes {
  /** The different elements (or slices along an axis), ascending. */
  readonly values: Node;
  /** int32 position of the first occurrence of each. */
  readonly indices: Node;
  /** int32 position in `values` of each element of the array (or of each slice). */
  readonly inverse: Node;
  /** int32 number of occurrences of each. */
  readonly counts: Node;
}

/** Order of numbers in which NaN is equal to itself and larger than everything. */
const order = (a: number, b: number): number =>
  a < b ? -1 : a > b ? 1 : a === b ? 0 : Number(Number.isNaN(a)) - Number(Number.isNaN(b));

/** Order of rows of `width` elements, by their first difference. */
const orderOfRows =
  (data: TypedArray, width: number) =>
  (i: number, j: number): number => {
    for (let k = 0; k < width; k++) {
      const difference = order(data[i * width + k], data[j * width + k]);
      if (difference !== 0) return difference;
    }
    return 0;
  };

const list = (data: readonly number[], shape: readonly number[] = [data.length]): Node =>
  dataNode(Int32Array.from(data), shape, 'int32');

/** The different elements of an array, or slices along an axis. The values are gathered, so that they have derivatives. */
export function uniqueOf(name: string, x: Node, axis: number | undefined, instead?: string): UniqueNodes {
  const rows =
    axis === undefined
      ? g.reshape(x, [sizeOf(x.shape)])
      : moveAxisOf(x, axisOf(name, axis, x.shape.length), 0);
  const [count] = rows.shape;
  const compare = orderOfRows(valuesOf(name, rows, instead), sizeOf(rows.shape.slice(1)));
  const sorted = Array.from({ length: count }, (_, i) => i).sort((i, j) => compare(i, j) || i - j);
  const first: number[] = [];
  const counts: number[] = [];
  const inverse = new Array<number>(count);
  sorted.forEach((row, at) => {
    if (at === 0 || compare(sorted[at - 1], row) !== 0) {
      first.push(row);
      counts.push(0);
    }
    inverse[row] = first.length - 1;
    counts[counts.length - 1]++;
  });
  const indices = list(first);
  const values = g.gather(rows, indices, 0);
  return {
    values: axis === undefined ? values : moveAxisOf(values, 0, axis),
    indices,
    inverse: list(inverse, axis === undefined ? x.shape : [count]),
    counts: list(counts),
  };
}

/** The sorted different elements of `a` which are (or are not) among those of `b`. */
export function uniqueAmong(name: string, a: Node, b: Node, wanted: boolean): Node {
  const { values } = uniqueOf(name, a, undefined);
  const others = new Set(valuesOf(name, b));
  const kept: number[] = [];
  valuesOf(name, values).forEach((value, i) => {
    if (others.has(value) === wanted && (wanted ? !Number.isNaN(value) : true)) kept.push(i);
  });
  return g.gather(values, list(kept), 0);
}

/** The first `size` of the sorted different elements, filled up with a value or, without one, with the smallest element. */
export function uniqueSized(x: Node, size: number, fillValue: number | undefined): Node {
  checkSize('unique', size);
  const total = sizeOf(x.shape);
  if (total === 0) return g.fill(fillValue ?? 0, { shape: [size], dtype: x.dtype });
  const flat = g.reshape(x, [total]);
  const sorted = g.gather(flat, g.argsort(asNumber(flat)), 0);
  const before = g.gather(sorted, g.add(g.iota(0, [total]), g.constant(-1, [total], 'int32')), 0);
  const isStart = g.compare('eq', g.iota(0, [total]), g.constant(0, [total], 'int32'));
  // NaN differs from itself, but only the first one counts.
  const areNaN = g.binary('and', g.compare('ne', sorted, sorted), g.compare('ne', before, before));
  const differs = g.binary('and', g.compare('ne', sorted, before), g.unary('not', areNaN));
  const { at, exists } = firstChosen(g.binary('or', isStart, differs), size);
  const rest =
    fillValue === undefined
      ? g.broadcast(g.reshape(g.slice(sorted, [0], [1], [1]), []), [size], [])
      : g.broadcast(valueLike('unique', x, fillValue), [size], []);
  return g.select(exists, g.gather(sorted, at, 0), rest);
}

/** The first element of each run of equal ones, the run that each element is in, and how long the runs are. */
export function uniqueRuns(x: Node): Omit<UniqueNodes, 'indices'> {
  const flat = g.reshape(x, [sizeOf(x.shape)]);
  const data = valuesOf('uniqueConsecutive', flat);
  const first: number[] = [];
  const counts: number[] = [];
  const inverse: number[] = [];
  data.forEach((value, i) => {
    // As in PyTorch, NaN differs from NaN.
    if (i === 0 || value !== data[i - 1]) {
      first.push(i);
      counts.push(0);
    }
    counts[counts.length - 1]++;
    inverse.push(first.length - 1);
  });
  return { values: g.gather(flat, list(first), 0), inverse: list(inverse, x.shape), counts: list(counts) };
}
