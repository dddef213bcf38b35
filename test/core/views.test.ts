import { describe, expect, test } from 'vitest';
import {
  arange,
  block,
  blockDiag,
  broadcastArrays,
  broadcastShapes,
  columnStack,
  concat,
  diag,
  hstack,
  indices,
  insert,
  jit,
  meshgrid,
  pad,
  roll,
  split,
  stack,
  type Tensor,
  tensor,
  tile,
  vmap,
  vstack,
  zeros,
} from '../../src/index.ts';

// Values and gradients are in numpy_arrays.test.ts; here: dtypes, transforms, what is refused.

const x = tensor([
  [1, 2, 3],
  [4, 5, 6],
]);
const int = (data: number[]): Tensor => tensor(data, { dtype: 'int32' });

test('views keep the dtype: bool, int32, float16', () => {
  for (const dtype of ['bool', 'int32', 'float16'] as const) {
    const y = x.cast(dtype);
    const views = [
      y.roll(1),
      y.rot90(),
      y.tril(),
      y.diagonal(),
      y.at(0).diag(1),
      y.pad(1, { mode: 'wrap' }),
      y.pad(1),
      tile(y, 2),
      y.repeat(2, 0),
      y.unfold(1, 2),
      y.insert(1, y.at(0), 0),
      y.deleteAt(0, 1),
      y.fillDiagonal(true),
      y.narrow(1, 0, 2),
      hstack([y, y]),
      blockDiag(y, y),
    ];
    expect(views.map((view) => view.dtype)).toEqual(views.map(() => dtype));
    expect(y.pad(1, { mode: 'edge' }).slice([1, -1], [1, -1]).toArray()).toEqual(y.toArray());
  }
  expect(tensor([[true, true]]).trace().dtype).toBe('int32');
});

test('what is joined meets in one dtype', () => {
  expect(hstack([int([1]), tensor([0.5])]).dtype).toBe('float32');
  expect(vstack([tensor([true]), int([3])]).toArray()).toEqual([[1], [3]]);
  expect(int([1]).append(tensor([true])).dtype).toBe('int32');
  expect(insert(int([1, 2]), 1, 7).toArray()).toEqual([1, 7, 2]);
});

test('extend a grid: meshgrid, indices, broadcastArrays', () => {
  const [a, b] = meshgrid([arange(2), tensor([0.5, 1, 2])], { indexing: 'ij' });
  expect([a.dtype, b.dtype, a.shape, b.shape]).toEqual(['int32', 'float32', [2, 3], [2, 3]]);
  expect(indices([2, 3]).at(1).toArray()).toEqual([
    [0, 1, 2],
    [0, 1, 2],
  ]);
  expect(indices([]).shape).toEqual([0]);
  expect(meshgrid([])).toEqual([]);
  expect(broadcastShapes([2, 1], [3], [])).toEqual([2, 3]);
  expect(broadcastArrays(x, tensor([1])).map((y) => y.shape)).toEqual([
    [2, 3],
    [2, 3],
  ]);
});

test('block: nested lists of blocks, as in NumPy', () => {
  const [a, b, c] = [zeros([2, 1]).add(7), zeros([3]), int([9])];
  expect(
    block([
      [x, a],
      [b, c],
    ]).toArray(),
  ).toEqual([
    [1, 2, 3, 7],
    [4, 5, 6, 7],
    [0, 0, 0, 9],
  ]);
  expect(block([c, int([1, 2])]).toArray()).toEqual([9, 1, 2]);
  expect([block(c).dtype, block([[c], [tensor([0.5])]]).shape]).toEqual(['int32', [2, 1]]);
  expect(block([[[x]], [[x]]]).shape).toEqual([2, 2, 3]);
  expect(() => block([[x], x])).toThrow(/^block: lists must not be empty, and all of one depth/);
  expect(() => block([])).toThrow(/^block: lists must not be empty/);
  expect(() => block([[x, b]])).toThrow(/^concat: shapes \[2, 3\], \[1, 3\]/);
});

test('parts put together again are the array', () => {
  const parts = [x.split(3, 1), x.arraySplit(2, 1), x.chunk(2, 1), x.split([1, 1, 2], 1)];
  for (const list of parts) expect(concat(list, 1).toArray()).toEqual(x.toArray());
  expect(stack(x.unstack(1), 1).toArray()).toEqual(x.toArray());
  expect(
    zeros([0, 2])
      .chunk(3)
      .map((part) => part.shape),
  ).toEqual([
    [0, 2],
    [0, 2],
    [0, 2],
  ]);
});

test('many pieces are read by positions, few are cut out: the same elements', () => {
  const long = arange(100);
  const counts = Array.from({ length: 100 }, (_, i) => i % 3);
  const expected = counts.flatMap((count, i) => new Array(count).fill(i));
  expect(long.repeat(counts).toArray()).toEqual(expected);
  expect(long.deleteAt(arange(50).mul(2).toArray() as number[]).toArray()).toEqual(
    Array.from({ length: 50 }, (_, i) => 2 * i + 1),
  );
  expect(
    int([1, 2, 3])
      .pad([[40, 40]], { mode: 'reflect' })
      .slice([40, 43])
      .toArray(),
  ).toEqual([1, 2, 3]);
});

test('vmap and jit of views', () => {
  const f = (row: Tensor): Tensor => row.pad(1, { mode: 'reflect' }).roll(2).diag(1);
  const rows = vmap(f)(x);
  expect(rows.shape).toEqual([2, 6, 6]);
  expect(rows.toArray()).toEqual([f(x.at(0)).toArray(), f(x.at(1)).toArray()]);
  expect(jit(vmap(f))(x).toArray()).toEqual(rows.toArray());
});

describe('refused', () => {
  test.each<[() => unknown, RegExp]>([
    [() => x.moveaxis([0, 1], 0), /^moveaxis: 2 axes cannot go to 1 places/],
    [() => x.moveaxis([0, -2], [0, 1]), /^moveaxis: an axis is named twice/],
    [() => x.moveaxis(0, 2), /^moveaxis: axis 2 does not exist/],
    [() => x.swapaxes(0, 2), /^swapaxes: axis 2 does not exist/],
    [() => tensor([1]).mT, /^mT: needs at least two axes/],
    [
      () => x.unflatten(1, [2, -1]),
      /^unflatten: axis 1 of \[2, 3\] has 3 elements and cannot become \[2, -1\]/,
    ],
    [() => x.expandDims([0, 0]), /^expandDims: an axis is named twice/],
    [() => x.expand([-1, 2, 3]), /^broadcastTo: /],
    [() => roll(x, [1, 2]), /^roll: several shifts \[1,2\] need as many axes/],
    [() => x.roll([1, 2, 3], [0, 1]), /^roll: 3 shifts for 2 axes/],
    [() => x.roll(0.5, 0), /^roll: shifts are integers, got 0.5/],
    [() => x.rot90(1, [0, 0]), /^rot90: the axes \[0, 0\] must differ/],
    [() => tensor([1]).rot90(), /^rot90: needs two axes, got shape \[1\]/],
    [() => x.diagonal(0, 1, 1), /^diagonal: the axes \[1, 1\] must differ/],
    [() => x.diagonal(0.5), /^diagonal: the offset is an integer, got 0.5/],
    [() => diag(zeros([2, 2, 2])), /^diag: needs a vector or a matrix, got shape \[2, 2, 2\]/],
    [() => tensor(1).diagEmbed(), /^diagEmbed: needs an axis, got a scalar/],
    [() => tensor([1]).tril(), /^tril: needs at least two axes, got shape \[1\]/],
    [() => x.pad([[1, 1]]), /^pad: 1 widths for an array of shape \[2, 3\]/],
    [() => x.pad([1.5, 0] as never), /^pad: widths are pairs of integers \[before, after\], got \[1.5,0\]/],
    [
      () =>
        x.pad([
          [-3, 0],
          [0, 0],
        ]),
      /^pad: \[-3, 0\] cuts more than axis 0 of \[2, 3\] has/,
    ],
    [
      () => x.pad([-1, 0], { mode: 'edge' }),
      /^pad: mode 'edge' takes widths from 0 on, got \[-1, 0\]; cut with slice/,
    ],
    [
      () => pad(zeros([0]), 1, { mode: 'wrap' }),
      /^pad: axis 0 of \[0\] is empty: mode 'wrap' has nothing to copy/,
    ],
    [
      () => x.pad(1, { mode: 'mirror' as never }),
      /^pad: there is no mode 'mirror'; there are constant, edge,/,
    ],
    [() => x.tile([-1]), /^tile: counts are integers from 0 on, got -1/],
    [() => x.repeat([1, 2, 3], 0), /^repeat: 3 counts for the 2 elements of axis 0/],
    [() => x.repeat(1.5), /^repeat: counts are integers from 0 on, got 1.5/],
    [() => x.repeat(tensor([1, 2]), 0), /^repeat: needs an array of integers, got float32/],
    [() => x.unfold(1, 4), /^unfold: a window of 4 does not fit into axis 1 of \[2, 3\]/],
    [() => x.unfold(1, 2, 0), /^unfold: the step is an integer from 1 on, got 0/],
    [() => x.slidingWindowView(2), /^slidingWindowView: 1 sizes for 2 axes/],
    [() => x.slidingWindowView([1, 1], [0, 0]), /^slidingWindowView: an axis is named twice/],
    [
      () => split(x, 2, 1),
      /^split: axis 1 of \[2, 3\] cannot be cut into 2 equal parts; arraySplit\(\) and chunk\(\)/,
    ],
    [() => x.split(0), /^split: the number of parts is an integer from 1 on, got 0/],
    [() => x.chunk(1.5), /^chunk: the number of parts is an integer from 1 on, got 1.5/],
    [() => tensor([1]).vsplit(1), /^vsplit: needs at least two axes/],
    [() => x.narrow(1, 2, 2), /^narrow: 2 elements from 2 on do not exist on axis 1 of \[2, 3\]/],
    [() => x.insert(3, 0, 0), /^insert: position 3 does not exist on an axis of extent 2/],
    [
      () => x.insert([0, 1], zeros([3, 3]), 0),
      /^insert: values of shape \[3, 3\] do not fit \[2, 3\] at 2 positions/,
    ],
    [() => int([1]).insert(0, 0.5), /^insert: 0.5 does not fit into int32/],
    [() => x.deleteAt(2, 0), /^deleteAt: position 2 does not exist on an axis of extent 2/],
    [() => x.append(zeros([2]), 0), /^concat: shapes \[2, 3\], \[2\] must be equal but for axis 0/],
    [() => hstack([]), /^hstack: needs at least one array/],
    [() => columnStack([x, zeros([3])]), /^concat: shapes/],
    [
      () => blockDiag(zeros([1, 1, 1])),
      /^blockDiag: needs matrices, vectors or scalars, got shape \[1, 1, 1\]/,
    ],
    [() => meshgrid([], { indexing: 'yx' as never }), /^meshgrid: indexing is 'xy' or 'ij', got 'yx'/],
    [() => x.pad(1, { modus: 'edge' } as never), /^pad: unknown option 'modus'; options are mode, value/],
    [() => meshgrid([x]), /^meshgrid: needs vectors or scalars, got shape \[2, 3\]/],
    [() => broadcastArrays(x, zeros([2])), /^broadcastArrays: shapes \[2, 3\] and \[2\] do not broadcast/],
  ])('%s', (f, message) => {
    expect(f).toThrow(message);
  });
});
