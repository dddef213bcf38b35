import { describe, expect, test } from 'vitest';
import * as g from '../../src/graph/build.ts';
import { type Change, derivatives } from '../../src/graph/derivatives.ts';
import { pullBack, pushForward } from '../../src/graph/differentiate.ts';
import { type Node, type Shape, sizeOf } from '../../src/graph/node.ts';
import type { BinaryKind, Op, ReduceKind, UnaryKind } from '../../src/graph/vocabulary.ts';
import { expectClose, finiteDifference } from '../support/close.ts';
import { Dice } from '../support/dice.ts';
import { dot, Interpreted } from '../support/interpreted.ts';

// Every rule against central differences in double: forward mode, reverse mode, and reverse mode over reverse mode.

interface Problem {
  /** Shapes of the operands that are differentiated. */
  readonly shapes: readonly Shape[];
  readonly build: (operands: readonly Node[]) => Node;
  /** A generic point, away from kinks. Default: uniform in (-1, 1), never near 0. */
  readonly draw?: (dice: Dice) => number;
}

const offZero = (dice: Dice): number => (dice.chance(0.5) ? 1 : -1) * (0.1 + 0.9 * dice.fraction());
const inside = (dice: Dice): number => 0.8 * offZero(dice);
/** On both sides of 0, away from the poles at 0, -1, -2, .. */
const offIntegers = (dice: Dice): number => dice.between(-3, 4) + 0.3 + 0.4 * dice.fraction();
const positive = (dice: Dice): number => 0.3 + 2 * dice.fraction();

/** Values of `out` and of changes of the operands, as functions of the operands' data. */
function check({ shapes, build, draw = offZero }: Problem, seed: number, smooth: boolean): void {
  const dice = new Dice(seed);
  const values = new Interpreted();
  const arrays = shapes.map((shape) => Float64Array.from({ length: sizeOf(shape) }, () => draw(dice)));
  const operands = shapes.map((shape, i) => values.input(arrays[i], shape));
  const out = build(operands);
  const random = (shape: Shape) =>
    values.input(
      Array.from({ length: sizeOf(shape) }, () => offZero(dice)),
      shape,
    );
  const weights = random(out.shape);
  const directions = shapes.map(random);

  const gradient = pullBack([out], [weights], operands);
  const tangent = pushForward([out], new Map(operands.map((x, i) => [x, directions[i]])))[0];
  // <gradient, directions>: its gradient is the second derivative in those directions.
  const slope = total(gradient.map((change, i) => change && g.mul(change, directions[i])));
  const curvature =
    slope === null ? operands.map(() => null) : pullBack([slope], [g.fill(1, slope)], operands);

  const read = (node: Change, shape: Shape): Float64Array =>
    node === null ? new Float64Array(sizeOf(shape)) : (values.values(node)[0] as Float64Array);
  const weighted = (): number => dot(values.values(out)[0], values.data.get(weights)!);
  const partial = (f: () => number, i: number): Float64Array =>
    finiteDifference((x) => {
      values.data.set(operands[i], x);
      const result = f();
      values.data.set(operands[i], arrays[i]);
      return result;
    }, arrays[i]);

  const tolerance = { rtol: 2e-7, atol: 2e-8 };
  let pairing = 0;
  operands.forEach((_, i) => {
    const actual = read(gradient[i], shapes[i]);
    expectClose(actual, partial(weighted, i), tolerance, `gradient by operand ${i}`);
    pairing += dot(actual, values.data.get(directions[i])!);
    expectClose(
      read(curvature[i], shapes[i]),
      slope === null || !smooth
        ? read(curvature[i], shapes[i])
        : partial(() => values.values(slope)[0][0], i),
      { rtol: 1e-6, atol: 1e-7 },
      `second derivative by operand ${i}`,
    );
  });
  expectClose(
    [dot(read(tangent, out.shape), values.data.get(weights)!)],
    [pairing],
    { rtol: 1e-10, atol: 1e-10 },
    'forward against reverse mode',
  );
}

/** The sum of all elements of all arrays, as a scalar. */
function total(parts: readonly Change[]): Change {
  let sum: Change = null;
  for (const part of parts) {
    if (part === null) continue;
    const scalar = g.reduce(
      'sum',
      part,
      part.shape.map((_, i) => i),
    );
    sum = sum === null ? scalar : g.add(sum, scalar);
  }
  return sum;
}

const onUnary: { readonly [K in Exclude<UnaryKind, 'not'>]: (dice: Dice) => number } = {
  neg: offZero,
  abs: offZero,
  sign: offZero,
  exp: offZero,
  log: positive,
  expm1: offZero,
  log1p: positive,
  sin: offZero,
  cos: offZero,
  tanh: offZero,
  erf: offZero,
  sigmoid: (dice) => 4 * offZero(dice),
  relu: offZero,
  sqrt: positive,
  rsqrt: positive,
  tan: offZero,
  asin: inside,
  acos: inside,
  atan: offZero,
  sinh: offZero,
  cosh: offZero,
  asinh: offZero,
  acosh: (dice) => 1.2 + positive(dice),
  atanh: inside,
  exp2: offZero,
  log2: positive,
  log10: positive,
  cbrt: offZero,
  erfc: (dice) => 2 * offZero(dice),
  erfinv: inside,
  lgamma: offIntegers,
  digamma: offIntegers,
  i0: (dice) => 3 * offZero(dice),
  i1: (dice) => 3 * offZero(dice),
  i0e: (dice) => 3 * offZero(dice),
  i1e: (dice) => 3 * offZero(dice),
  // At quarters off the integers and halves.
  floor: (dice) => dice.between(-3, 3) + 0.25,
  ceil: (dice) => dice.between(-3, 3) + 0.25,
  round: (dice) => dice.between(-3, 3) + 0.25,
};

const onBinary: {
  readonly [K in Exclude<
    BinaryKind,
    'and' | 'or' | 'xor' | 'shl' | 'shr' | 'gcd' | 'zeta' | 'igamma' | 'igammac'
  >]: (dice: Dice) => number;
} = {
  add: offZero,
  sub: offZero,
  mul: offZero,
  div: offZero,
  // 5.3 mod 1.7 and the like: the quotient is off the integers with probability 1, seeds are fixed.
  rem: (dice) => (dice.chance(0.5) ? 1 : -1) * (1 + dice.fraction()),
  pow: positive,
  max: offZero,
  min: offZero,
  atan2: offZero,
  hypot: offZero,
  logaddexp: offZero,
};

const onReduce: readonly Exclude<ReduceKind, 'and' | 'or'>[] = ['sum', 'prod', 'max', 'min'];

/** One or more problems for each operation through which derivatives pass; why not, for the others. */
const problems: { readonly [O in keyof typeof derivatives]: Readonly<Record<string, Problem>> | string } = {
  input: 'has no operands',
  constant: 'has no operands',
  literal: 'has no operands',
  iota: 'has no operands',
  unary: Object.fromEntries(
    Object.entries(onUnary).map(([kind, draw]) => [
      kind,
      { shapes: [[7]], draw, build: ([x]) => g.unary(kind as UnaryKind, x) },
    ]),
  ),
  binary: {
    ...Object.fromEntries(
      Object.entries(onBinary).map(([kind, draw]) => [
        kind,
        { shapes: [[6], [6]], draw, build: ([a, b]) => g.binary(kind as BinaryKind, a, b) } as Problem,
      ]),
    ),
    zeta: {
      shapes: [[6]],
      draw: positive,
      build: ([q]) => g.binary('zeta', g.fill(2.5, q), q),
    },
    igamma: { shapes: [[6]], draw: positive, build: ([x]) => g.binary('igamma', g.fill(1.75, x), x) },
    igammac: { shapes: [[6]], draw: positive, build: ([x]) => g.binary('igammac', g.fill(1.75, x), x) },
    'an operand with itself': {
      shapes: [[5]],
      draw: positive,
      build: ([x]) => g.binary('pow', g.mul(x, x), g.div(x, g.add(x, x))),
    },
  },
  compare: 'is piecewise constant',
  select: {
    select: {
      shapes: [
        [2, 3],
        [2, 3],
      ],
      build: ([a, b]) =>
        g.mul(a, g.select(g.compare('eq', g.iota(1, [2, 3]), g.fill(1, g.iota(1, [2, 3]))), a, b)),
    },
  },
  cast: {
    'to the same precision and back from single': {
      shapes: [[4]],
      // float32 holds these exactly within the steps of a difference of 2^-17 only: the rule is linear, values do not matter.
      build: ([x]) => g.mul(g.cast(g.cast(g.fill(0.5, x), 'float32'), 'float64'), g.mul(x, x)),
    },
  },
  bitcast: 'reads bits, not numbers',
  alias: { alias: { shapes: [[3]], build: ([x]) => g.mul(g.alias(x), x) } },
  stopGradient: 'is constant to every derivative, on purpose',
  after: {
    'the identity': { shapes: [[4], [2]], draw: offZero, build: ([x, y]) => g.after(x, [y]) },
  },
  reshape: { reshape: { shapes: [[2, 3]], build: ([x]) => g.unary('exp', g.reshape(x, [3, 2])) } },
  transpose: {
    transpose: { shapes: [[2, 3, 2]], build: ([x]) => g.unary('sin', g.transpose(x, [2, 0, 1])) },
  },
  broadcast: {
    broadcast: {
      shapes: [[3], [2, 3, 4]],
      build: ([x, y]) => g.mul(g.broadcast(x, [2, 3, 4], [1]), y),
    },
  },
  slice: {
    slice: { shapes: [[5, 6]], build: ([x]) => g.unary('exp', g.slice(x, [4, 1], [-2, 2], [2, 3])) },
  },
  pad: { pad: { shapes: [[3, 3]], build: ([x]) => g.unary('cos', g.pad(x, [-1, 2], [2, -1], [1, 2], 0.5)) } },
  concat: {
    concat: {
      shapes: [
        [2, 2],
        [2, 3],
      ],
      build: ([x, y]) => g.unary('tanh', g.concat([x, y, x], 1)),
    },
  },
  window: {
    window: {
      shapes: [[2, 7, 6]],
      build: ([x]) =>
        g.unary('exp', g.window(x, { axes: [1, 2], size: [3, 2], stride: [1, 3], dilation: [2, 1] })),
    },
  },
  reduce: Object.fromEntries(
    onReduce.flatMap((kind) =>
      [[0], [1], [0, 2], [0, 1, 2]].map((axes) => [
        `${kind} over [${axes}]`,
        {
          shapes: [[2, 3, 3]],
          build: ([x]) => {
            const reduced = g.reduce(kind, x, axes);
            return g.mul(reduced, reduced);
          },
        } as Problem,
      ]),
    ),
  ),
  argreduce: 'is piecewise constant',
  prefix: Object.fromEntries(
    (['sum', 'prod', 'max', 'min'] as const).flatMap((kind) =>
      [false, true].flatMap((reverse) =>
        [0, 1].map((axis) => [
          `${kind} along ${axis}${reverse ? ' from the end' : ''}`,
          {
            shapes: [[3, 5]],
            build: ([x]) => {
              const running = g.prefix(kind, x, axis, reverse);
              return g.mul(running, running);
            },
          } as Problem,
        ]),
      ),
    ),
  ),
  contract: {
    'matrix product': {
      shapes: [
        [2, 3],
        [3, 4],
      ],
      build: ([a, b]) => {
        const index = (axis: number) => ({ terms: [[axis, 1]] as [number, number][], offset: 0, divisor: 1 });
        return g.contract(
          { sizes: [2, 4, 3], outRank: 2, a: [index(0), index(2)], b: [index(2), index(1)] },
          g.mul(a, a),
          b,
        );
      },
    },
    'strided window against itself': {
      shapes: [[9], [3]],
      build: ([a, b]) =>
        g.contract(
          {
            sizes: [4, 3],
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
            b: [{ terms: [[1, 1]], offset: 0, divisor: 1 }],
          },
          a,
          g.unary('exp', b),
        ),
    },
  },
  gather: {
    gather: {
      shapes: [[4, 2]],
      build: ([x]) => {
        const indices = g.literal(Int32Array.from([3, 0, 0, 9, -2, 1]), [2, 3], 'int32');
        return g.unary('sin', g.gather(x, indices, 0));
      },
    },
  },
  scatter: Object.fromEntries(
    (['add', 'max', 'min'] as const).flatMap((kind) => [
      [
        `${kind} of rows`,
        {
          shapes: [[4, 2]],
          build: ([x]) => {
            const indices = g.literal(Int32Array.from([1, 0, 1, 2]), [4], 'int32');
            return g.unary('sin', g.scatter(kind, indices, x, [3, 2], 0));
          },
        } as Problem,
      ],
      [
        `${kind} along the last axis, by two axes of indices`,
        {
          shapes: [[2, 2, 3]],
          build: ([x]) => {
            const indices = g.literal(Int32Array.from([1, 0, 1, -3, 1, 9]), [2, 3], 'int32');
            return g.unary('sin', g.scatter(kind, indices, x, [2, 2], 1));
          },
        } as Problem,
      ],
    ]),
  ),
  argsort: 'gives indices',
  threefry: 'works on bits',
};

const kinks = new Set(['floor', 'ceil', 'round', 'sign']);

describe.each(Object.entries(problems).filter(([, list]) => typeof list !== 'string'))('%s', (_, list) => {
  test.each(Object.entries(list as Readonly<Record<string, Problem>>))('%s', (name, problem) => {
    for (let seed = 0; seed < 3; seed++) check(problem, seed, !kinks.has(name));
  });
});

describe('operations through which nothing passes', () => {
  test.each(Object.entries(problems).filter(([, list]) => typeof list === 'string'))('%s %s', (op) => {
    const values = new Interpreted();
    const x = values.input([1, 2], [2]);
    const bits = values.input([1, 2], [2], 'uint32');
    const made: Partial<Record<Op, Node>> = {
      compare: g.compare('lt', x, x),
      stopGradient: g.stopGradient(x),
      argreduce: g.argreduce('max', x, [0]),
      argsort: g.argsort(x),
      bitcast: g.bitcast(bits, 'int32'),
      threefry: g.threefry('xor', [bits, bits], [bits, bits]),
      input: x,
      constant: g.constant(1, [2], 'float64'),
      literal: g.literal(new Float64Array(2), [2], 'float64'),
      iota: g.iota(0, [2], 'float64'),
    };
    const node = made[op as Op]!;
    expect(
      derivatives[op as keyof typeof derivatives]
        .cotangents(node as never, g.fill(1, node), { pushForward, pullBack })
        .every((c) => c === null),
    ).toBe(true);
    expect(
      derivatives[op as keyof typeof derivatives].tangent(
        node as never,
        node.inputs.map((input) => input),
        { pushForward, pullBack },
      ),
    ).toBe(null);
  });
});

/** The gradient of a scalar function of one number, to any order. */
function nth(f: (x: Node) => Node, order: number, at: number): number {
  const values = new Interpreted();
  const x = values.input([at], []);
  let y: Change = f(x);
  for (let k = 0; k < order; k++) {
    if (y === null) return 0;
    y = pullBack([y], [g.fill(1, y)], [x])[0];
  }
  return y === null ? 0 : values.values(y)[0][0];
}

describe('where care is needed', () => {
  const power = (b: number) => (x: Node) => g.binary('pow', x, g.fill(b, x));

  test('x^b at 0, to the third order', () => {
    expect([0, 1, 2, 3].map((order) => nth(power(3), order, 0))).toEqual([0, 0, 0, 6]);
    expect([0, 1, 2, 3].map((order) => nth(power(2), order, 0))).toEqual([0, 0, 2, 0]);
    expect([0, 1, 2, 3].map((order) => nth(power(1), order, 0))).toEqual([0, 1, 0, 0]);
    expect([0, 1, 2, 3].map((order) => nth(power(0), order, 0))).toEqual([1, 0, 0, 0]);
  });

  test('x^b at negative x with a whole exponent', () => {
    expect([0, 1, 2, 3].map((order) => nth(power(3), order, -2))).toEqual([-8, 12, -12, 6]);
    expect(nth(power(-1), 1, -2)).toBe(-0.25);
  });

  test('a^b by b: a^b ln a, 0 at a = 0', () => {
    const by = (a: number) => (x: Node) => g.binary('pow', g.fill(a, x), x);
    expectClose(
      [1, 2].map((order) => nth(by(2), order, 3)),
      [8 * Math.LN2, 8 * Math.LN2 ** 2],
      { rtol: 1e-14 },
    );
    expect(nth(by(0), 1, 2)).toBe(0);
    expect(nth(by(0), 2, 2)).toBe(0);
  });

  test('the mixed derivative of a^b at a = 0 and at b = 0 is finite', () => {
    // d/db d/da a^b = a^(b-1) (1 + b ln a): 1/a at b = 0, 0 at a = 0 for b = 2.
    const mixed = (at: readonly [number, number]) => {
      const values = new Interpreted();
      const [a, b] = at.map((v) => values.input([v], []));
      const out = g.binary('pow', a, b);
      const [da] = pullBack([out], [g.fill(1, out)], [a]);
      const [dab] = pullBack([da!], [g.fill(1, da!)], [b]);
      return values.values(dab!)[0][0];
    };
    expect(mixed([0, 2])).toBe(0);
    expect(mixed([4, 0])).toBe(0.25);
  });

  test('equal operands of max and min share, as in PyTorch', () => {
    for (const kind of ['max', 'min'] as const) {
      const values = new Interpreted();
      const [a, b] = [values.input([2], []), values.input([2], [])];
      const out = g.binary(kind, a, b);
      const changes = pullBack([out], [g.fill(1, out)], [a, b]);
      expect(values.values(changes[0]!, changes[1]!).map((v) => v[0])).toEqual([0.5, 0.5]);
    }
  });

  test('the first of equal maxima receives the change', () => {
    const values = new Interpreted();
    const x = values.input([1, 3, 3, 0, 5, 5], [2, 3]);
    const out = g.reduce('max', x, [1]);
    const [change] = pullBack([out], [values.input([10, 20], [2])], [x]);
    expect([...values.values(change!)[0]]).toEqual([0, 10, 0, 0, 20, 0]);
  });

  test('products with zeros have exact derivatives', () => {
    const values = new Interpreted();
    const x = values.input([2, 0, 3, 0, 0, 7], [2, 3]);
    const [change] = pullBack([g.reduce('prod', x, [1])], [values.input([1, 1], [2])], [x]);
    expect([...values.values(change!)[0]]).toEqual([0, 6, 0, 0, 0, 0]);
  });

  test('the first of equal running maxima receives the change, and the first NaN', () => {
    const change = (kind: 'max' | 'min', list: number[], reverse: boolean) => {
      const values = new Interpreted();
      const x = values.input(list, [list.length]);
      const weights = values.input([1, 10, 100, 1000], [4]);
      const [result] = pullBack([g.prefix(kind, x, 0, reverse)], [weights], [x]);
      return [...values.values(result!)[0]];
    };
    expect(change('max', [3, 3, 1, 4], false)).toEqual([111, 0, 0, 1000]);
    expect(change('max', [3, 4, 1, 4], true)).toEqual([0, 0, 0, 1111]);
    expect(change('min', [2, NaN, 1, NaN], false)).toEqual([1, 1110, 0, 0]);
    expect(change('max', [-Infinity, -Infinity, 0, 0], false)).toEqual([11, 0, 1100, 0]);
  });

  test('the first of equal updates of a maximum receives the change, and the first NaN', () => {
    const values = new Interpreted();
    const updates = values.input([1, 2, 2, NaN, 5, NaN, 0], [7]);
    const indices = values.input([0, 0, 0, 1, 1, 1, 3], [7], 'int32');
    const weights = values.input([1, 10, 100, 1000], [4]);
    for (const [kind, expected] of [
      ['max', [0, 1, 0, 10, 0, 0, 1000]],
      ['min', [1, 0, 0, 10, 0, 0, 1000]],
    ] as const) {
      const [change] = pullBack([g.scatter(kind, indices, updates, [4], 0)], [weights], [updates]);
      expect([...values.values(change!)[0]]).toEqual(expected);
    }
  });

  test('running products with zeros have exact derivatives', () => {
    const values = new Interpreted();
    const x = values.input([2, 0, 3, 0, 5], [5]);
    const out = g.prefix('prod', x, 0);
    const [change] = pullBack([out], [values.input([1, 1, 1, 1, 1], [5])], [x]);
    expect([...values.values(change!)[0]]).toEqual([1, 2 + 6, 0, 0, 0]);
    const [second] = pullBack([change!], [values.input([1, 0, 0, 0, 0], [5])], [x]);
    expect([...values.values(second!)[0]]).toEqual([0, 1 + 3, 0, 0, 0]);
  });

  test('relu and abs at 0 have derivative 0', () => {
    expect(nth((x) => g.unary('relu', x), 1, 0)).toBe(0);
    expect(nth((x) => g.unary('abs', x), 1, 0)).toBe(0);
  });

  test('relu blocks an infinite change where it is inactive', () => {
    const values = new Interpreted();
    const x = values.input([-1, 1], [2]);
    const [change] = pullBack([g.unary('relu', x)], [values.input([Infinity, 2], [2])], [x]);
    expect([...values.values(change!)[0]]).toEqual([0, 2]);
  });

  test('casts to integers stop derivatives, casts between floats pass them', () => {
    const values = new Interpreted();
    const x = values.input([1.5], [1]);
    const whole = g.cast(x, 'int32');
    expect(pullBack([whole], [g.fill(1, whole)], [x])).toEqual([null]);
    expect(pushForward([whole], new Map([[x, x]]))).toEqual([null]);
    const single = g.cast(x, 'float32');
    const [change] = pullBack([single], [g.fill(3, single)], [x]);
    expect(change!.dtype).toBe('float64');
    expect(values.values(change!)[0][0]).toBe(3);
  });

  test('sums over nothing and views of nothing', () => {
    const values = new Interpreted();
    const x = values.input([], [0, 3]);
    const out = g.reduce('sum', g.mul(x, x), [0]);
    const [change] = pullBack([out], [g.fill(1, out)], [x]);
    expect(change!.shape).toEqual([0, 3]);
    expect([...values.values(out)[0]]).toEqual([0, 0, 0]);
    const product = g.reduce('prod', x, [0]);
    expect(pullBack([product], [g.fill(1, product)], [x])).toEqual([null]);
  });

  test('a leaf that is the result, is given twice, or has no part in it', () => {
    const values = new Interpreted();
    const [x, y] = [values.input([2], []), values.input([3], [])];
    const changes = pullBack([x, x], [g.constant(5, [], 'float64'), g.constant(7, [], 'float64')], [x, x, y]);
    expect(values.values(changes[0]!, changes[1]!).map((v) => v[0])).toEqual([12, 12]);
    expect(changes[2]).toBe(null);
  });

  test('chains of 20,000 operations need no deep recursion', () => {
    const values = new Interpreted();
    const x = values.input([0.5], []);
    let y: Node = x;
    for (let i = 0; i < 20_000; i++) y = g.unary('sin', y);
    const [change] = pullBack([y], [g.fill(1, y)], [x]);
    const [value] = values.values(change!);
    expect(value[0]).toBeGreaterThan(0);
    expect(value[0]).toBeLessThan(1);
  });
});
