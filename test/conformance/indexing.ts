import {
  choose,
  ix,
  lexsort,
  oneHot,
  ravelMultiIndex,
  select,
  stopGradient,
  type Tensor,
  tensor,
  unravelIndex,
} from '../../src/index.ts';
import type { Operand, Operation } from './operation.ts';

type Call = Operation['call'];

const matrix: Operand = { shape: [3, 4] };
/** Positions with repeats, of either sign, the last one outside. */
const rows: Operand = { shape: [4], dtype: 'int32', data: [2, 0, -1, 7] };
const columns: Operand = { shape: [4], dtype: 'int32', data: [1, -4, 3, 1] };
const places: Operand = { shape: [3, 2], dtype: 'int32', data: [3, 0, 1, 1, 2, -4] };
const start: Operand = { shape: [], dtype: 'int32', data: [1] };
const mask: Operand = { shape: [3, 4], dtype: 'bool' };

const onMatrix = (name: string, others: readonly Operand[], call: Call, more: Partial<Operation> = {}) => ({
  name,
  operands: [matrix, ...others],
  call,
  ...more,
});

/** A mask that is known: how many elements it chooses must be. */
const known = (): Tensor =>
  tensor(Uint8Array.from([1, 0, 0, 1, 1, 0, 1, 0, 0, 0, 1, 1]), { dtype: 'bool', shape: [3, 4] });
const flat = 'gives positions, which do not change with the operand';

/** Elements by their positions. */
export const indexOperations: readonly Operation[] = [
  onMatrix('index', [rows, columns], (x, i, j) => x.index(i, j)),
  onMatrix('index: a range beside', [columns], (x, j) => x.index([null, null, -1], j)),
  onMatrix('index: of integers', [rows], (x, i) => x.cast('int32').index(i)),
  ...(['set', 'add', 'mul', 'min', 'max'] as const).flatMap((kind): Operation[] => [
    onMatrix(`update: ${kind}`, [{ shape: [4, 4] }, rows], (x, v, i) => x.update(i)[kind](v)),
    onMatrix(`update: ${kind} at a slice`, [{ shape: [2, 4] }], (x, v) => x.update([0, null, 2])[kind](v)),
    onMatrix(`update: ${kind} under a mask`, [{ shape: [] }, mask], (x, v, m) => x.update(m)[kind](v)),
  ]),
  onMatrix('ix', [rows, columns], (x, i, j) => x.index(...ix(i, j))),
  onMatrix('take', [columns], (x, j) => x.take(j, 1)),
  onMatrix('indexSelect', [rows], (x, i) => x.indexSelect(0, i)),
  onMatrix('takeAlongAxis', [places], (x, i) => x.takeAlongAxis(i, 1)),
  onMatrix('gather', [places], (x, i) => x.gather(1, i)),
  onMatrix('putAlongAxis', [places, { shape: [3, 2] }], (x, i, v) => x.putAlongAxis(i, v, 1)),
  onMatrix('scatter', [places, { shape: [3, 2] }], (x, i, v) => x.scatter(1, i, v)),
  onMatrix('scatterAdd', [places, { shape: [3, 2] }], (x, i, v) => x.scatterAdd(1, i, v)),
  ...(['sum', 'prod', 'mean', 'amax', 'amin'] as const).map((reduction) =>
    onMatrix(`scatterReduce: ${reduction}`, [places, { shape: [3, 2] }], (x, i, v) =>
      x.scatterReduce(1, i, v, reduction, { includeSelf: false }),
    ),
  ),
  onMatrix('indexAdd', [rows, { shape: [4, 4] }], (x, i, v) => x.indexAdd(0, i, v)),
  onMatrix('indexCopy', [rows, { shape: [4, 4] }], (x, i, v) => x.indexCopy(0, i, v)),
  onMatrix('indexFill', [rows], (x, i) => x.indexFill(0, i, 5)),
  onMatrix('maskedFill', [mask, { shape: [] }], (x, m, v) => x.maskedFill(m, v)),
  onMatrix('mask', [], (x) => x.mask(known())),
  onMatrix('maskedSelect', [], (x) => x.maskedSelect(known())),
  onMatrix('compress', [], (x) => x.compress([true, false, true], 0)),
  onMatrix('nonzero', [], (x) => x.gt(0).nonzero({ size: 5 }), { without: { gradient: flat, jvp: flat } }),
  onMatrix('argwhere', [], (x) => x.gt(0).argwhere({ size: 5 }), { without: { gradient: flat, jvp: flat } }),
  onMatrix('flatnonzero', [], (x) => x.gt(0).flatnonzero({ size: 5 }), {
    without: { gradient: flat, jvp: flat },
  }),
  onMatrix('dynamicSlice', [start], (x, i) => x.dynamicSlice([i, 0], [2, 3])),
  onMatrix('dynamicUpdateSlice', [{ shape: [2, 3] }, start], (x, v, i) => x.dynamicUpdateSlice(v, [i, i])),
  onMatrix('select', [mask, matrix], (x, m, y) => select([m], [x], y)),
  onMatrix('choose', [matrix, { shape: [3, 4], dtype: 'int32' }], (x, y, i) => choose(i, [x, y, 1])),
  { name: 'oneHot', operands: [rows], call: (i) => oneHot(i, 3) },
  { name: 'unravelIndex', operands: [places], call: (i) => unravelIndex(i, [2, 3]) },
  { name: 'ravelMultiIndex', operands: [rows, columns], call: (i, j) => ravelMultiIndex([i, j], [3, 4]) },
];

const distinct: Operand = { shape: [3, 5], values: 'distinct' };
const ascending: Operand = { shape: [5], data: [-1.5, -0.5, 0, 0.75, 1.25] };
const numbers: Operand = { shape: [6], dtype: 'int32', data: [2, 0, 2, 5, 1, 2] };
const both = ({ values, indices }: { values: Tensor; indices: Tensor }): Tensor[] => [values, indices];

const ofOrder = (name: string, operands: readonly Operand[], call: Call): Operation => ({
  name,
  operands,
  call,
});
/** What gives positions or truth values. */
const discrete = (name: string, operands: readonly Operand[], call: Call): Operation => ({
  name,
  operands,
  call,
  without: operands.some(({ dtype }) => dtype === undefined) ? { gradient: flat, jvp: flat } : {},
});

/** Orders, positions in sorted arrays, sets and counts. */
export const sortOperations: readonly Operation[] = [
  ofOrder('sort', [distinct], (x) => x.sort()),
  ofOrder('sort: descending', [distinct], (x) => x.sort(0, { descending: true })),
  ofOrder('sort: of integers with ties', [numbers], (x) => x.sort(0, { descending: true })),
  ofOrder('topk', [distinct], (x) => both(x.topk(2))),
  ofOrder('topk: smallest', [distinct], (x) => both(x.topk(2, 0, { largest: false }))),
  ofOrder('kthvalue', [distinct], (x) => both(x.kthvalue(2))),
  ofOrder('partition', [distinct], (x) => x.partition(2)),
  ofOrder('unique', [{ shape: [6], values: 'distinct' }], (x) => x.unique(undefined, { size: 4 })),
  ofOrder(
    'histogram: weights',
    [{ shape: [6], values: 'distinct' }, { shape: [6] }],
    (x, weights) => stopGradient(x).histogram({ bins: 3, range: [-2, 2], weights }).counts,
  ),
  ofOrder('bincount', [numbers, { shape: [6] }], (x, weights) => x.bincount({ weights, length: 4 })),
  discrete('argsort', [distinct], (x) => x.argsort(-1, { descending: true })),
  discrete('argpartition', [distinct], (x) => x.argpartition(2, 0)),
  discrete('lexsort', [numbers, numbers], (a, b) => lexsort([a, b.neg()])),
  discrete('searchsorted', [ascending, { shape: [2, 3] }], (s, v) => s.searchsorted(v)),
  discrete('digitize', [{ shape: [2, 3] }, ascending], (x, bins) => x.digitize(bins)),
  discrete('bucketize', [{ shape: [2, 3] }, ascending], (x, bins) => x.bucketize(bins)),
  discrete('isin', [numbers, { shape: [2], dtype: 'int32', data: [2, 5] }], (x, of) => x.isin(of)),
];
