import type { Tensor } from '../../src/index.ts';
import type { Operation } from './operation.ts';

type Call = Operation['call'];

/** An operation on a matrix with elements that are all different. */
const onMatrix = (name: string, call: Call, more: Partial<Operation> = {}): Operation => ({
  name,
  operands: [{ shape: [3, 5], values: 'distinct' }],
  call,
  ...more,
});

/** NaN in the place of small elements. */
const withHoles = (x: Tensor): Tensor => x.where(x.abs().gt(0.3), NaN);

const places = ({ values, indices }: { values: Tensor; indices: Tensor }): Tensor[] => [values, indices];

const positions = 'gives positions or truth values, which do not change with the operand';
const flat = { gradient: positions, jvp: positions };

const plain: readonly Operation[] = [
  onMatrix('sum', (x) => x.sum(1)),
  onMatrix('sum: of all', (x) => x.sum()),
  { name: 'sum: of integers', operands: [{ shape: [3, 4], dtype: 'int32' }], call: (x) => x.sum(0) },
  onMatrix('prod', (x) => x.prod(0, { keepDims: true })),
  { name: 'prod: with a zero', operands: [{ shape: [4], data: [2, 0, 3, -1] }], call: (x) => x.prod() },
  onMatrix('max', (x) => x.max(1)),
  onMatrix('min', (x) => x.min([0, 1])),
  onMatrix('aminmax', (x) => x.aminmax(0)),
  onMatrix('ptp', (x) => x.ptp(1)),
  { name: 'all', operands: [{ shape: [3, 4], dtype: 'bool' }], call: (x) => x.all(1) },
  { name: 'any', operands: [{ shape: [3, 4], dtype: 'bool' }], call: (x) => x.any(0) },
  { name: 'countNonzero', operands: [{ shape: [3, 4], dtype: 'int32' }], call: (x) => x.countNonzero(1) },
  onMatrix('mean', (x) => x.mean(-1)),
  onMatrix('var', (x) => x.var(1, { correction: 1 })),
  onMatrix('std', (x) => x.std(0)),
  onMatrix('stdMean', (x) => x.stdMean(1)),
  onMatrix('varMean', (x) => x.varMean(1)),
  {
    name: 'average',
    operands: [
      { shape: [3, 4], values: 'signed' },
      { shape: [4], values: 'positive' },
    ],
    call: (x, weights) => x.average(1, { weights }),
  },
  onMatrix('norm', (x) => x.norm(2, 1)),
  onMatrix('norm: of order 3', (x) => x.norm(3, 0)),
  onMatrix('norm: the largest', (x) => x.norm(Infinity, 1)),
  onMatrix('logsumexp', (x) => x.logsumexp(1)),
  onMatrix('softmax', (x) => x.softmax()),
  onMatrix('logSoftmax', (x) => x.logSoftmax(0)),
  onMatrix('argmax', (x) => x.argmax(1), { without: flat }),
  onMatrix('argmin', (x) => x.argmin(), { without: flat }),
];

const statistics: readonly Operation[] = [
  onMatrix('nansum', (x) => withHoles(x).nansum(1)),
  onMatrix('nanprod', (x) => withHoles(x).nanprod(1)),
  onMatrix('nanmean', (x) => withHoles(x).nanmean(1)),
  onMatrix('nanmax', (x) => withHoles(x).nanmax(1)),
  onMatrix('nanmin', (x) => withHoles(x).nanmin(1)),
  onMatrix('nanvar', (x) => withHoles(x).nanvar(1)),
  onMatrix('nanstd', (x) => withHoles(x).nanstd(1)),
  onMatrix('nanmedian', (x) => withHoles(x).nanmedian(1)),
  onMatrix('nanquantile', (x) => withHoles(x).nanquantile([0.2, 0.7], 1)),
  onMatrix('nanpercentile', (x) => withHoles(x).nanpercentile(60, 0)),
  onMatrix('nanargmax', (x) => withHoles(x).nanargmax(1), { without: flat }),
  onMatrix('nanargmin', (x) => withHoles(x).nanargmin(0), { without: flat }),
  onMatrix('nancumsum', (x) => withHoles(x).nancumsum(1)),
  onMatrix('nancumprod', (x) => withHoles(x).nancumprod(1)),
  onMatrix('quantile', (x) => x.quantile([0.1, 0.65], 1)),
  onMatrix('percentile', (x) => x.percentile(35, 0, { method: 'midpoint' })),
  onMatrix('median', (x) => x.median()),
  { name: 'mode', operands: [{ shape: [3, 6], dtype: 'int32' }], call: (x) => x.mode() },
  onMatrix('cov', (x) => x.cov()),
  onMatrix('corrcoef', (x) => x.corrcoef(), { tolerance: 1e-4 }),
];

const running: readonly Operation[] = [
  onMatrix('cumsum', (x) => x.cumsum(1)),
  onMatrix('cumsum: in columns, from the end', (x) => x.cumsum(0, { reverse: true })),
  onMatrix('cumprod', (x) => x.cumprod(1)),
  {
    name: 'cumprod: with a zero',
    operands: [{ shape: [4], data: [2, 0, 3, -1] }],
    call: (x) => x.cumprod(0),
  },
  onMatrix('cummax', (x) => places(x.cummax(1))),
  onMatrix('cummin', (x) => places(x.cummin(0, { reverse: true }))),
  onMatrix('logcumsumexp', (x) => x.logcumsumexp(1)),
  onMatrix('diff', (x) => x.diff(2, 1)),
  {
    name: 'trapezoid',
    operands: [
      { shape: [3, 5], values: 'signed' },
      { shape: [5], values: 'positive' },
    ],
    call: (y, x) => y.trapezoid({ x: x.cumsum() }),
  },
  onMatrix('cumulativeTrapezoid', (y) => y.cumulativeTrapezoid({ dx: 0.5, initial: 0 })),
  onMatrix('gradient', (f) => f.gradient(undefined, { edgeOrder: 2 })),
];

/** Reductions, statistics, running reductions and finite differences. */
export const reductionOperations: readonly Operation[] = [...plain, ...statistics, ...running];
