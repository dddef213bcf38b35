import { describe, expect, test } from 'vitest';
import type { DType } from '../../src/graph/dtype.ts';
import * as nabla from '../../src/index.ts';
import { jit, type Tensor, tensor, vjp } from '../../src/index.ts';
import { expectClose } from '../support/close.ts';
import { computeOn } from '../support/device.ts';
import { type NumpyArray, type NumpyCase, numbersOf, numpyCases } from '../support/numpy_cases.ts';

// Shapes, indexing, joining, splitting and sorting against NumPy and PyTorch: values and gradients.

// The arguments differ by operation; each entry of the table knows its own.
type Args = readonly never[];
type Item = number | null | '...' | 'newaxis' | ['range', ...(number | null)[]] | ['array', number];
type Compute = (inputs: Tensor[], args: Args) => Tensor | Tensor[];

/** What stands in the fixture for the items of an index. */
const itemsOf = (items: readonly Item[], arrays: Tensor[]): nabla.Index[] =>
  items.map((item) => {
    if (!Array.isArray(item)) return item;
    if (item[0] === 'array') return arrays[item[1]];
    const [, start = null, end = null, step] = item;
    return [start, end, step ?? 1];
  });

/** Methods of the first input that take the arguments as they are. null stands for undefined. */
const method =
  (name: string): Compute =>
  ([x, ...rest], args) => {
    const f = (x as unknown as Record<string, (...a: unknown[]) => Tensor | Tensor[]>)[name];
    return f.apply(x, [...rest, ...args.map((a: unknown) => a ?? undefined)]);
  };
const plainMethods = [
  'moveaxis',
  'swapaxes',
  'permute',
  'unflatten',
  'ravel',
  'expandDims',
  'flip',
  'fliplr',
  'flipud',
  'rot90',
  'roll',
  'broadcastTo',
  'expand',
  'diagonal',
  'trace',
  'diag',
  'diagEmbed',
  'tril',
  'triu',
  'fillDiagonal',
  'pad',
  'tile',
  'repeat',
  'unfold',
  'slidingWindowView',
  'append',
  'deleteAt',
  'split',
  'arraySplit',
  'chunk',
  'unstack',
  'narrow',
  'hsplit',
  'vsplit',
  'take',
  'takeAlongAxis',
  'maskedSelect',
  'compress',
  'nonzero',
  'argwhere',
  'flatnonzero',
  'unique',
];

const inOrder = ({ values, indices }: nabla.Ordered): Tensor[] => [values, indices];

const table: Readonly<Record<string, Compute>> = {
  ...Object.fromEntries(plainMethods.map((name) => [name, method(name)])),
  atLeast: ([x], [rank]) => [nabla.atLeast1d, nabla.atLeast2d, nabla.atLeast3d][rank - 1](x),
  broadcastArrays: (xs) => nabla.broadcastArrays(...xs),
  hstack: (xs) => nabla.hstack(xs),
  vstack: (xs) => nabla.vstack(xs),
  dstack: (xs) => nabla.dstack(xs),
  columnStack: (xs) => nabla.columnStack(xs),
  insert: ([x, values], [index, axis]) => x.insert(index, values, axis ?? undefined),
  blockDiag: (xs) => nabla.blockDiag(...xs),
  meshgrid: (xs, [indexing]) => nabla.meshgrid(xs, { indexing }),
  indices: (_, [shape]) => nabla.indices(shape),
  index: ([x, ...arrays], [items]) => x.index(...itemsOf(items, arrays)),
  update: ([x, value, ...arrays], [kind, items]) =>
    x.update(...itemsOf(items, arrays))[kind as 'set' | 'add' | 'mul' | 'min' | 'max'](value),
  putAlongAxis: ([x, indices, values], [axis]) => x.putAlongAxis(indices, values, axis),
  gather: ([x, indices], [axis]) => x.gather(axis, indices),
  scatter: ([x, indices, source], [axis]) => x.scatter(axis, indices, source),
  scatterAdd: ([x, indices, source], [axis]) => x.scatterAdd(axis, indices, source),
  scatterReduce: ([x, indices, source], [axis, reduction, includeSelf]) =>
    x.scatterReduce(axis, indices, source, reduction, { includeSelf }),
  indexAdd: ([x, source], [axis, indices, alpha]) => x.indexAdd(axis, indices, source, { alpha }),
  indexCopy: ([x, source], [axis, indices]) => x.indexCopy(axis, indices, source),
  indexFill: ([x], [axis, indices, value]) => x.indexFill(axis, indices, value),
  maskedFill: ([x, mask, value], [shape]) => x.maskedFill(shape ? mask.reshape(shape) : mask, value),
  dynamicSlice: ([x, ...starts], [sizes]) => x.dynamicSlice(starts, sizes),
  dynamicUpdateSlice: ([x, block, ...starts]) => x.dynamicUpdateSlice(block, starts),
  choose: ([which, ...choices]) => nabla.choose(which, choices),
  select: ([a, b, x, y, otherwise]) => nabla.select([a, b], [x, y], otherwise),
  oneHot: ([x], [count, axis]) => nabla.oneHot(x, count, { axis }),
  mT: ([x]) => x.mT,
  unravelIndex: ([linear], [shape]) => nabla.unravelIndex(linear, shape),
  ravelMultiIndex: (along, [shape]) => nabla.ravelMultiIndex(along, shape),
  trilIndices: (_, [rows, columns, k]) => nabla.trilIndices(rows, columns, { k }),
  triuIndices: (_, [rows, columns, k]) => nabla.triuIndices(rows, columns, { k }),
  sort: ([x], [axis, descending]) => x.sort(axis, { descending }),
  argsort: ([x], [axis, descending]) => x.argsort(axis, { descending }),
  topk: ([x], [count, axis, largest]) => inOrder(x.topk(count, axis, { largest })),
  kthvalue: ([x], [k, axis, keepDims]) => inOrder(x.kthvalue(k, axis, { keepDims })),
  lexsort: (keys, [axis]) => nabla.lexsort(keys, axis),
  searchsorted: ([sorted, values], [right]) => sorted.searchsorted(values, { right }),
  bucketize: ([sorted, values], [right]) => values.bucketize(sorted, { right }),
  digitize: ([x, bins], [right]) => x.digitize(bins, { right }),
  uniqueAll: ([x], [axis]) => {
    const { values, indices, inverse, counts } = x.uniqueAll(axis ?? undefined);
    return [values, indices, inverse, counts];
  },
  intersect1d: ([a, b]) => nabla.intersect1d(a, b),
  setdiff1d: ([a, b]) => nabla.setdiff1d(a, b),
  union1d: ([a, b]) => nabla.union1d(a, b),
  isin: ([x, of], [invert]) => x.isin(of, { invert }),
  bincount: ([x, weights], [options]) => x.bincount({ ...(options as nabla.BincountOptions), weights }),
  histogram: ([x, edges], [options]) => {
    const { counts, edges: found } = x.histogram({
      ...(options as nabla.HistogramOptions),
      ...(edges && { bins: edges }),
    });
    return [counts, found];
  },
};

/** What needs values while the graph is made. */
const isEager = ({ op, args, inputs }: NumpyCase): boolean =>
  [
    'nonzero',
    'argwhere',
    'flatnonzero',
    'maskedSelect',
    'uniqueAll',
    'unique',
    'intersect1d',
    'setdiff1d',
    'union1d',
  ].includes(op) ||
  (op === 'bincount' && !Object.hasOwn(args[0] as object, 'length')) ||
  (['index', 'update'].includes(op) && inputs.some((input) => input.dtype === 'bool'));

const load = (array: NumpyArray, float: DType): Tensor =>
  tensor(numbersOf(array), { dtype: array.dtype ?? float, shape: array.shape });

const arrayOf = (result: Tensor | Tensor[]): Tensor[] => (Array.isArray(result) ? result : [result]);

function compareTo(expected: NumpyArray, actual: Tensor, what: string, rtol: number): void {
  expect(actual.shape, `${what}: shape`).toEqual(expected.shape);
  const numbers = numbersOf(expected);
  const top = numbers.reduce((t, x) => (Number.isFinite(x) ? Math.max(t, Math.abs(x)) : t), 0.01);
  expectClose(actual.dataSync(), numbers, { rtol, atol: rtol * top }, what);
  if (expected.dtype !== undefined) expect(actual.dtype, what).toBe(expected.dtype);
}

/** Inputs and the cotangents of the outputs. */
interface Given {
  readonly arrays: Tensor[];
  readonly changes: Tensor[];
}

const given = ({ inputs, cotangents }: NumpyCase, float: DType): Given => ({
  arrays: inputs.map((input) => load(input, float)),
  changes: cotangents.filter((c) => c !== null).map((c) => load(c, float)),
});

/** All outputs, then the gradients by all inputs that have one. */
function compute(
  { op, args, outputs, cotangents, gradients }: NumpyCase,
  { arrays, changes }: Given,
): Tensor[] {
  const run = (all: Tensor[]): Tensor[] => arrayOf(table[op](all, args as Args));
  const differentiated = arrays.filter((_, i) => gradients[i] !== null);
  if (differentiated.length === 0) return run(arrays);
  const floats = [...outputs.keys()].filter((i) => cotangents[i] !== null);
  let all: Tensor[] = [];
  const f = (...leaves: Tensor[]): Tensor[] => {
    const rest = [...leaves];
    all = run(arrays.map((x, i) => (gradients[i] === null ? x : rest.shift()!)));
    return floats.map((i) => all[i]);
  };
  const [values, pullback] = vjp(f, ...differentiated);
  const pulled = arrayOf(pullback(changes) as unknown as Tensor | Tensor[]);
  return [...all.map((x, i) => (cotangents[i] === null ? x : values[floats.indexOf(i)])), ...pulled];
}

function check({ name, outputs, gradients }: NumpyCase, results: readonly Tensor[], rtol: number): void {
  const expected = [...outputs, ...gradients.filter((gradient) => gradient !== null)];
  expect(results.length, `${name}: number of results`).toBe(expected.length);
  expected.forEach((array, i) => {
    const what = i < outputs.length ? `output ${i}` : `gradient ${i - outputs.length}`;
    compareTo(array, results[i], `${name}: ${what}`, rtol);
  });
}

/** As many cases make one jitted program: compiling takes longer than running. */
const together = 24;

const ops = [...new Set(numpyCases.map(({ op }) => op))];

test('the fixture covers every operation of the table', () => {
  expect(new Set(ops)).toEqual(new Set(Object.keys(table)));
  expect(numpyCases.length).toBeGreaterThan(700);
});

describe.each([
  { device: 'reference', float: 'float64', rtol: 1e-8, isJitted: false },
  { device: 'cpu', float: 'float32', rtol: 2e-6, isJitted: false },
  { device: 'cpu', float: 'float32', rtol: 2e-6, isJitted: true },
] as const)(
  'equal to NumPy and PyTorch on $device in $float, jitted: $isJitted',
  ({ device, float, rtol, isJitted }) => {
    computeOn(device);
    test.each(ops)('%s', (op) => {
      const cases = numpyCases.filter((c) => c.op === op && !(isJitted && isEager(c)));
      for (let from = 0; from < cases.length; from += together) {
        const some = cases.slice(from, from + together);
        const program = (...all: Given[]): Tensor[][] => all.map((one, i) => compute(some[i], one));
        const results = (isJitted ? jit(program) : program)(...some.map((one) => given(one, float)));
        some.forEach((one, i) => {
          check(one, results[i], rtol);
        });
      }
      expect(cases.length > 0 || isJitted).toBe(true);
    });
  },
);
