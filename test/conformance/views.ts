import {
  arange,
  atLeast1d,
  atLeast2d,
  atLeast3d,
  block,
  blockDiag,
  broadcastArrays,
  columnStack,
  concat,
  dstack,
  hstack,
  meshgrid,
  stack,
  type Tensor,
  vstack,
} from '../../src/index.ts';
import type { Operation } from './operation.ts';

type Call = Operation['call'];

const onMatrix = (name: string, call: Call): Operation => ({ name, operands: [{ shape: [3, 4] }], call });
const onCube = (name: string, call: Call): Operation => ({ name, operands: [{ shape: [2, 3, 4] }], call });
const onPair = (name: string, shapes: readonly (readonly number[])[], call: Call): Operation => ({
  name,
  operands: shapes.map((shape) => ({ shape })),
  call,
});

/** Arrays in another arrangement, joined and split. */
export const viewOperations: readonly Operation[] = [
  onMatrix('reshape', (x) => x.reshape([2, -1])),
  onCube('flatten', (x) => x.flatten(1)),
  onMatrix('ravel', (x) => x.ravel()),
  onMatrix('unflatten', (x) => x.unflatten(1, [2, -1])),
  onMatrix('transpose', (x) => x.transpose()),
  onCube('permute', (x) => x.permute([2, 0, 1])),
  onCube('moveaxis', (x) => x.moveaxis(0, -1)),
  onCube('swapaxes', (x) => x.swapaxes(0, 2)),
  onCube('mT', (x) => x.mT),
  onMatrix('squeeze', (x) => x.unsqueeze(1).squeeze(1)),
  onMatrix('unsqueeze', (x) => x.unsqueeze(0)),
  onMatrix('expandDims', (x) => x.expandDims([0, -1])),
  onMatrix('atLeast1d', (x) => atLeast1d(x)),
  onMatrix('atLeast2d', (x) => atLeast2d(x.at(0))),
  onMatrix('atLeast3d', (x) => atLeast3d(x)),
  onMatrix('slice', (x) => x.slice([null, null, -1], [1, null, 2])),
  onMatrix('narrow', (x) => x.narrow(1, 1, 2)),
  onMatrix('at', (x) => x.at(-1, 1)),
  onMatrix('flip', (x) => x.flip(1)),
  onMatrix('fliplr', (x) => x.fliplr()),
  onMatrix('flipud', (x) => x.flipud()),
  onMatrix('rot90', (x) => x.rot90()),
  onMatrix('roll', (x) => x.roll([1, -2], [0, 1])),
  onMatrix('broadcastTo', (x) => x.broadcastTo([2, 3, 4])),
  onMatrix('expand', (x) => x.expand([2, -1, -1])),
  onPair('broadcastArrays', [[3, 1], [4]], (a, b) => broadcastArrays(a, b)),
  onMatrix('diagonal', (x) => x.diagonal(1)),
  onMatrix('diag', (x) => x.diag(-1)),
  onMatrix('diagEmbed', (x) => x.diagEmbed(1)),
  onMatrix('trace', (x) => x.trace()),
  onMatrix('tril', (x) => x.tril(-1)),
  onMatrix('triu', (x) => x.triu(1)),
  onPair('fillDiagonal', [[3, 4], [3]], (x, v) => x.fillDiagonal(v)),
  onMatrix('pad', (x) =>
    x.pad(
      [
        [1, 0],
        [0, 2],
      ],
      0.5,
    ),
  ), // prettier-ignore
  onMatrix('pad: edge', (x) => x.pad(1, { mode: 'edge' })),
  onMatrix('pad: reflect', (x) => x.pad(2, { mode: 'reflect' })),
  onMatrix('pad: symmetric', (x) => x.pad(2, { mode: 'symmetric' })),
  onMatrix('pad: wrap', (x) => x.pad(2, { mode: 'wrap' })),
  onMatrix('tile', (x) => x.tile([2, 2])),
  onMatrix('repeat', (x) => x.repeat([2, 0, 1], 0)),
  onMatrix('repeatInterleave', (x) => x.repeatInterleave(2, 1)),
  onMatrix('unfold', (x) => x.unfold(1, 2)),
  onMatrix('slidingWindowView', (x) => x.slidingWindowView([2, 3])),
  onPair(
    'concat',
    [
      [3, 4],
      [2, 4],
    ],
    (a, b) => concat([a, b]),
  ),
  onPair(
    'stack',
    [
      [3, 4],
      [3, 4],
    ],
    (a, b) => stack([a, b], 1),
  ),
  onPair(
    'hstack',
    [
      [3, 4],
      [3, 2],
    ],
    (a, b) => hstack([a, b]),
  ),
  onPair('vstack', [[3, 4], [4]], (a, b) => vstack([a, b])),
  onPair(
    'dstack',
    [
      [3, 4],
      [3, 4],
    ],
    (a, b) => dstack([a, b]),
  ),
  onPair('columnStack', [[3, 4], [3]], (a, b) => columnStack([a, b])),
  onPair('blockDiag', [[3, 4], [2]], (a, b) => blockDiag(a, b)),
  onPair('block', [[2, 2], [2, 1], [3]], (a, b, c) => block([[a, b], [c]])),
  onPair('meshgrid', [[3], [4]], (a, b) => meshgrid([a, b])),
  onPair(
    'append',
    [
      [3, 4],
      [1, 4],
    ],
    (a, b) => a.append(b, 0),
  ),
  onPair(
    'insert',
    [
      [3, 4],
      [2, 4],
    ],
    (a, b) => a.insert([1, 1], b, 0),
  ),
  onMatrix('deleteAt', (x) => x.deleteAt([0, 2], 1)),
  onMatrix('split', (x) => x.split([1, 3], 1)),
  onMatrix('arraySplit', (x) => x.arraySplit(3, 1)),
  onMatrix('hsplit', (x) => x.hsplit(2)),
  onMatrix('vsplit', (x) => x.vsplit(3)),
  onMatrix('chunk', (x) => x.chunk(3, 1)),
  onMatrix('unstack', (x) => x.unstack(1)),
  onMatrix('unbind', (x: Tensor) => x.unbind().map((row, i) => row.mul(arange(4).add(i)))),
];
