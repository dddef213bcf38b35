import { describe, expect, test } from 'vitest';
import { jit } from '../../src/core/jit.ts';
import { Tensor, tensor } from '../../src/core/tensor.ts';
import * as g from '../../src/graph/build.ts';
import type { CompositeBinaryKind, CompositeUnaryKind, UnaryKind } from '../../src/graph/vocabulary.ts';
import { watchCompilations } from '../../src/runtime/evaluate.ts';
import { binaryFunction, unaryFunction } from '../../src/runtime/reference/scalar.ts';
import { floatOf, ulps } from '../compiler/ulp.ts';
import { expectClose } from '../support/close.ts';

// Functions put together from simpler ones against the double-precision functions of the interpreter, which uses other formulas.

interface Accuracy {
  /** Largest error of float32 results, in ulp of the exact value. */
  readonly ulp: number;
  /** Largest error of float64 results, relative to the exact value or to `scale`, whichever is larger. */
  readonly double: number;
  readonly scale?: number;
  /** Arguments to sample densely, besides the whole range. */
  readonly ranges: readonly (readonly [number, number])[];
}

/** Kinds with code of their own for float32 (src/compiler/math.ts, whose tests are denser), and the platform's for float64. */
const simple = {
  exp: { ulp: 2, double: 1e-15, ranges: [[-104, 89]] },
  log: { ulp: 2, double: 1e-15, ranges: [[0, 4]] },
  expm1: { ulp: 3, double: 1e-15, ranges: [[-20, 89]] },
  log1p: { ulp: 3, double: 1e-15, ranges: [[-1, 3]] },
  sin: { ulp: 4, double: 1e-15, ranges: [[-1e5, 1e5]] },
  cos: { ulp: 4, double: 1e-15, ranges: [[-1e5, 1e5]] },
  tanh: { ulp: 4, double: 1e-15, ranges: [[-10, 10]] },
  erf: { ulp: 4, double: 2e-15, ranges: [[-5, 5]] },
  sqrt: { ulp: 0.5, double: 0, ranges: [[0, 4]] },
  rsqrt: { ulp: 1.5, double: 1e-15, ranges: [[0, 4]] },
} satisfies { readonly [K in UnaryKind]?: Accuracy };

const table: { readonly [K in CompositeUnaryKind]: Accuracy } = {
  tan: {
    ulp: 4,
    double: 1e-15,
    ranges: [
      [-2, 2],
      [-1e5, 1e5],
    ],
  },
  asin: { ulp: 4, double: 1e-15, ranges: [[-1, 1]] },
  acos: { ulp: 4, double: 1e-15, ranges: [[-1, 1]] },
  atan: { ulp: 4, double: 1e-15, ranges: [[-3, 3]] },
  sinh: {
    ulp: 4,
    double: 1e-15,
    ranges: [
      [-2, 2],
      [-90, 90],
    ],
  },
  cosh: {
    ulp: 4,
    double: 1e-15,
    ranges: [
      [-2, 2],
      [-90, 90],
    ],
  },
  asinh: {
    ulp: 4,
    double: 1e-15,
    ranges: [
      [-3, 3],
      [-1e4, 1e4],
    ],
  },
  acosh: {
    ulp: 4,
    double: 1e-15,
    ranges: [
      [1, 3],
      [1, 1e4],
    ],
  },
  atanh: { ulp: 4, double: 1e-15, ranges: [[-1, 1]] },
  exp2: {
    ulp: 2,
    double: 1e-15,
    ranges: [
      [-2, 2],
      [-151, 129],
    ],
  },
  log2: { ulp: 3, double: 1e-15, ranges: [[0, 4]] },
  log10: { ulp: 3, double: 1e-15, ranges: [[0, 4]] },
  cbrt: { ulp: 2, double: 1e-15, ranges: [[-4, 4]] },
  erfc: {
    ulp: 4,
    double: 1e-14,
    ranges: [
      [-4, 4],
      [0, 11],
    ],
  },
  erfinv: {
    ulp: 4,
    double: 1e-14,
    ranges: [
      [-1, 1],
      [0.999, 1],
    ],
  },
  lgamma: {
    ulp: 4,
    double: 3e-14,
    scale: 1,
    ranges: [
      [0, 4],
      [-10, 10],
    ],
  },
  digamma: {
    ulp: 4,
    double: 1e-14,
    scale: 1,
    ranges: [
      [0, 4],
      [-10, 10],
    ],
  },
  i0: {
    ulp: 1,
    double: 1e-13,
    ranges: [
      [-10, 10],
      [-90, 90],
    ],
  },
  i1: {
    ulp: 1,
    double: 1e-13,
    ranges: [
      [-10, 10],
      [-90, 90],
    ],
  },
  i0e: {
    ulp: 1,
    double: 1e-13,
    ranges: [
      [-10, 10],
      [0, 100],
    ],
  },
  i1e: {
    ulp: 1,
    double: 1e-13,
    ranges: [
      [-10, 10],
      [0, 100],
    ],
  },
};

const specials = [
  0,
  -0,
  Infinity,
  -Infinity,
  Number.NaN,
  1,
  -1,
  2,
  -2,
  0.5,
  -0.5,
  2 ** -149,
  -(2 ** -149),
  2 ** -126,
  3.4028234663852886e38,
  -3.4028234663852886e38,
];

/** Floats evenly spaced by their bits over everything, then by value over the ranges. */
function samples(ranges: Accuracy['ranges']): number[] {
  const values = [...specials];
  for (let pattern = 0; pattern < 2 ** 32; pattern += 200011) values.push(floatOf(pattern | 0));
  for (const [low, high] of ranges)
    for (let k = 0; k <= 20000; k++) values.push(Math.fround(low + ((high - low) * k) / 20000));
  return values;
}

const compiled = (f: (...x: Tensor[]) => Tensor, ...x: Tensor[]) => jit(f)(...x).dataSync();

/** The largest error of doubles relative to the exact values, or to `scale` where that is larger. */
function relativeError(actual: ArrayLike<number>, exact: readonly number[], scale: number): [number, number] {
  let [worst, at] = [0, 0];
  exact.forEach((expected, i) => {
    if (actual[i] === expected || (Number.isNaN(actual[i]) && Number.isNaN(expected))) return;
    const error = Math.abs(actual[i] - expected) / Math.max(scale, Math.abs(expected), 1e-307);
    const excess = Number.isNaN(error) ? Infinity : error;
    if (excess > worst) [worst, at] = [excess, i];
  });
  return [worst, at];
}

/** The largest error of floats in ulp. */
function largestUlps(actual: ArrayLike<number>, exact: readonly number[]): [number, number] {
  let [worst, at] = [0, 0];
  exact.forEach((expected, i) => {
    const distance = ulps(actual[i], expected);
    if (distance > worst) [worst, at] = [distance, i];
  });
  return [worst, at];
}

describe('functions of one number', () => {
  test.each<[string, Accuracy]>(Object.entries({ ...simple, ...table }))(
    '%s',
    (name, { ulp, double, scale = 0, ranges }) => {
      const kind = name as UnaryKind;
      const x = samples(ranges);
      const apply = (t: Tensor) => new Tensor(g.unary(kind, t.node));
      const exact = x.map(unaryFunction(kind, 'float64'));
      const single = compiled(apply, tensor(Float32Array.from(x)));
      const precise = compiled(apply, tensor(Float64Array.from(x)));
      const [worst, at] = largestUlps(single, exact);
      expect(worst, `float32 at ${x[at]}`).toBeLessThanOrEqual(ulp);
      const [worstDouble, atDouble] = relativeError(precise, exact, scale);
      expect(worstDouble, `float64 at ${x[atDouble]}`).toBeLessThanOrEqual(double);
      specials.forEach((value, i) => {
        if (exact[i] === 0)
          expect([single[i], precise[i]], `${name}(${value})`).toEqual([exact[i], exact[i]]);
      });
    },
  );
});

interface PairAccuracy {
  readonly ulp: number;
  /** Largest error of float64 results, relative to the exact ones or to `scale`. */
  readonly double: number;
  /** Errors are relative to this where results are smaller, in float32 (where ulp does not count then) as well. */
  readonly scale?: number;
  readonly pairs: readonly (readonly [number, number])[];
}

const everywhere = [...specials, 3, -3, 1e-3, 1e4, -1e4, 1e20, 1e-20];
const grid = Array.from({ length: 61 }, (_, i) => (i - 30) / 7);
const cross = (a: readonly number[], b: readonly number[]) =>
  a.flatMap((x) => b.map((y): [number, number] => [x, y]));

const gammaPairs = [
  ...cross(
    [0, 0.001, 0.5, 1, 1.5, 4, 9.5, 10, 30, 90],
    [0, 1e-6, 0.25, 1, 1.75, 2.5, 6, 10, 31, 60, 95, 200],
  ),
  ...cross([0, -1, 3, Infinity, Number.NaN], [0, -1, 3, Infinity, Number.NaN]),
];

const pairTable: { readonly [K in CompositeBinaryKind]: PairAccuracy } = {
  atan2: { ulp: 4, double: 1e-15, pairs: [...cross(everywhere, everywhere), ...cross(grid, grid)] },
  hypot: { ulp: 3, double: 1e-15, pairs: [...cross(everywhere, everywhere), ...cross(grid, grid)] },
  logaddexp: {
    ulp: 3,
    double: 1e-15,
    scale: 0.5,
    pairs: [...cross(everywhere, everywhere), ...cross(grid, grid)],
  },
  zeta: {
    ulp: 1,
    double: 2e-14,
    pairs: [
      ...cross(
        [0.5, 1, 1.0625, 1.5, 2, 3, 4.5, 8, 20, 40, Infinity],
        [0, 2 ** -20, 0.125, 0.5, 1, 1.5, 3, 9.75, 40, 1e3, 1e6],
      ),
      ...cross([2, 3, 2.5], [-1, -0.5, Number.NaN]),
    ],
  },
  igamma: { ulp: 1, double: 2e-13, pairs: gammaPairs },
  igammac: { ulp: 1, double: 2e-13, scale: 0.01, pairs: gammaPairs },
};

describe('functions of two numbers', () => {
  test.each(Object.entries(pairTable))('%s', (name, { ulp, double, scale = 0, pairs }) => {
    const kind = name as CompositeBinaryKind;
    const [a, b] = [0, 1].map((i) => pairs.map((pair) => Math.fround(pair[i])));
    const apply = (x: Tensor, y: Tensor) => new Tensor(g.binary(kind, x.node, y.node));
    const exact = a.map((x, i) => binaryFunction(kind, 'float64')(x, b[i]));
    const single = compiled(apply, tensor(Float32Array.from(a)), tensor(Float32Array.from(b)));
    const precise = compiled(apply, tensor(Float64Array.from(a)), tensor(Float64Array.from(b)));
    const [worstDouble, atDouble] = relativeError(precise, exact, scale);
    expect(worstDouble, `float64 at ${a[atDouble]}, ${b[atDouble]}`).toBeLessThanOrEqual(double);
    const large = exact.map((x, i) => (Math.abs(x) < scale ? precise[i] : x));
    const [worst, at] = largestUlps(
      single.map((x, i) => (Math.abs(exact[i]) < scale ? precise[i] : x)),
      large,
    );
    expect(worst, `float32 at ${a[at]}, ${b[at]}`).toBeLessThanOrEqual(ulp);
    exact.forEach((x, i) => {
      if (x === 0) expect([single[i], precise[i]], `${name}(${a[i]}, ${b[i]})`).toEqual([x, x]);
      if (Math.abs(x) < scale) expect(Math.abs(single[i] - x)).toBeLessThan(ulp * 2 ** -24);
    });
  });
});

test('exact where the result is: powers of two and ten, lgamma at 1 and 2', () => {
  const powers = Array.from({ length: 277 }, (_, i) => i - 149);
  const two = tensor(Float32Array.from(powers, (n) => 2 ** n));
  const apply = (kind: UnaryKind) => (x: Tensor) => new Tensor(g.unary(kind, x.node));
  expect([...compiled(apply('log2'), two)]).toEqual(powers);
  expect([...compiled(apply('exp2'), tensor(Float32Array.from(powers)))]).toEqual([...two.dataSync()]);
  const tens = Array.from({ length: 11 }, (_, i) => i);
  const ten = tensor(Float32Array.from(tens, (n) => 10 ** n));
  expect([...compiled(apply('log10'), ten)]).toEqual(tens);
  expect([...compiled(apply('cbrt'), tensor([-27, -8, 0, 1, 8, 64, 1000]))]).toEqual([
    -3, -2, 0, 1, 2, 4, 10,
  ]);
  expect([...compiled(apply('lgamma'), tensor([1, 2]))]).toEqual([0, 0]);
});

test('a composite function is fused like any other operation: one kernel, nothing stored between', () => {
  const kernels: number[] = [];
  const f = jit((x: Tensor, y: Tensor) => x.atan2(y).lgamma().add(x.erfc().sinh()).mul(y.digamma()));
  watchCompilations(
    ({ kernels: list }) => kernels.push(list.length),
    () => f(tensor([0.5, 2, 3]), tensor([1, 2, 4])).dataSync(),
  );
  expect(kernels).toEqual([1]);
});

test('long functions stay out of the tile of a product, and are right behind one, before one, and in rows', () => {
  const x = tensor(Float32Array.from({ length: 64 * 64 }, (_, i) => 0.1 + ((i * 37) % 97) / 128)).reshape([
    64, 64,
  ]);
  const w = tensor(Float32Array.from({ length: 64 * 48 }, (_, i) => 0.1 + ((i * 29) % 89) / 128)).reshape([
    64, 48,
  ]);
  const f = (a: Tensor, b: Tensor): Tensor[] => [
    a.matmul(b).gammainc(2).add(1),
    a.lgamma().matmul(b),
    a.digamma().softmax(1),
    a.erfinv().sum(0),
    a.matmul(b).atan2(2).asinh(),
  ];
  const results = jit(f)(x, w).map((r) => r.dataSync());
  const before = process.env.NABLA_DEVICE;
  process.env.NABLA_DEVICE = 'reference';
  const expected = f(x, w).map((r) => r.dataSync());
  if (before === undefined) delete process.env.NABLA_DEVICE;
  else process.env.NABLA_DEVICE = before;
  results.forEach((result, i) => {
    expectClose(result, expected[i], { rtol: 1e-4, atol: 1e-4 }, `result ${i}`);
  });
});
