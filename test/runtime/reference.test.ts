import { describe, expect, test } from 'vitest';
import * as g from '../../src/graph/build.ts';
import type { DType, TypedArray } from '../../src/graph/dtype.ts';
import type { Node } from '../../src/graph/node.ts';
import type { BinaryKind, UnaryKind } from '../../src/graph/vocabulary.ts';
import { evaluateReference } from '../../src/runtime/reference/evaluate.ts';

const constructors = {
  float32: Float32Array,
  float64: Float64Array,
  int32: Int32Array,
  uint32: Uint32Array,
  bool: Uint8Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
};

const array = (values: readonly number[], shape: readonly number[], dtype: DType = 'float64'): Node =>
  g.literal(constructors[dtype].from(values), shape, dtype);
const vector = (values: readonly number[], dtype: DType = 'float64'): Node =>
  array(values, [values.length], dtype);
const count = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

const run = (node: Node): number[] => [
  ...evaluateReference([node], () => {
    throw new Error('no inputs expected');
  }).get(node)!,
];

const unary = (kind: UnaryKind, values: readonly number[], dtype: DType = 'float64'): number[] =>
  run(g.unary(kind, vector(values, dtype)));
const binary = (
  kind: BinaryKind,
  a: readonly number[],
  b: readonly number[],
  dtype: DType = 'float64',
): number[] => run(g.binary(kind, vector(a, dtype), vector(b, dtype)));

describe('unary', () => {
  test('float kinds equal their definitions', () => {
    expect(unary('neg', [1, -2, NaN])).toEqual([-1, 2, NaN]);
    expect(unary('abs', [-3, 3, -Infinity])).toEqual([3, 3, Infinity]);
    expect(unary('sign', [-3, 0, 3, NaN])).toEqual([-1, 0, 1, NaN]);
    expect(unary('exp', [0, 1, -Infinity])).toEqual([1, Math.E, 0]);
    expect(unary('log', [1, Math.E, 0, -1])).toEqual([0, 1, -Infinity, NaN]);
    expect(unary('expm1', [1e-20])).toEqual([1e-20]);
    expect(unary('log1p', [1e-20, -1])).toEqual([1e-20, -Infinity]);
    expect(unary('sin', [0])).toEqual([0]);
    expect(unary('cos', [0, Infinity])).toEqual([1, NaN]);
    expect(unary('tanh', [0, 1000, -1000])).toEqual([0, 1, -1]);
    expect(unary('sigmoid', [0, 1000, -1000])).toEqual([0.5, 1, 0]);
    expect(unary('relu', [-1, 2, NaN])).toEqual([0, 2, NaN]);
    expect(unary('sqrt', [4, -1])).toEqual([2, NaN]);
    expect(unary('rsqrt', [4, 0])).toEqual([0.5, Infinity]);
    expect(unary('floor', [-1.5, 1.5])).toEqual([-2, 1]);
    expect(unary('ceil', [-1.5, 1.5])).toEqual([-1, 2]);
    // erf(0.5) from Abramowitz and Stegun, table 7.1.
    expect(unary('erf', [0.5])[0]).toBeCloseTo(0.5204998778, 9);
  });

  test('round goes half to even and keeps huge and infinite values', () => {
    expect(unary('round', [0.5, 1.5, 2.5, -0.5, -1.5, 2.4, 2.6, -2.6, 1e300, Infinity, NaN])).toEqual([
      0,
      2,
      2,
      -0,
      -2,
      2,
      3,
      -3,
      1e300,
      Infinity,
      NaN,
    ]);
  });

  test('integers wrap', () => {
    expect(unary('neg', [-0x80000000, 5], 'int32')).toEqual([-0x80000000, -5]);
    expect(unary('neg', [1], 'uint32')).toEqual([0xffffffff]);
    expect(unary('abs', [-0x80000000, -5], 'int32')).toEqual([-0x80000000, 5]);
    expect(unary('sign', [-7, 0, 7], 'int32')).toEqual([-1, 0, 1]);
    expect(unary('relu', [-7, 7], 'int32')).toEqual([0, 7]);
    expect(unary('not', [0, -1], 'int32')).toEqual([-1, 0]);
    expect(unary('not', [0], 'uint32')).toEqual([0xffffffff]);
    expect(unary('not', [0, 1], 'bool')).toEqual([1, 0]);
  });

  test('float32 results are rounded to float32', () => {
    expect(unary('exp', [1], 'float32')).toEqual([Math.fround(Math.E)]);
  });
});

describe('binary', () => {
  test('floats', () => {
    expect(binary('add', [1, Infinity], [2, -Infinity])).toEqual([3, NaN]);
    expect(binary('sub', [1], [2])).toEqual([-1]);
    expect(binary('mul', [3], [-2])).toEqual([-6]);
    expect(binary('div', [1, 1, 0], [4, 0, 0])).toEqual([0.25, Infinity, NaN]);
    expect(binary('rem', [7.5, -7.5, 7.5, 1], [2, 2, -2, 0])).toEqual([1.5, -1.5, 1.5, NaN]);
    expect(binary('pow', [2, 2, -8, 0, NaN], [10, -1, 0.5, 0, 0])).toEqual([1024, 0.5, NaN, 1, 1]);
    expect(binary('pow', [1, -1, 1], [NaN, Infinity, -Infinity])).toEqual([1, 1, 1]);
    expect(binary('max', [1, NaN, 2], [2, 1, NaN])).toEqual([2, NaN, NaN]);
    expect(binary('min', [1, NaN, 2], [2, 1, NaN])).toEqual([1, NaN, NaN]);
  });

  test('int32 wraps, divides towards zero and by zero gives 0', () => {
    expect(binary('add', [0x7fffffff], [1], 'int32')).toEqual([-0x80000000]);
    expect(binary('sub', [-0x80000000], [1], 'int32')).toEqual([0x7fffffff]);
    expect(binary('mul', [0x10001, 123456789], [0x10001, 987654321], 'int32')).toEqual([131073, -67153019]);
    expect(binary('div', [7, -7, 7, 5, -0x80000000], [2, 2, -2, 0, -1], 'int32')).toEqual([
      3, -3, -3, 0, -0x80000000,
    ]);
    expect(binary('rem', [7, -7, 7, 5], [3, 3, -3, 0], 'int32')).toEqual([1, -1, 1, 0]);
    expect(binary('max', [-1], [1], 'int32')).toEqual([1]);
    expect(binary('pow', [3, 2, 7, 0, 0, 10], [4, 31, 0, 0, 5, 10], 'int32')).toEqual([
      81, -0x80000000, 1, 1, 0, 1410065408,
    ]);
    expect(binary('pow', [1, -1, -1, 2, 0], [-3, -3, -4, -1, -1], 'int32')).toEqual([1, -1, 1, 0, 0]);
  });

  test('uint32', () => {
    expect(binary('sub', [0], [1], 'uint32')).toEqual([0xffffffff]);
    expect(binary('mul', [0xffffffff], [0xffffffff], 'uint32')).toEqual([1]);
    expect(binary('div', [0xffffffff, 1], [2, 0], 'uint32')).toEqual([0x7fffffff, 0]);
    expect(binary('rem', [0xffffffff], [10], 'uint32')).toEqual([5]);
    expect(binary('min', [0xffffffff], [1], 'uint32')).toEqual([1]);
    expect(binary('pow', [3, 0xffffffff], [20, 3], 'uint32')).toEqual([3486784401, 0xffffffff]);
  });

  test('bits: shr is arithmetic on int32 and logical on uint32, counts are modulo 32', () => {
    expect(binary('shr', [-8, -8], [1, 33], 'int32')).toEqual([-4, -4]);
    expect(binary('shr', [0xfffffff8], [1], 'uint32')).toEqual([0x7ffffffc]);
    expect(binary('shl', [1, 1, 3], [31, 32, 31], 'int32')).toEqual([-0x80000000, 1, -0x80000000]);
    expect(binary('shl', [1], [31], 'uint32')).toEqual([0x80000000]);
    expect(binary('and', [12], [10], 'int32')).toEqual([8]);
    expect(binary('or', [0x80000000], [1], 'uint32')).toEqual([0x80000001]);
    expect(binary('xor', [0, 0, 1, 1], [0, 1, 0, 1], 'bool')).toEqual([0, 1, 1, 0]);
    expect(binary('and', [0, 0, 1, 1], [0, 1, 0, 1], 'bool')).toEqual([0, 0, 0, 1]);
  });
});

describe('compare, select, conversions', () => {
  test('only ne holds for NaN', () => {
    const a = vector([1, 2, 3, NaN]);
    const b = vector([2, 2, 2, NaN]);
    expect(run(g.compare('eq', a, b))).toEqual([0, 1, 0, 0]);
    expect(run(g.compare('ne', a, b))).toEqual([1, 0, 1, 1]);
    expect(run(g.compare('lt', a, b))).toEqual([1, 0, 0, 0]);
    expect(run(g.compare('le', a, b))).toEqual([1, 1, 0, 0]);
  });

  test('select', () => {
    expect(run(g.select(vector([1, 0], 'bool'), vector([1, 2]), vector([3, 4])))).toEqual([1, 4]);
  });

  test('cast truncates and saturates from float, wraps between integers', () => {
    const floats = vector([1.9, -1.9, NaN, 1e20, -1e20, 3e9]);
    expect(run(g.cast(floats, 'int32'))).toEqual([1, -1, 0, 0x7fffffff, -0x80000000, 0x7fffffff]);
    expect(run(g.cast(floats, 'uint32'))).toEqual([1, 0, 0, 0xffffffff, 0, 3000000000]);
    expect(run(g.cast(vector([0, -0, 0.5, NaN]), 'bool'))).toEqual([0, 0, 1, 1]);
    expect(run(g.cast(vector([-1], 'int32'), 'uint32'))).toEqual([0xffffffff]);
    expect(run(g.cast(vector([0xffffffff], 'uint32'), 'int32'))).toEqual([-1]);
    expect(run(g.cast(vector([1, 0], 'bool'), 'float32'))).toEqual([1, 0]);
    expect(run(g.cast(vector([0x1000001], 'int32'), 'float32'))).toEqual([0x1000000]);
    expect(run(g.cast(vector([0.1]), 'float32'))).toEqual([Math.fround(0.1)]);
  });

  test('bitcast keeps all bits, a NaN payload too', () => {
    expect(run(g.bitcast(vector([1, -2], 'float32'), 'uint32'))).toEqual([0x3f800000, 0xc0000000]);
    const payload = vector([0x7fc12345], 'uint32');
    const throughFloat = g.bitcast(g.reshape(g.bitcast(payload, 'float32'), [1, 1]), 'uint32');
    expect(run(throughFloat)).toEqual([0x7fc12345]);
  });

  test('alias and stopGradient are the identity', () => {
    expect(run(g.stopGradient(g.alias(vector([1, 2]))))).toEqual([1, 2]);
  });
});

describe('sources and views', () => {
  test('constant and iota', () => {
    expect(run(g.constant(7, [2], 'int32'))).toEqual([7, 7]);
    expect(run(g.constant(0.1, []))).toEqual([Math.fround(0.1)]);
    expect(run(g.iota(0, [2, 3]))).toEqual([0, 0, 0, 1, 1, 1]);
    expect(run(g.iota(1, [2, 3]))).toEqual([0, 1, 2, 0, 1, 2]);
  });

  test('reshape, transpose, broadcast', () => {
    const x = array(count(6), [2, 3]);
    expect(run(g.reshape(x, [3, 2]))).toEqual(count(6));
    expect(run(g.transpose(x, [1, 0]))).toEqual([0, 3, 1, 4, 2, 5]);
    // out.shape[i] = in.shape[permutation[i]]: [2, 3, 4] by [2, 0, 1] is [4, 2, 3], element [k, i, j] is in[i, j, k].
    const cube = g.transpose(array(count(24), [2, 3, 4]), [2, 0, 1]);
    expect(cube.shape).toEqual([4, 2, 3]);
    expect(run(cube).slice(0, 7)).toEqual([0, 4, 8, 12, 16, 20, 1]);
    expect(run(g.broadcast(vector([1, 2]), [2, 3], [0]))).toEqual([1, 1, 1, 2, 2, 2]);
    expect(run(g.broadcast(vector([1, 2]), [3, 2], [1]))).toEqual([1, 2, 1, 2, 1, 2]);
  });

  test('slice with strides and backwards', () => {
    const x = array(count(12), [3, 4]);
    expect(run(g.slice(x, [0, 1], [2, 2], [2, 2]))).toEqual([1, 3, 9, 11]);
    expect(run(g.slice(x, [2, 3], [-1, -3], [3, 2]))).toEqual([11, 8, 7, 4, 3, 0]);
  });

  test('pad low, high, interior, negative', () => {
    expect(run(g.pad(vector([1, 2, 3]), [1], [2], [0], 9))).toEqual([9, 1, 2, 3, 9, 9]);
    expect(run(g.pad(vector([1, 2, 3]), [1], [0], [2]))).toEqual([0, 1, 0, 0, 2, 0, 0, 3]);
    expect(run(g.pad(vector([1, 2, 3]), [-1], [-1], [0]))).toEqual([2]);
    // [1, 0, 2, 0, 3] without its first and last.
    expect(run(g.pad(vector([1, 2, 3]), [-1], [-1], [1]))).toEqual([0, 2, 0]);
    expect(run(g.pad(array([], [0, 1]), [1, 0], [0, 1], [0, 0], 5))).toEqual([5, 5]);
  });

  test('concat', () => {
    const parts = [array([1, 2], [2, 1]), array([3, 4, 5, 6], [2, 2]), array([], [2, 0])];
    expect(run(g.concat(parts, 1))).toEqual([1, 3, 4, 2, 5, 6]);
    expect(run(g.concat([array([1, 2], [1, 2]), array([3, 4], [1, 2])], 0))).toEqual([1, 2, 3, 4]);
  });

  test('window', () => {
    const x = vector(count(7));
    const one = g.window(x, { axes: [0], size: [3], stride: [2], dilation: [1] });
    expect(one.shape).toEqual([3, 3]);
    expect(run(one)).toEqual([0, 1, 2, 2, 3, 4, 4, 5, 6]);
    const dilated = g.window(x, { axes: [0], size: [2], stride: [1], dilation: [4] });
    expect(run(dilated)).toEqual([0, 4, 1, 5, 2, 6]);
    // Axis 1 of [2, 3] in windows of 2: element [i, j, k] is x[i, j + k].
    const rows = g.window(array(count(6), [2, 3]), { axes: [1], size: [2], stride: [1], dilation: [1] });
    expect(run(rows)).toEqual([0, 1, 1, 2, 3, 4, 4, 5]);
  });
});

describe('reductions', () => {
  const x = array([1, 2, 3, 4, 5, 6], [2, 3]);

  test('sum, prod, max, min over each choice of axes', () => {
    expect(run(g.reduce('sum', x, [0]))).toEqual([5, 7, 9]);
    expect(run(g.reduce('sum', x, [1]))).toEqual([6, 15]);
    expect(run(g.reduce('sum', x, [0, 1]))).toEqual([21]);
    expect(run(g.reduce('prod', x, [1]))).toEqual([6, 120]);
    expect(run(g.reduce('max', x, [0]))).toEqual([4, 5, 6]);
    expect(run(g.reduce('min', x, [1]))).toEqual([1, 4]);
    expect(run(g.reduce('sum', array(count(24), [2, 3, 4]), [0, 2]))).toEqual([60, 92, 124]);
  });

  test('NaN, empty axes, integers, bool', () => {
    expect(run(g.reduce('max', vector([1, NaN, 2]), [0]))).toEqual([NaN]);
    expect(run(g.reduce('sum', array([], [2, 0]), [1]))).toEqual([0, 0]);
    expect(run(g.reduce('prod', array([], [2, 0]), [1]))).toEqual([1, 1]);
    expect(run(g.reduce('sum', vector([0x7fffffff, 1], 'int32'), [0]))).toEqual([-0x80000000]);
    expect(run(g.reduce('sum', vector([0xffffffff, 3], 'uint32'), [0]))).toEqual([2]);
    expect(run(g.reduce('prod', vector([0x10000, 0x10000, 3], 'int32'), [0]))).toEqual([0]);
    expect(run(g.reduce('max', vector([0xffffffff, 3], 'uint32'), [0]))).toEqual([0xffffffff]);
    expect(run(g.reduce('max', vector([-5, -3], 'int32'), [0]))).toEqual([-3]);
    expect(run(g.reduce('and', array([1, 1, 1, 0], [2, 2], 'bool'), [1]))).toEqual([1, 0]);
    expect(run(g.reduce('or', array([0, 0, 1, 0], [2, 2], 'bool'), [1]))).toEqual([0, 1]);
  });

  test('float32 sums are rounded once, at the end', () => {
    expect(run(g.reduce('sum', vector([2 ** 24, 1, 1], 'float32'), [0]))).toEqual([2 ** 24 + 2]);
  });

  test('argreduce takes the first winner, and a NaN as the extreme', () => {
    expect(run(g.argreduce('max', vector([1, 3, 3, 2]), [0]))).toEqual([1]);
    expect(run(g.argreduce('min', vector([2, 1, 1]), [0]))).toEqual([1]);
    expect(run(g.argreduce('max', vector([9, NaN, 10, NaN]), [0]))).toEqual([1]);
    expect(run(g.argreduce('min', vector([9, NaN, 1]), [0]))).toEqual([1]);
    expect(run(g.argreduce('max', vector([-Infinity, -Infinity]), [0]))).toEqual([0]);
    // Over axes 0 and 2 of [2, 2, 2]: the position counts as one row-major index of those two.
    expect(run(g.argreduce('max', array([0, 7, 5, 1, 2, 3, 9, 4], [2, 2, 2]), [0, 2]))).toEqual([1, 2]);
  });
});

describe('contract', () => {
  const axis = (...terms: [number, number][]) => ({ terms, offset: 0, divisor: 1 });

  test('matrix product', () => {
    const a = array([1, 2, 3, 4, 5, 6], [2, 3]);
    const b = array([1, 0, 0, 1, 1, 1], [3, 2]);
    const product = g.contract(
      { sizes: [2, 2, 3], outRank: 2, a: [axis([0, 1]), axis([2, 1])], b: [axis([2, 1]), axis([1, 1])] },
      a,
      b,
    );
    expect(run(product)).toEqual([4, 5, 10, 11]);
  });

  test('convolution with stride 2, padding 1: taps outside are 0', () => {
    const conv = g.contract(
      {
        sizes: [3, 3],
        outRank: 1,
        a: [
          {
            terms: [
              [0, 2],
              [1, 1],
            ],
            offset: -1,
            divisor: 1,
          },
        ],
        b: [axis([1, 1])],
      },
      vector([1, 2, 3, 4, 5]),
      vector([100, 10, 1]),
    );
    expect(run(conv)).toEqual([12, 234, 450]);
  });

  test('an exact divisor keeps only the terms that divide: transposed convolution', () => {
    // out[o] = sum over k of x[(o - k) / 2] * w[k], the transpose of a stride-2 convolution.
    const transposed = g.contract(
      {
        sizes: [5, 2],
        outRank: 1,
        a: [
          {
            terms: [
              [0, 1],
              [1, -1],
            ],
            offset: 0,
            divisor: 2,
          },
        ],
        b: [axis([1, 1])],
      },
      vector([1, 2, 3]),
      vector([10, 1]),
    );
    expect(run(transposed)).toEqual([10, 1, 20, 2, 30]);
  });

  test('an operand without the summed axis repeats; an empty sum is 0; integers wrap', () => {
    const outer = g.contract(
      { sizes: [2, 2], outRank: 2, a: [axis([0, 1])], b: [axis([1, 1])] },
      vector([1, 2]),
      vector([3, 4]),
    );
    expect(run(outer)).toEqual([3, 4, 6, 8]);
    const empty = g.contract(
      { sizes: [2, 0], outRank: 1, a: [axis([0, 1]), axis([1, 1])], b: [axis([1, 1])] },
      array([], [2, 0]),
      vector([]),
    );
    expect(run(empty)).toEqual([0, 0]);
    const dot = g.contract(
      { sizes: [2], outRank: 0, a: [axis([0, 1])], b: [axis([0, 1])] },
      vector([0x10001, 1], 'int32'),
      vector([0x10001, 0x7fffffff], 'int32'),
    );
    expect(run(dot)).toEqual([(131073 + 0x7fffffff) | 0]);
  });
});

describe('indexing and sorting', () => {
  test('gather clamps its indices and inserts their shape', () => {
    const x = array(count(6), [2, 3]);
    expect(run(g.gather(x, vector([2, 0, -5, 9], 'int32'), 1))).toEqual([2, 0, 0, 2, 5, 3, 3, 5]);
    expect(run(g.gather(x, array([1], [], 'int32'), 0))).toEqual([3, 4, 5]);
    expect(g.gather(x, array([0, 1], [2, 1], 'int32'), 1).shape).toEqual([2, 2, 1]);
  });

  test('scatterAdd sums what meets, at clamped indices', () => {
    const sums = g.scatterAdd(
      vector([1, 1, 7], 'int32'),
      array([1, 2, 3, 4, 5, 6], [3, 2], 'float32'),
      [3, 2],
      0,
    );
    expect(run(sums)).toEqual([0, 0, 4, 6, 5, 6]);
    const wrapped = g.scatterAdd(vector([0, 0], 'int32'), vector([0x7fffffff, 1], 'int32'), [1], 0);
    expect(run(wrapped)).toEqual([-0x80000000]);
  });

  test('scatter of extremes: the end of the range where nothing arrives', () => {
    const at = vector([1, 1, -5], 'int32');
    const of = (kind: 'max' | 'min', list: number[], dtype: 'float32' | 'int32' | 'uint32' = 'float32') =>
      run(g.scatter(kind, at, vector(list, dtype), [3], 0));
    expect(of('max', [4, 2, 1])).toEqual([1, 4, -Infinity]);
    expect(of('min', [4, 2, 1])).toEqual([1, 2, Infinity]);
    expect(of('max', [4, NaN, 1])).toEqual([1, NaN, -Infinity]);
    expect(of('max', [-4, -2, -1], 'int32')).toEqual([-1, -2, -0x80000000]);
    expect(of('min', [4, 2, 1], 'uint32')).toEqual([1, 2, 0xffffffff]);
  });

  test('prefix runs along an axis, from either end', () => {
    const x = array([1, 2, 3, 4, 5, 6], [2, 3], 'float32');
    expect(run(g.prefix('sum', x, 1))).toEqual([1, 3, 6, 4, 9, 15]);
    expect(run(g.prefix('sum', x, 1, true))).toEqual([6, 5, 3, 15, 11, 6]);
    expect(run(g.prefix('prod', x, 0))).toEqual([1, 2, 3, 4, 10, 18]);
    expect(run(g.prefix('max', vector([1, 3, NaN, 9]), 0))).toEqual([1, 3, NaN, NaN]);
    expect(run(g.prefix('min', vector([5, 2, 3], 'int32'), 0, true))).toEqual([2, 2, 3]);
    expect(run(g.prefix('sum', vector([0x7fffffff, 1], 'int32'), 0))).toEqual([0x7fffffff, -0x80000000]);
    expect(run(g.prefix('sum', array([], [2, 0]), 1))).toEqual([]);
  });

  test('argsort is stable with NaN last, row by row', () => {
    const x = array([3, 1, NaN, 1, 0, -Infinity, NaN, NaN], [2, 4]);
    expect(run(g.argsort(x))).toEqual([1, 3, 0, 2, 1, 0, 2, 3]);
    expect(run(g.argsort(array([], [2, 0])))).toEqual([]);
  });
});

describe('threefry', () => {
  test('is the block cipher of each element; word chooses which output', () => {
    const ones = 0xffffffff;
    const words = [vector([0, ones], 'uint32'), vector([0, ones], 'uint32')] as const;
    const [first, second, xor] = (['first', 'second', 'xor'] as const).map((word) =>
      run(g.make('threefry', { word }, [...words, ...words])),
    );
    // Random123's known answers for zero key and counter, and for all bits set.
    expect(first).toEqual([0x6b200159, 0x1cb996fc]);
    expect(second).toEqual([0x99ba4efe, 0xbb002be7]);
    expect(xor).toEqual(first.map((bits, i) => (bits ^ second[i]) >>> 0));
  });
});

describe('the walk', () => {
  const x = g.input([2], 'float32', 'x');
  const data = new Float32Array([1, 2]);

  test('inputs come from dataOf, shared nodes are evaluated once, every visited node has a value', () => {
    const twice = g.add(x, x);
    const result = g.mul(twice, twice);
    let asked = 0;
    const values = evaluateReference([result, twice], (node): TypedArray => {
      asked++;
      expect(node).toBe(x);
      return data;
    });
    expect(asked).toBe(1);
    expect([...values.get(result)!]).toEqual([4, 16]);
    expect([...values.keys()]).toEqual([x, twice, result]);
  });

  test('a stored node is an input: what lies below is not evaluated', () => {
    const below = g.unary('exp', x);
    below.stored = { dtype: 'float32', length: 2 };
    const values = evaluateReference([g.neg(below)], () => new Float32Array([5, 6]));
    expect([...values.values()].at(-1)).toEqual(new Float32Array([-5, -6]));
    expect(values.has(x)).toBe(false);
  });

  test('data of the wrong length is an error that names the node', () => {
    expect(() => evaluateReference([x], () => new Float32Array(3))).toThrow(
      /input of type float32\[2\] needs 2 elements, got 3/,
    );
  });

  test('scalars of rank 0, rank 8, and size 0', () => {
    const shape = [1, 2, 1, 1, 2, 1, 1, 1];
    const deep = array(count(4), shape);
    expect(run(g.reduce('sum', deep, [1]))).toEqual([2, 4]);
    expect(run(g.transpose(deep, [7, 4, 6, 5, 3, 2, 1, 0]))).toEqual([0, 2, 1, 3]);
    expect(run(g.neg(array([], [3, 0, 2])))).toEqual([]);
    expect(run(g.neg(array([4], [])))).toEqual([-4]);
  });
});
