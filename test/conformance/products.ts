import { einsum } from '../../src/index.ts';
import type { Operation } from './operation.ts';

type Shape = readonly number[];

/** An operation on arrays of the given shapes. */
const on = (name: string, shapes: readonly Shape[], call: Operation['call']): Operation => ({
  name,
  operands: shapes.map((shape) => ({ shape })),
  call,
});

/** Sums of products. */
export const productOperations: readonly Operation[] = [
  on(
    'matmul',
    [
      [2, 3, 4],
      [4, 2],
    ],
    (a, b) => a.matmul(b),
  ),
  on(
    'matmul: of broadcast batches',
    [
      [2, 1, 3, 2],
      [3, 2, 2],
    ],
    (a, b) => a.matmul(b),
  ),
  on('dot', [[5], [5]], (a, b) => a.dot(b)),
  on(
    'mm',
    [
      [2, 3],
      [3, 4],
    ],
    (a, b) => a.mm(b),
  ),
  on('mv', [[2, 3], [3]], (a, b) => a.mv(b)),
  on(
    'bmm',
    [
      [2, 2, 3],
      [2, 3, 2],
    ],
    (a, b) => a.bmm(b),
  ),
  on('addmm', [[4], [2, 3], [3, 4]], (x, a, b) => x.addmm(a, b, { beta: 0.5, alpha: 2 })),
  on('addmv', [[2], [2, 3], [3]], (x, a, b) => x.addmv(a, b)),
  on(
    'baddbmm',
    [
      [2, 2],
      [2, 2, 3],
      [2, 3, 2],
    ],
    (x, a, b) => x.baddbmm(a, b),
  ),
  on(
    'addbmm',
    [
      [2, 2],
      [2, 2, 3],
      [2, 3, 2],
    ],
    (x, a, b) => x.addbmm(a, b),
  ),
  on('addr', [[2, 3], [2], [3]], (x, a, b) => x.addr(a, b, { alpha: -1 })),
  on(
    'tensordot',
    [
      [2, 3, 4],
      [4, 3, 2],
    ],
    (a, b) =>
      a.tensordot(b, [
        [1, 2],
        [1, 0],
      ]),
  ),
  on(
    'inner',
    [
      [2, 3],
      [4, 3],
    ],
    (a, b) => a.inner(b),
  ),
  on('outer', [[3], [4]], (a, b) => a.outer(b)),
  on(
    'kron',
    [
      [2, 3],
      [3, 2],
    ],
    (a, b) => a.kron(b),
  ),
  on('cross', [[4, 3], [3]], (a, b) => a.cross(b)),
  on(
    'vdot',
    [
      [2, 3],
      [3, 2],
    ],
    (a, b) => a.vdot(b),
  ),
  on(
    'vecdot',
    [
      [2, 1, 3],
      [4, 3],
    ],
    (a, b) => a.vecdot(b),
  ),
  on('convolve', [[6], [3]], (a, b) => a.convolve(b)),
  on('convolve: same', [[3], [6]], (a, b) => a.convolve(b, 'same')),
  on('correlate', [[6], [3]], (a, b) => a.correlate(b)),
  on('correlate: full', [[3], [6]], (a, b) => a.correlate(b, 'full')),
  on(
    'einsum',
    [
      [2, 3],
      [3, 4],
    ],
    (a, b) => einsum('ij,jk->ki', a, b),
  ),
  on('einsum: of one', [[3, 2, 3]], (a) => einsum('iji->j', a)),
  on(
    'einsum: of three',
    [
      [2, 3],
      [3, 4],
      [4, 2],
    ],
    (a, b, c) => einsum('ij,jk,kl->il', a, b, c),
  ),
  on(
    'einsum: of an ellipsis',
    [
      [2, 1, 3],
      [3, 3],
    ],
    (a, b) => einsum('...i,...i->...', a, b),
  ),
];
