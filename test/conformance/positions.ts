import { choose, lexsort, oneHot, select, type Tensor } from '../../src/index.ts';
import type { Operand, Operation } from './operation.ts';

type Call = Operation['call'];

const matrix: Operand = { shape: [3, 4] };
const cube: Operand = { shape: [2, 3, 4] };
const int = (shape: readonly number[], data: readonly number[]): Operand => ({ shape, data, dtype: 'int32' });
/** Of either sign, repeated, and far outside. */
const wild = int([2, 3], [0, 2, -1, 2, 99, -99]);
const repeated = int([4], [1, 1, -2, 1]);
const none = int([0], []);
const one = int([], [-1]);
const squared = (x: Tensor): Tensor => x.mul(x);

const given = (
  name: string,
  operands: readonly Operand[],
  call: Call,
  more: Partial<Operation> = {},
): Operation => ({
  name,
  operands,
  call,
  ...more,
});

/** Positions of arrays that repeat, are outside, of no elements, on several axes, on axes from behind. */
export const positionOperations: readonly Operation[] = [
  given('index: far outside', [matrix, wild], (x, i) => squared(x.index(i))),
  given('index: of the last axis', [cube, wild], (x, i) => squared(x.index('...', i))),
  given('index: arrays apart', [cube, repeated, repeated], (x, i, j) => squared(x.index(i, [0, null, 2], j))),
  given('index: arrays that broadcast', [matrix, int([2, 1], [0, -1]), repeated], (x, i, j) => x.index(i, j)),
  given('index: a new axis and a position', [cube], (x) => squared(x.index(1, 'newaxis', '...', -1))),
  given('index: by a position of an array', [matrix, one], (x, i) => squared(x.index(i))),
  given('index: by nothing', [matrix, none], (x, i) => x.index(i)),
  given('index: of bools', [{ shape: [3, 4], dtype: 'bool' }, repeated], (x, i) => x.index(null, i)),
  ...(['set', 'add', 'mul', 'min', 'max'] as const).flatMap((kind): Operation[] => [
    given(`update: ${kind} at repeated positions`, [{ shape: [5] }, repeated, { shape: [4] }], (x, i, v) =>
      squared(x.update(i)[kind](v)),
    ),
    given(`update: ${kind} far outside`, [matrix, wild, { shape: [2, 3, 4] }], (x, i, v) =>
      x.update(i)[kind](v),
    ),
    given(`update: ${kind} backwards`, [matrix, { shape: [2] }], (x, v) =>
      squared(x.update(-1, [null, null, -2])[kind](v)),
    ),
    given(`update: ${kind} of nothing`, [matrix, none], (x, i) => x.update(i)[kind](2)),
    given(
      `update: ${kind} of integers`,
      [int([4], [3, 1, 4, 1]), repeated, int([4], [5, 9, 2, 6])],
      (x, i, v) => x.update(i)[kind](v),
    ),
  ]),
  given('update: add arrays apart', [cube, repeated, repeated, { shape: [4, 3] }], (x, i, j, v) =>
    squared(x.update(i, null, j).add(v)),
  ),
  given('take: far outside, from behind', [cube, wild], (x, i) => squared(x.take(i, -2))),
  given('take: nothing', [matrix, none], (x, i) => x.take(i, 1)),
  given('take: by a scalar', [matrix, one], (x, i) => squared(x.take(i))),
  given('takeAlongAxis: that broadcasts', [cube, int([1, 3, 2], [0, 3, -1, 2, 9, -9])], (x, i) =>
    squared(x.takeAlongAxis(i)),
  ),
  given('takeAlongAxis: the first axis', [matrix, int([2, 4], [0, 1, 2, 0, -1, 0, 2, 2])], (x, i) =>
    squared(x.takeAlongAxis(i, 0)),
  ),
  given('putAlongAxis: one value', [matrix, int([3, 1], [0, -1, 2]), { shape: [] }], (x, i, v) =>
    squared(x.putAlongAxis(i, v)),
  ),
  given('scatter: repeated', [matrix, int([1, 3], [2, 2, -3]), { shape: [1, 3] }], (x, i, v) =>
    squared(x.scatter(1, i, v)),
  ),
  given(
    'scatterAdd: repeated, the first axis',
    [matrix, int([2, 4], [2, 2, 0, -1, 2, 1, 0, 0]), { shape: [2, 4] }],
    (x, i, v) => squared(x.scatterAdd(0, i, v)),
  ),
  ...(['sum', 'prod', 'mean', 'amax', 'amin'] as const).map((reduction) =>
    given(
      `scatterReduce: ${reduction} of many with what was there`,
      [{ shape: [4] }, int([7], [0, 1, 1, 3, 3, 3, -1]), { shape: [7], values: 'distinct' }],
      (x, i, v) => squared(x.scatterReduce(0, i, v, reduction)),
    ),
  ),
  given('indexAdd: repeated and scaled', [matrix, repeated, { shape: [3, 4] }], (x, i, v) =>
    squared(x.indexAdd(-1, i, v, { alpha: -0.5 })),
  ),
  given('indexCopy: repeated', [matrix, repeated, { shape: [3, 4] }], (x, i, v) =>
    squared(x.indexCopy(1, i, v)),
  ),
  given('indexFill: from behind', [matrix, int([2], [-1, -1])], (x, i) => squared(x.indexFill(-1, i, 3))),
  given(
    'maskedFill: a mask that broadcasts',
    [cube, { shape: [3, 1], dtype: 'bool' }, { shape: [4] }],
    (x, m, v) => squared(x.maskedFill(m, v)),
  ),
  given('dynamicSlice: clamped', [cube, int([3], [5, -9, 2])], (x, s) =>
    squared(x.dynamicSlice([s.at(0), s.at(1), s.at(2)], [1, 2, 3])),
  ),
  given('dynamicUpdateSlice: clamped', [matrix, { shape: [2, 3] }, int([2], [9, -9])], (x, v, s) =>
    squared(x.dynamicUpdateSlice(v, [s.at(0), s.at(1)])),
  ),
  given(
    'select: the first that holds',
    [{ shape: [3, 1], dtype: 'bool' }, { shape: [4], dtype: 'bool' }, matrix, { shape: [] }],
    (a, b, x, y) => squared(select([a, b], [x, y.mul(x)], 2)),
  ),
  given('choose: numbers outside', [int([3, 1], [-5, 1, 7]), matrix, { shape: [4] }], (i, x, y) =>
    squared(choose(i, [x, y])),
  ),
  given('oneHot: outside, on the first axis', [wild], (i) => oneHot(i, 3, { axis: 0, dtype: 'int32' })),
];

const still = 'gives positions, which do not change with the operand';
const positions = { without: { gradient: still, jvp: still } };
const distinct: Operand = { shape: [2, 3, 5], values: 'distinct' };
const ties = int([2, 7], [3, 1, 3, 0, 1, 3, 3, -1, 2, 2, -1, 2, 0, 2]);
const both = ({ values, indices }: { values: Tensor; indices: Tensor }): Tensor[] => [
  squared(values),
  indices,
];

/** Orders along other axes, with ties, of no elements and of many, and searches with equal elements. */
export const orderOperations: readonly Operation[] = [
  given('sort: along a middle axis', [distinct], (x) => squared(x.sort(-2))),
  given('sort: of long rows', [{ shape: [2, 67], values: 'distinct' }], (x) => squared(x.sort())),
  given('sort: of nothing', [{ shape: [3, 0] }], (x) => x.sort()),
  given('sort: of bools', [{ shape: [9], dtype: 'bool' }], (x) => x.sort()),
  given('sort: of uint32', [{ shape: [4], dtype: 'uint32', data: [4294967295, 0, 2147483648, 1] }], (x) =>
    x.sort(),
  ),
  given('argsort: ties in their order', [ties], (x) => x.argsort()),
  given('argsort: ties in their order, descending', [ties], (x) => x.argsort(1, { descending: true })),
  given('argsort: along the first axis', [distinct], (x) => x.argsort(0), positions),
  given('topk: along a middle axis', [distinct], (x) => both(x.topk(2, 1))),
  given('topk: all of them', [distinct], (x) => both(x.topk(5))),
  given('topk: ties', [ties], (x) => both(x.topk(3))),
  given('kthvalue: with its axis', [distinct], (x) => both(x.kthvalue(2, 0, { keepDims: true }))),
  given('partition: along a middle axis', [distinct], (x) => squared(x.partition(2, 1))),
  given('argpartition: of batches', [distinct], (x) => x.argpartition(2), positions),
  given(
    'lexsort: ties of the last key',
    [ties, int([2, 7], [1, 0, 2, 1, 0, 1, 0, 5, 4, 3, 2, 1, 0, -1])],
    (a, b) => lexsort([b, a]),
  ),
  given(
    'searchsorted: rows, right of equals',
    [int([2, 4], [1, 1, 3, 5, 0, 2, 2, 2]), int([2, 3], [1, 3, 9, 2, -1, 0])],
    (s, v) => s.searchsorted(v, { right: true }),
  ),
  given('searchsorted: into nothing', [none, int([2], [1, 2])], (s, v) => s.searchsorted(v)),
  given('digitize: descending edges', [int([5], [0, 1, 2, 5, 9]), int([3], [5, 2, 1])], (x, bins) =>
    x.digitize(bins),
  ),
  given('digitize: right of edges', [int([5], [0, 1, 2, 5, 9]), int([3], [1, 2, 5])], (x, bins) =>
    x.digitize(bins, { right: true }),
  ),
  given('bucketize: right of equals', [int([2, 3], [0, 1, 2, 5, 9, 1]), int([3], [1, 2, 5])], (x, bins) =>
    x.bucketize(bins, { right: true }),
  ),
  given('isin: not', [ties, int([2], [3, -1])], (x, of) => x.isin(of, { invert: true })),
  given('isin: of nothing', [ties, none], (x, of) => x.isin(of)),
  given('unique: more places than elements', [int([6], [2, 2, 5, 1, 5, 2])], (x) =>
    x.unique(undefined, { size: 5, fillValue: -7 }),
  ),
  given('histogram: edges with equal elements', [ties, int([4], [-1, 0, 2, 3])], (x, bins) => {
    const { counts, edges } = x.histogram({ bins });
    return [counts, edges];
  }),
  given(
    'histogram: density',
    [int([6], [0, 1, 1, 2, 4, 4])],
    (x) => x.histogram({ bins: 4, range: [0, 4], density: true }).counts,
  ),
  given('bincount: longer than needed', [int([5], [1, 1, 3, 0, 1])], (x) => x.bincount({ length: 6 })),
  given('bincount: of nothing', [none], (x) => x.bincount({ length: 3 })),
];
