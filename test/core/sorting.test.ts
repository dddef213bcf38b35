import { expect, test } from 'vitest';
import {
  arange,
  bincount,
  grad,
  histogram,
  intersect1d,
  isin,
  jit,
  lexsort,
  random,
  setdiff1d,
  sort,
  type Tensor,
  tensor,
  topk,
  union1d,
  vmap,
  zeros,
} from '../../src/index.ts';
import { computeOn } from '../support/device.ts';

// Values and gradients of small arrays are in numpy_arrays.test.ts; here: larger ones, dtypes, transforms, what is refused.

computeOn('cpu');
const int = (data: number[]): Tensor => tensor(data, { dtype: 'int32' });

test('1000 numbers with ties: sorted as JavaScript does, stable both ways', () => {
  const key = random.key(1);
  const x = random.normal([1000], { key }).mul(20).floor();
  const numbers = [...x.dataSync()];
  const byValue = (sign: number) =>
    numbers.map((_, i) => i).sort((i, j) => sign * (numbers[i] - numbers[j]) || i - j);
  expect(x.argsort().toArray()).toEqual(byValue(1));
  expect(x.argsort(0, { descending: true }).toArray()).toEqual(byValue(-1));
  expect(sort(x).toArray()).toEqual(byValue(1).map((i) => numbers[i]));
  expect(topk(x, 3).indices.toArray()).toEqual(byValue(-1).slice(0, 3));
});

test('searchsorted counts what is smaller, for every length of the sorted array', () => {
  const values = arange(-1, 40);
  for (const n of [1, 2, 3, 4, 7, 8, 9, 31, 33]) {
    const sorted = arange(n).mul(2).div(3).floor();
    const list = [...sorted.dataSync()];
    for (const right of [false, true]) {
      const expected = [...values.dataSync()].map((v) => list.filter((s) => (right ? s <= v : s < v)).length);
      expect(sorted.searchsorted(values, { right }).toArray(), `${n} ${right}`).toEqual(expected);
    }
  }
  expect(tensor([1, 2, 3]).searchsorted(2.5).toArray()).toBe(2);
});

test('sorting is defined for integers at their limits, bools and 16-bit floats', () => {
  const ends = int([0, 2 ** 31 - 1, -(2 ** 31), -1]);
  expect(ends.sort(0, { descending: true }).toArray()).toEqual([2 ** 31 - 1, 0, -1, -(2 ** 31)]);
  const unsigned = tensor([1, 2 ** 32 - 1, 0], { dtype: 'uint32' });
  expect(unsigned.sort(0, { descending: true }).toArray()).toEqual([2 ** 32 - 1, 1, 0]);
  expect(tensor([true, false]).sort().toArray()).toEqual([false, true]);
  const half = tensor([3, Number.NaN, -1], { dtype: 'float16' });
  expect(half.unique().toArray()).toEqual([-1, 3, NaN]);
  expect(half.isin(tensor([3])).toArray()).toEqual([true, false, false]);
  expect(half.argsort().toArray()).toEqual([2, 0, 1]);
});

test('sets', () => {
  const all = tensor([
    [3, 1],
    [3, 0],
  ]).uniqueAll();
  expect(all.values.take(all.inverse).toArray()).toEqual([
    [3, 1],
    [3, 0],
  ]);
  expect([intersect1d, setdiff1d, union1d].map((f) => f(int([3, 1]), tensor([1.5, 3])).toArray())).toEqual([
    [3],
    [1],
    [1, 1.5, 3],
  ]);
  expect(tensor([]).unique().shape).toEqual([0]);
  // The derivative of an element that occurs several times goes to its first place.
  expect(grad((a: Tensor) => a.unique().square().sum())(tensor([2, 1, 2])).toArray()).toEqual([4, 2, 0]);
});

test('jit: counts of known length, everything that keeps its shape', () => {
  const numbers = int([0, 2, 2, 9, -1]);
  expect(jit((a: Tensor) => bincount(a, { length: 4 }))(numbers).toArray()).toEqual([1, 0, 2, 0]);
  const counted = jit((a: Tensor) => histogram(a, { bins: 2, range: [0, 3] }).counts);
  expect(counted(tensor([0, 1, 2, 3, 4])).toArray()).toEqual([2, 2]);
  expect(jit((a: Tensor, b: Tensor) => isin(a, b))(numbers, int([9, 0])).toArray()).toEqual([
    true,
    false,
    false,
    true,
    false,
  ]);
});

test('runs of equal elements; partitions', () => {
  const { values, inverse, counts } = int([1, 1, 2, 2, 2, 1]).uniqueConsecutive();
  expect([values, inverse, counts].map((a) => a.toArray())).toEqual([
    [1, 2, 1],
    [0, 0, 1, 1, 1, 2],
    [2, 3, 1],
  ]);
  expect(tensor([]).uniqueConsecutive().counts.shape).toEqual([0]);
  const x = tensor([5, 1, 4, 2]);
  expect(x.partition(1).at(1).item()).toBe(2);
  expect(x.take(x.argpartition(-1)).at(-1).item()).toBe(5);
  expect(() => x.partition(4)).toThrow(/^partition: there is no place 4 on axis -1 of \[4\]/);
});

test('unique elements of a known number, inside of jit', () => {
  const of = (size: number, fillValue?: number) =>
    jit((a: Tensor) => a.unique(undefined, { size, fillValue }));
  const x = tensor([3, Number.NaN, 1, 3, Number.NaN, -2]);
  expect(of(6)(x).toArray()).toEqual([-2, 1, 3, NaN, -2, -2]);
  expect(of(6, 7)(x).toArray()).toEqual([-2, 1, 3, NaN, 7, 7]);
  expect(of(2)(x).toArray()).toEqual([-2, 1]);
  expect(of(9)(x.cast('int32')).toArray()).toEqual([-2, 0, 1, 3, -2, -2, -2, -2, -2]);
  expect(of(3)(tensor([true, true])).toArray()).toEqual([true, true, true]);
  expect(of(2, 4)(tensor([])).toArray()).toEqual([4, 4]);
  expect(() => of(2, 0.5)(int([1]))).toThrow(/^unique: 0.5 does not fit into int32/);
  expect(() => x.unique(0, { size: 2 })).toThrow(/^unique: a size is for the elements of all axes/);
});

test('the derivative of a weighted count is the gathered change', () => {
  const f = (w: Tensor): Tensor => int([1, 0, 1, 7]).bincount({ weights: w, length: 2 }).square().sum();
  expect(grad(f)(tensor([1, 2, 3, 4])).toArray()).toEqual([8, 4, 8, 0]);
});

test('vmap of sorts, searches and counts', () => {
  const x = tensor([
    [3, 1, 2],
    [6, 6, 0],
  ]);
  expect(vmap((row: Tensor) => row.argsort())(x).toArray()).toEqual(x.argsort(1).toArray());
  expect(vmap((row: Tensor) => row.topk(2).values)(x).toArray()).toEqual([
    [3, 2],
    [6, 6],
  ]);
  expect(vmap((row: Tensor) => row.cast('int32').bincount({ length: 4 }))(x).toArray()).toEqual([
    [0, 1, 1, 1],
    [1, 0, 0, 0],
  ]);
  expect(vmap((row: Tensor) => lexsort([row, row.neg()]))(x).toArray()).toEqual([
    [0, 2, 1],
    [0, 1, 2],
  ]);
});

const needsValues = /the shape of the result depends on the values of an array/;

test.each<[() => unknown, RegExp]>([
  [() => tensor(1).sort(), /^sort: a scalar has no axis to sort along; reshape it to \[1\]/],
  [() => tensor([1]).argsort(1), /^argsort: axis 1 does not exist/],
  [() => tensor([1]).topk(2), /^topk: there are no 2 elements along axis -1 of \[1\]/],
  [() => tensor([1]).kthvalue(0), /^kthvalue: k is an integer from 1 on, got 0/],
  [() => tensor([1]).kthvalue(2), /^kthvalue: there are no 2 elements/],
  [
    () => tensor([1]).sort(0, { descend: true } as never),
    /^sort: unknown option 'descend'; options are descending/,
  ],
  [() => tensor([1]).histogram({ bin: 3 } as never), /^histogram: unknown option 'bin'/],
  [() => lexsort([]), /^lexsort: needs at least one key/],
  [() => lexsort([zeros([2]), zeros([3])]), /^lexsort: keys must have one shape, got \[2\], \[3\]/],
  [
    () => zeros([2, 3]).searchsorted(zeros([3, 2])),
    /^searchsorted: values of shape \[3, 2\] do not go with sorted rows/,
  ],
  [() => zeros([2]).digitize(zeros([2, 2])), /^digitize: edges of bins are a vector/],
  [() => tensor([1]).bincount(), /^bincount: indices must be integers, got float32/],
  [() => int([-1]).bincount(), /^bincount: counts numbers from 0 on, got -1/],
  [
    () => int([1]).bincount({ weights: zeros([2]) }),
    /^bincount: weights of shape \[2\] do not go with values of shape \[1\]/,
  ],
  [() => int([1]).bincount({ length: -1 }), /^bincount: a length is an integer from 0 on, got -1/],
  [() => zeros([2]).histogram({ bins: 0 }), /^histogram: the number of bins is an integer from 1 on, got 0/],
  [() => zeros([2]).histogram({ bins: zeros([1]) }), /^histogram: edges are a vector of two or more/],
  [
    () => zeros([2]).histogram({ range: [1, 0] }),
    /^histogram: a range is \[lowest, highest\], both finite, got \[1, 0\]/,
  ],
  [() => jit((a: Tensor) => a.bincount())(int([1])), needsValues],
  [() => jit((a: Tensor) => a.bincount())(int([1])), /use the option length/],
  [() => jit((a: Tensor) => a.unique())(int([1])), needsValues],
  [() => vmap((a: Tensor) => a.uniqueAll().counts)(zeros([2, 2])), needsValues],
  [() => jit((a: Tensor) => union1d(a, a))(int([1])), needsValues],
])('refused: %s', (f, message) => {
  expect(f).toThrow(message);
});
