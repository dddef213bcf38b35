import { describe, expect, test } from 'vitest';
import {
  arange,
  choose,
  grad,
  hessian,
  index,
  indexAdd,
  ix,
  jit,
  jvp,
  maskedSelect,
  oneHot,
  ravelMultiIndex,
  scatter,
  select,
  type Tensor,
  take,
  tensor,
  unravelIndex,
  vmap,
  where,
} from '../../src/index.ts';
import { expectClose, finiteDifference } from '../support/close.ts';

// Values and first derivatives are in numpy_arrays.test.ts; here: what lies outside, repeats, transforms, errors.

const int = (data: number[] | number[][]): Tensor => tensor(data, { dtype: 'int32' });
const x = tensor([
  [1, 2, 3],
  [4, 5, 6],
]);
const traced = (name: string): RegExp =>
  new RegExp(`^${name.replace(/[()]/g, '\\$&')}: the shape of the result depends on the values`);

describe('positions outside of the array', () => {
  test('reading takes the nearest element', () => {
    expect(x.take([7, -9], 1).toArray()).toEqual([
      [3, 1],
      [6, 4],
    ]);
    expect(x.index(int([9, -9]), int([9, -9])).toArray()).toEqual([6, 1]);
    expect(x.gather(1, int([[5], [-5]])).toArray()).toEqual([[3], [4]]);
    expect(choose(int([-1, 5]), [10, 20]).toArray()).toEqual([10, 20]);
    expect(unravelIndex(int([99, -99]), [2, 3]).map((i) => i.toArray())).toEqual([
      [1, 0],
      [2, 0],
    ]);
    expect(ravelMultiIndex([int([5, -1]), int([0, 1])], [2, 3]).toArray()).toEqual([3, 4]);
  });

  test.each(['set', 'add', 'mul', 'min', 'max'] as const)('writing drops it: %s', (kind) => {
    const far = int([2, -3, 100]);
    expect(x.update(far)[kind](-7).toArray()).toEqual(x.toArray());
    expect(
      x
        .update(null, int([3, 0]))
        [kind](-1)
        .toArray(),
    ).toEqual(x.update(null, 0)[kind](-1).toArray());
    expect(
      x
        .update(int([0, 2]), int([3, 0]))
        [kind](-1)
        .toArray(),
    ).toEqual(x.toArray());
    const integers = int([5, 6]);
    expect(
      integers
        .update(int([2, 0]))
        [kind](3)
        .toArray(),
    ).toEqual(integers.update(0)[kind](3).toArray());
    // What is dropped has no derivative.
    const slopes = grad((v: Tensor) =>
      x
        .update(int([1, 2]))
        [kind](v)
        .sum(),
    )(tensor([[-1], [-1]]));
    expect(slopes.at(1).toArray()).toEqual([0]);
  });

  test('scatters along an axis drop it too', () => {
    expect(x.scatter(1, int([[3], [-4]]), 9).toArray()).toEqual(x.toArray());
    expect(x.indexAdd(0, [2, -3], x).toArray()).toEqual(x.toArray());
    expect(oneHot(int([3, -1, 1]), 3).toArray()).toEqual([
      [0, 0, 0],
      [0, 0, 0],
      [0, 1, 0],
    ]);
  });
});

describe('repeated positions', () => {
  test('the last one sets, also with many', () => {
    const count = 1000;
    const where = arange(count).mod(7);
    const set = tensor([0, 0, 0, 0, 0, 0, 0]).update(where).set(arange(count).cast('float32'));
    expect(set.toArray()).toEqual([994, 995, 996, 997, 998, 999, 993]);
  });

  test('only the update that counts has a derivative; the element that it replaces has none', () => {
    const f = (a: Tensor, v: Tensor): Tensor =>
      a
        .update(int([1, 0, 1]))
        .set(v)
        .square()
        .sum();
    const [da, dv] = grad(f, { argnums: [0, 1] })(
      tensor([5, 6, 7]),
      tensor([1, 2, 3]),
    ) as unknown as Tensor[];
    expect(da.toArray()).toEqual([0, 0, 14]);
    expect(dv.toArray()).toEqual([0, 4, 6]);
  });

  test('products of runs of any length', () => {
    const where = int([2, 0, 2, 2, 0, 2, 2]);
    const product = tensor([1, 10, 2])
      .update(where)
      .mul(tensor([2, 3, 4, 5, 6, 7, 8]));
    expect(product.toArray()).toEqual([18, 10, 2 * 2 * 4 * 5 * 7 * 8]);
  });

  test('NaN and infinities in one update stay out of the other elements', () => {
    const odd = tensor([Number.NaN, Infinity, 1]);
    expect(
      tensor([1, 2, 3])
        .update(int([0, 1, 5]))
        .add(odd)
        .toArray(),
    ).toEqual([NaN, Infinity, 3]);
    expect(
      tensor([1, 2, 3])
        .update(int([0, 1, 5]))
        .max(odd)
        .toArray(),
    ).toEqual([NaN, Infinity, 3]);
    expect(
      tensor([1, 2, 3])
        .update(int([0, 1, 5]))
        .mul(odd)
        .toArray(),
    ).toEqual([NaN, Infinity, 3]);
  });
});

describe('transforms', () => {
  const weights = tensor([2, -1, 0.5, 3]);
  const at = int([3, 0, 3]);
  const functions: [string, (a: Tensor) => Tensor][] = [
    ['take', (a) => a.take(at).mul(a.take(at))],
    [
      'index',
      (a) =>
        a
          .unflatten(0, [2, 2])
          .index(int([1, 1, 0]), int([0, 1, 1]))
          .pow(3),
    ],
    ['gather', (a) => a.gather(0, at).pow(3)],
    [
      'set',
      (a) =>
        a
          .update(at)
          .set(a.slice([0, 3]).pow(3))
          .mul(a),
    ],
    [
      'add',
      (a) =>
        a
          .update(at)
          .add(a.slice([0, 3]).pow(3))
          .mul(a),
    ],
    [
      'mul',
      (a) =>
        a
          .update(at)
          .mul(a.slice([0, 3]))
          .mul(a),
    ],
    [
      'max',
      (a) =>
        a
          .update(at)
          .max(a.slice([0, 3]).pow(3))
          .mul(a),
    ],
    [
      'min',
      (a) =>
        a
          .update(at)
          .min(a.slice([0, 3]).pow(3))
          .mul(a),
    ],
    [
      'slice set',
      (a) =>
        a
          .update([null, null, -2])
          .set(a.slice([0, 2]).pow(3))
          .mul(a),
    ],
    ['scatterReduce', (a) => a.scatterReduce(0, at, a.slice([0, 3]), 'prod', { includeSelf: false }).pow(2)],
    ['dynamicSlice', (a) => a.dynamicSlice([tensor(1, { dtype: 'int32' })], [2]).pow(3)],
    ['dynamicUpdateSlice', (a) => a.dynamicUpdateSlice(a.slice([0, 2]).pow(3), [1]).mul(a)],
    ['mask', (a) => a.mask(tensor([true, false, true, true])).pow(3)],
    ['sort', (a) => a.sort(0, { descending: true }).mul(weights).mul(a)],
    ['topk', (a) => a.topk(2).values.pow(3)],
    ['pad', (a) => a.pad(3, { mode: 'reflect' }).pow(3)],
    ['diag', (a) => a.diag(1).matmul(a.diag(-1)).pow(2)],
  ];
  const point = [0.7, -1.2, 1.5, 0.4];

  test.each(functions)('%s: gradient and second derivatives against differences', (_, f) => {
    const sum = (a: Tensor): Tensor => f(a).mul(f(a).add(1)).sum();
    const at64 = (data: ArrayLike<number>): Tensor => tensor(Array.from(data), { dtype: 'float64' });
    const value = (data: Float64Array): number => sum(at64(data)).item();
    const slopes = grad(sum)(at64(point)).dataSync();
    expectClose(slopes, finiteDifference(value, Float64Array.from(point)), { rtol: 1e-6, atol: 1e-6 });
    const curvature = hessian(sum)(at64(point)) as Tensor;
    point.forEach((_, i) => {
      const slope = (data: Float64Array): number => grad(sum)(at64(data)).dataSync()[i];
      const expected = finiteDifference(slope, Float64Array.from(point));
      expectClose(curvature.at(i).dataSync(), expected, { rtol: 1e-6, atol: 1e-6 }, `row ${i}`);
    });
    const [, tangent] = jvp(sum, [at64(point)], [at64([1, 2, 3, 4])]);
    expectClose([tangent.item()], [slopes[0] + 2 * slopes[1] + 3 * slopes[2] + 4 * slopes[3]], {
      rtol: 1e-12,
    });
  });

  test('vmap: over arrays, positions, values and gradients', () => {
    const rows = int([2, 0]);
    expect(vmap((a: Tensor, i: Tensor) => a.take(i))(x, rows).toArray()).toEqual([3, 4]);
    expect(vmap((i: Tensor) => x.index(null, i))(rows).toArray()).toEqual([
      [3, 6],
      [1, 4],
    ]);
    expect(vmap((a: Tensor, i: Tensor) => a.update(i).set(9))(x, rows).toArray()).toEqual([
      [1, 2, 9],
      [9, 5, 6],
    ]);
    expect(vmap((a: Tensor, i: Tensor) => a.dynamicSlice([i], [2]))(x, rows).toArray()).toEqual([
      [2, 3],
      [4, 5],
    ]);
    expect(vmap((a: Tensor, v: Tensor) => a.searchsorted(v))(x, tensor([2.5, 9])).toArray()).toEqual([2, 3]);
    const ranked = vmap(
      grad((a: Tensor) =>
        a
          .sort(0, { descending: true })
          .mul(tensor([1, 2, 3]))
          .sum(),
      ),
    );
    expect(ranked(x).toArray()).toEqual([
      [3, 2, 1],
      [3, 2, 1],
    ]);
  });

  test('a mask with one value for all works inside of jit', () => {
    const clear = jit((a: Tensor) => a.update(a.gt(2)).set(0));
    expect(clear(x).toArray()).toEqual([
      [1, 2, 0],
      [0, 0, 0],
    ]);
    const row = jit((a: Tensor, m: Tensor) => a.update(m).add(tensor([1, 2, 3])));
    expect(row(x, tensor([false, true])).toArray()).toEqual([
      [1, 2, 3],
      [5, 7, 9],
    ]);
  });

  test('what depends on values says so inside of jit and vmap', () => {
    expect(() => jit((a: Tensor) => a.mask(a.gt(2)))(x)).toThrow(traced('mask'));
    expect(() => jit((a: Tensor) => a.mask(a.gt(2)))(x)).toThrow(/use where\(\)/);
    expect(() => vmap((a: Tensor) => a.mask(a.gt(2)))(x)).toThrow(traced('mask'));
    expect(() => jit((a: Tensor) => a.nonzero()[0])(x)).toThrow(traced('nonzero'));
    expect(() => jit((a: Tensor) => a.argwhere())(x)).toThrow(traced('argwhere'));
    expect(() => jit((a: Tensor) => a.compress(a.gt(2).at(0), 1))(x)).toThrow(traced('compress'));
    expect(() => jit((a: Tensor) => a.update(a.gt(2)).set(tensor([1, 2, 3, 4])))(x)).toThrow(
      traced('update(...).set'),
    );
    expect(() => jit((a: Tensor) => x.repeat(a, 0))(int([1, 2]))).toThrow(traced('repeat'));
    // A program that failed while it was traced leaves nothing behind.
    expect(x.mask(x.gt(4)).toArray()).toEqual([5, 6]);
  });

  test('with a size, positions are found inside of jit and vmap too', () => {
    const found = jit((a: Tensor) => a.gt(2).nonzero({ size: 5, fillValue: -1 }))(x);
    expect(found.map((along) => along.toArray())).toEqual([
      [0, 1, 1, 1, -1],
      [2, 0, 1, 2, -1],
    ]);
    expect(jit((a: Tensor) => a.gt(2).argwhere({ size: 2 }))(x).toArray()).toEqual([
      [0, 2],
      [1, 0],
    ]);
    expect(vmap((a: Tensor) => a.gt(2).flatnonzero({ size: 3 }))(x).toArray()).toEqual([
      [2, 0, 0],
      [0, 1, 2],
    ]);
    expect(tensor([1, 0]).flatnonzero({ size: 4, fillValue: 9 }).toArray()).toEqual([0, 9, 9, 9]);
    expect(tensor([]).flatnonzero({ size: 1 }).toArray()).toEqual([0]);
    expect(tensor(3).argwhere().shape).toEqual([1, 0]);
    expect(tensor(0).argwhere().shape).toEqual([0, 0]);
    expect(() => x.nonzero({ size: -1 })).toThrow(/^nonzero: size is an integer from 0 on, got -1/);
    expect(() => jit((a: Tensor) => a.nonzero()[0])(x)).toThrow(/use the option size/);
  });

  test('masks are constants of a jitted function if they exist already', () => {
    const mask = tensor([true, false, true]);
    expect(jit((a: Tensor) => a.index(null, mask))(x).toArray()).toEqual([
      [1, 3],
      [4, 6],
    ]);
  });
});

describe('dtypes', () => {
  test('values take the dtype of the array; 16-bit floats are computed with in float32', () => {
    expect(int([1, 2]).update(0).set(true).toArray()).toEqual([1, 2]);
    expect(
      int([1, 2])
        .update(0)
        .add(int([4])).dtype,
    ).toBe('int32');
    expect(tensor([true, false]).update(1).set(true).toArray()).toEqual([true, true]);
    expect(
      x
        .cast('float64')
        .update(0)
        .set(tensor([1, 2, 0.5])).dtype,
    ).toBe('float64');
    const half = x.cast('float16');
    expect([half.update(0).set(1).dtype, half.update(0).add(1).dtype]).toEqual(['float16', 'float32']);
    expect(half.update(0).add(1).at(0).toArray()).toEqual([2, 3, 4]);
    expect([half.sort().dtype, half.pad(1, { mode: 'edge' }).dtype]).toEqual(['float16', 'float16']);
    expect(tensor([-0, 1], { dtype: 'float16' }).nonzero()[0].toArray()).toEqual([1]);
    const unsigned = tensor([1, 0], { dtype: 'uint32' });
    expect(x.take(unsigned).toArray()).toEqual(x.flip(0).toArray());
    expect(
      tensor([1, 2], { dtype: 'uint32' })
        .update(int([0, 9]))
        .max(7)
        .toArray(),
    ).toEqual([7, 2]);
    expect(
      tensor([4, 4], { dtype: 'uint32' })
        .update(int([0, 9]))
        .min(3)
        .toArray(),
    ).toEqual([3, 4]);
  });

  test.each<[() => unknown, RegExp]>([
    [() => int([1, 2]).update(0).set(1.5), /update\(...\)\.set: 1.5 does not fit into int32; cast/],
    [
      () =>
        int([1, 2])
          .update(0)
          .add(tensor([1.5])),
      /float32 does not fit into int32; cast/,
    ],
    [() => tensor([true]).update(0).set(2), /2 does not fit into bool/],
    [() => tensor([true]).update(0).add(true), /an array of bools has no arithmetic/],
    [() => int([1]).maskedFill(tensor([true]), 0.5), /maskedFill: 0.5 does not fit into int32/],
    [() => int([1]).scatterReduce(0, int([0]), int([0]), 'mean'), /mean of int32 has fractions; cast/],
  ])('what does not fit: %s', (f, message) => {
    expect(f).toThrow(message);
  });
});

test.each<[() => unknown, RegExp]>([
  [() => x.index(tensor([0.5])), /^index: indices must be integers, got float32; cast them to int32/],
  [() => x.take([0.5]), /^take: indices must be integers, got 0.5/],
  [() => take(x, tensor([1])), /^take: indices must be integers, got float32/],
  [() => x.index(2), /^index: index 2 is outside of axis 0 of \[2, 3\]/],
  [() => x.index(null, -4), /^index: index -4 is outside of axis 1/],
  [() => x.index(1.5), /^index: index 1.5 is outside/],
  [() => index(x, 0, 0, 0), /^index: an index of 3 axes for an array of shape \[2, 3\]/],
  [() => x.index('...', 0, '...'), /'...' may stand in an index only once/],
  [() => x.index([0, 1, 0]), /^index: the step on axis 0 must be an integer other than 0, got 0/],
  [() => x.index(int([0, 1]), int([0, 1, 2])), /^index: shapes \[2\] and \[3\] do not broadcast/],
  [() => x.index(tensor([true, false, true])), /a mask of shape \[3\] does not fit axis 0 of \[2, 3\]/],
  [() => x.index(tensor(true)), /a mask needs at least one axis/],
  [() => tensor([]).index(int([0])), /^index: axis 0 of \[0\] is empty/],
  [() => tensor([]).take([0]), /^take: axis 0 of \[0\] is empty/],
  [() => x.update(0).set(tensor([1, 2])), /value of shape \[2\] does not fit the index, .* shape \[3\]/],
  [() => x.mask(x), /^mask: the mask must be bool, got float32; compare first/],
  [() => maskedSelect(x, x), /^maskedSelect: the mask must be bool/],
  [() => x.maskedFill(x, 0), /^maskedFill: the mask must be bool/],
  [() => x.compress([true, true, true]).compress([true], 1), /^compress: axis 1 does not exist/],
  [() => x.compress([true, true, true], 0), /^compress: a condition of shape \[3\] does not fit axis 0/],
  [() => x.gather(0, int([0])), /^gather: indices of shape \[1\] reach over an array of shape \[2, 3\]/],
  [() => x.gather(0, int([[0, 0, 0, 0]])), /extents at most the array's but on axis 0/],
  [() => x.takeAlongAxis(int([0])), /^takeAlongAxis: indices of shape \[1\] need as many axes/],
  [
    () => scatter(x, 0, int([[0, 1]]), tensor([1, 2, 3, 4])),
    /^scatter: a source of shape \[4\] does not cover/,
  ],
  [
    () => x.scatterReduce(0, int([[0]]), x, 'median' as never),
    /there is no reduction 'median'; there are sum,/,
  ],
  [() => indexAdd(x, 0, [0, 1, 1], x), /^indexAdd: a source of shape \[2, 3\] does not fit 3 slices/],
  [() => x.indexCopy(0, int([[0]]), x), /^indexCopy: indices must be a vector, got shape \[1, 1\]/],
  [() => x.dynamicSlice([0], [2, 2]), /^dynamicSlice: 1 positions and a block of shape \[2, 2\]/],
  [
    () => x.dynamicSlice([0, 0], [3, 1]),
    /^dynamicSlice: a block of shape \[3, 1\] does not fit into \[2, 3\]/,
  ],
  [() => x.dynamicSlice([0.5, 0], [1, 1]), /^dynamicSlice: positions are integers, got 0.5/],
  [() => x.dynamicSlice([tensor([0]), 0], [1, 1]), /^dynamicSlice: a position is a scalar array or a number/],
  [() => x.dynamicSlice([tensor(0), 0], [1, 1]), /^dynamicSlice: indices must be integers, got float32/],
  [() => select([x.gt(0)], []), /^select: 1 conditions for 0 choices/],
  [() => select([x], [x]), /^select: conditions must be bool, got float32/],
  [() => choose(int([0]), []), /^choose: needs at least one choice/],
  [() => oneHot(int([0]), 1.5), /^oneHot: the number of classes is an integer/],
  [() => oneHot(tensor([0]), 2), /^oneHot: indices must be integers, got float32/],
  [() => unravelIndex(int([0]), [2, 0]), /^unravelIndex: a shape of integers from 1 on/],
  [
    () => ravelMultiIndex([int([0])], [2, 3]),
    /^ravelMultiIndex: 1 arrays of positions for a shape of 2 axes/,
  ],
  [
    () => x.fillDiagonal(tensor([1, 2, 3])),
    /^fillDiagonal: values of shape \[3\] do not fill diagonals of shape \[2\]/,
  ],
])('refused: %s', (f, message) => {
  expect(f).toThrow(message);
});

test('ix: the block of some rows and columns', () => {
  const block = ix(tensor([true, true]), int([2, 0]));
  expect(block.map((at) => at.shape)).toEqual([
    [2, 1],
    [1, 2],
  ]);
  expect(x.index(...block).toArray()).toEqual([
    [3, 1],
    [6, 4],
  ]);
  expect(() => ix(x)).toThrow(/^ix: needs vectors, got shape \[2, 3\] as number 0/);
});

test('where and update agree', () => {
  const both = [where(x.gt(2), 0, x), x.update(x.gt(2)).set(0), x.maskedFill(x.gt(2), 0)];
  expect(both.map((b) => b.toArray())).toEqual(new Array(3).fill(both[0].toArray()));
});
