import {
  block,
  blockDiag,
  broadcastArrays,
  concat,
  dstack,
  hstack,
  meshgrid,
  stack,
  type Tensor,
  vstack,
} from '../../src/index.ts';
import type { Operand, Operation } from './operation.ts';

type Call = Operation['call'];

const on = (shape: readonly number[], name: string, call: Call): Operation => ({
  name,
  operands: [{ shape }],
  call,
});
const onVector = (name: string, call: Call) => on([5], name, call);
const onMatrix = (name: string, call: Call) => on([3, 4], name, call);
const onCube = (name: string, call: Call) => on([2, 3, 4], name, call);
const onEmpty = (name: string, call: Call) => on([0, 4], name, call);
const onScalar = (name: string, call: Call) => on([], name, call);
const onSeveral = (name: string, shapes: readonly (readonly number[])[], call: Call): Operation => ({
  name,
  operands: shapes.map((shape) => ({ shape })),
  call,
});

const truths: Operand = { shape: [3, 4], dtype: 'bool' };
const onTruths = (name: string, call: Call): Operation => ({ name, operands: [truths], call });

/** Squares: what follows a view, so that its second derivative is not zero everywhere. */
const squared = (x: Tensor): Tensor => x.mul(x);

/** What views do with negative axes and steps, empty arrays, scalars, bools, and one after the other. */
export const arrangementOperations: readonly Operation[] = [
  onCube('reshape: of what is not in order', (x) => squared(x.transpose([2, 0, 1]).reshape([4, -1]))),
  onEmpty('reshape: of nothing', (x) => x.reshape([2, 0, 3])),
  onScalar('reshape: of a scalar', (x) => squared(x.reshape([1, 1]))),
  onCube('flatten: from behind', (x) => x.flatten(-2, -1)),
  onCube('transpose: negative axes', (x) => squared(x.transpose([-1, 0, -2]))),
  onScalar('transpose: of a scalar', (x) => x.transpose()),
  onCube('moveaxis: several', (x) => x.moveaxis([0, 1], [-1, 0])),
  on([1, 3, 1], 'squeeze: all', (x) => squared(x.squeeze())),
  on([1, 3, 1], 'squeeze: from behind', (x) => x.squeeze(-1)),
  onMatrix('slice: backwards with steps', (x) => squared(x.slice([null, null, -2], [-1, 0, -2]))),
  onMatrix('slice: to nothing', (x) => x.slice([2, 1])),
  onMatrix('slice: bounds outside', (x) => x.slice([-10, 10], [1, 100, 3])),
  onMatrix('slice: of a slice', (x) => squared(x.slice(null, [null, null, -1]).slice([1, null], [0, 3, 2]))),
  onMatrix('narrow: nothing', (x) => x.narrow(0, 1, 0)),
  onMatrix('narrow: from behind', (x) => x.narrow(-1, -3, 2)),
  onCube('at: from behind', (x) => squared(x.at(-1, -2))),
  onCube('flip: all axes', (x) => squared(x.flip())),
  onCube('flip: two axes', (x) => x.flip([0, -1])),
  onCube('rot90: backwards between other axes', (x) => x.rot90(-1, [2, 0])),
  onMatrix('rot90: thrice', (x) => squared(x.rot90(3))),
  onMatrix('roll: of the flattened array', (x) => squared(x.roll(-5))),
  onMatrix('roll: around many times', (x) => x.roll(11, -1)),
  onEmpty('roll: of nothing', (x) => x.roll(1, 0)),
  onTruths('roll: of bools', (x) => x.roll(1, 1)),
  on([3, 1], 'broadcastTo: both ways', (x) => squared(x.broadcastTo([2, 3, 4]))),
  on([1, 4], 'broadcastTo: nothing', (x) => x.broadcastTo([0, 4])),
  onScalar('broadcastTo: of a scalar', (x) => squared(x.broadcastTo([2, 3]))),
  onSeveral('broadcastArrays: three', [[3, 1], [], [2, 1, 4]], (a, b, c) =>
    broadcastArrays(a, b, c).map((x) => squared(x)),
  ),
  onCube('diagonal: of other axes', (x) => squared(x.diagonal(-1, -1, 0))),
  onMatrix('diagonal: outside', (x) => x.diagonal(7)),
  onVector('diag: of a vector', (x) => squared(x.diag(-2))),
  onCube('diagEmbed: below', (x) => x.diagEmbed(-2)),
  onCube('trace: of other axes', (x) => squared(x.trace(1, 1, 2))),
  onCube('tril: of batches', (x) => squared(x.tril(1))),
  onCube('triu: of batches', (x) => squared(x.triu(-1))),
  onMatrix('triu: nothing is left', (x) => x.triu(9)),
  onTruths('tril: of bools', (x) => x.tril()),
  onSeveral('fillDiagonal: off the middle', [[3, 4], []], (x, v) => squared(x.fillDiagonal(v, 1))),
  onMatrix('pad: negative widths', (x) =>
    squared(
      x.pad([
        [-1, 2],
        [1, -2],
      ]),
    ),
  ),
  onEmpty('pad: of nothing', (x) => x.pad(1, 2)),
  onVector('pad: reflect farther than the array', (x) => squared(x.pad([[11, 6]], { mode: 'reflect' }))),
  onVector('pad: symmetric farther than the array', (x) => x.pad([[7, 12]], { mode: 'symmetric' })),
  onVector('pad: wrap farther than the array', (x) => squared(x.pad([[9, 7]], { mode: 'wrap' }))),
  onCube('pad: edge on some axes', (x) =>
    x.pad(
      [
        [0, 0],
        [2, 0],
        [0, 1],
      ],
      { mode: 'edge' },
    ),
  ),
  onTruths('pad: of bools', (x) => x.pad(1, 1)),
  onVector('tile: with new axes', (x) => squared(x.tile([2, 1, 3]))),
  onMatrix('tile: no times', (x) => x.tile([0, 2])),
  onMatrix('repeat: of the flattened array', (x) => squared(x.repeat(2))),
  onMatrix('repeat: no times', (x) => x.repeat(0, 1)),
  onCube('repeat: an axis from behind', (x) => squared(x.repeat([1, 3, 0, 2], -1))),
  onVector('unfold: apart', (x) => squared(x.unfold(0, 2, 3))),
  onVector('unfold: overlapping', (x) => squared(x.unfold(-1, 3, 1))),
  onCube('slidingWindowView: one axis from behind', (x) => squared(x.slidingWindowView(2, -2))),
  onSeveral(
    'concat: with nothing',
    [
      [3, 0],
      [3, 2],
      [3, 1],
    ],
    (a, b, c) => squared(concat([a, b, c], -1)),
  ),
  onMatrix('concat: with itself', (x) => squared(concat([x, x.flip(0), x], 1))),
  {
    name: 'concat: of different dtypes',
    operands: [{ shape: [2, 4] }, { shape: [1, 4], dtype: 'int32' }, { shape: [3, 4], dtype: 'bool' }],
    call: (a, b, c) => concat([a, b, c]),
  },
  onSeveral('stack: of scalars', [[], []], (a, b) => squared(stack([a, b, a]))),
  onSeveral('stack: last', [[3], [3]], (a, b) => stack([a, b], -1)),
  onSeveral('hstack: of vectors', [[3], [2]], (a, b) => squared(hstack([a, b]))),
  onSeveral('vstack: of vectors', [[3], [3]], (a, b) => squared(vstack([a, b]))),
  onSeveral('dstack: of vectors', [[3], [3]], (a, b) => squared(dstack([a, b]))),
  onSeveral('blockDiag: of three', [[2, 3], [], [0, 2]], (a, b, c) => squared(blockDiag(a, b, c))),
  onSeveral('block: of two rows', [[2, 3], [2, 1], [4]], (a, b, c) =>
    squared(block([[a, b], [c.reshape([1, 4])]])),
  ),
  onSeveral('meshgrid: ij of three', [[2], [3], [1]], (a, b, c) =>
    meshgrid([a, b, c], { indexing: 'ij' }).map((x) => squared(x)),
  ),
  onSeveral('append: of the flattened arrays', [[3, 4], [2]], (a, b) => squared(a.append(b))),
  onSeveral(
    'insert: a block at one place',
    [
      [3, 4],
      [2, 3],
    ],
    (a, b) => squared(a.insert(-1, b, 1)),
  ),
  onSeveral('insert: into the flattened array', [[3, 4], [3]], (a, b) => squared(a.insert([0, 5, 12], b))),
  onMatrix('deleteAt: of the flattened array', (x) => squared(x.deleteAt([-1, 0, 5]))),
  onMatrix('split: overlapping positions', (x) => x.split([3, 1, -1], 1).map((part) => squared(part))),
  onVector('arraySplit: more parts than elements', (x) => x.arraySplit(7)),
  onVector('chunk: fewer parts than asked', (x) => x.chunk(4).map((part) => squared(part))),
  onCube('unstack: from behind', (x) => x.unstack(-1).map((part, i) => squared(part).mul(i + 1))),
];
