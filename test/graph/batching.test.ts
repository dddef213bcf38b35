import { describe, expect, test } from 'vitest';
import { batchGraph } from '../../src/graph/batching.ts';
import * as g from '../../src/graph/build.ts';
import { pullBack, pushForward } from '../../src/graph/differentiate.ts';
import { allocate, type DType, isFloat, type TypedArray } from '../../src/graph/dtype.ts';
import { batched } from '../../src/graph/lifted.ts';
import { type Node, type Shape, sizeOf } from '../../src/graph/node.ts';
import type { ArrayOp, Body, TupleOp } from '../../src/graph/vocabulary.ts';
import { evaluateReference } from '../../src/runtime/reference/evaluate.ts';
import { expectClose } from '../support/close.ts';
import { Dice } from '../support/dice.ts';
import { examplesProblem } from '../support/examples.ts';

// Every operation for several examples at once against one after the other, for every choice of the operands that the examples share.

interface Case {
  readonly operands: readonly (readonly [shape: Shape, dtype: DType])[];
  readonly build: (...operands: Node[]) => Node | readonly Node[];
  /** Values of integer operands; -2 to 6 by default, which leaves the range of small axes on both sides. */
  readonly range?: readonly [number, number];
}

const f64 = (...shape: number[]) => [shape, 'float64'] as const;
const i32 = (...shape: number[]) => [shape, 'int32'] as const;
const u32 = (...shape: number[]) => [shape, 'uint32'] as const;
const bool = (...shape: number[]) => [shape, 'bool'] as const;

const size = 3;

/** All examples agree with the examples alone, whichever of the operands (but for none) have an axis of examples. */
function check({ operands, build, range = [-2, 6] }: Case, seed: number): void {
  const dice = new Dice(seed);
  const values = (shape: Shape, dtype: DType): TypedArray => {
    const out = allocate(dtype, sizeOf(shape));
    for (let i = 0; i < out.length; i++)
      out[i] = isFloat(dtype)
        ? dice.between(-24, 24) / 8
        : dtype === 'bool'
          ? dice.between(0, 1)
          : dice.between(dtype === 'uint32' ? 0 : range[0], range[1]);
    return out;
  };
  for (let flags = 1; flags < 2 ** operands.length; flags++) {
    const inputs = operands.map(([shape, dtype]) => g.input(shape, dtype));
    const roots = [build(...inputs)].flat() as Node[];
    const data = new Map<Node, TypedArray>();
    const examples = new Map<Node, TypedArray[]>();
    inputs.forEach((node, i) => {
      const draw = () => values(node.shape, node.dtype);
      if ((flags >> i) & 1) examples.set(node, Array.from({ length: size }, draw));
      else data.set(node, draw());
    });
    const problem = examplesProblem(roots, examples, data, size);
    const actual = evaluateReference(problem.roots, (node) => problem.data.get(node)!);
    problem.roots.forEach((root, i) => {
      const what = `result ${i}, operands ${[...operands.keys()].filter((k) => (flags >> k) & 1)} batched`;
      expect(root.shape, what).toEqual([size, ...roots[i].shape]);
      expect(root.dtype, what).toBe(roots[i].dtype);
      // The interpreter does the same for each example: not even rounding differs.
      expectClose(actual.get(root)!, problem.expected[i], {}, what);
    });
  }
}

const index = (...terms: (readonly [number, number])[]) => ({ terms, offset: 0, divisor: 1 });

type Leaf = 'input' | 'constant' | 'literal' | 'iota' | 'part';

const arrayCases: { readonly [O in Exclude<ArrayOp, Leaf>]: readonly Case[] } = {
  unary: [{ operands: [f64(2, 3)], build: (x) => g.unary('tanh', x) }],
  binary: [
    { operands: [f64(2, 3), f64(2, 3)], build: (a, b) => g.sub(a, b) },
    { operands: [f64(), f64()], build: (a, b) => g.div(a, b) },
  ],
  compare: [{ operands: [f64(4), f64(4)], build: (a, b) => g.compare('lt', a, b) }],
  select: [{ operands: [bool(2, 3), f64(2, 3), f64(2, 3)], build: (c, a, b) => g.select(c, a, b) }],
  cast: [{ operands: [f64(2, 3)], build: (x) => g.cast(x, 'int32') }],
  bitcast: [{ operands: [i32(5)], build: (x) => g.bitcast(x, 'uint32') }],
  alias: [{ operands: [f64(3)], build: (x) => g.alias(x) }],
  stopGradient: [{ operands: [f64(3)], build: (x) => g.stopGradient(x) }],
  after: [{ operands: [f64(3), f64(2), f64()], build: (x, y, z) => g.after(x, [y, z]) }],
  reshape: [
    { operands: [f64(2, 3)], build: (x) => g.reshape(x, [3, 1, 2]) },
    { operands: [f64()], build: (x) => g.reshape(x, [1]) },
  ],
  transpose: [{ operands: [f64(2, 3, 4)], build: (x) => g.transpose(x, [2, 0, 1]) }],
  broadcast: [
    { operands: [f64(3)], build: (x) => g.broadcast(x, [2, 3, 4], [1]) },
    { operands: [f64()], build: (x) => g.broadcast(x, [3], []) },
  ],
  slice: [{ operands: [f64(5, 4)], build: (x) => g.slice(x, [4, 1], [-2, 1], [3, 2]) }],
  pad: [{ operands: [f64(3, 2)], build: (x) => g.pad(x, [1, -1], [0, 2], [2, 0], 7) }],
  concat: [{ operands: [f64(2, 3), f64(2, 1), f64(2, 2)], build: (...xs) => g.concat(xs, 1) }],
  window: [
    {
      operands: [f64(7, 5)],
      build: (x) => g.window(x, { axes: [1, 0], size: [2, 3], stride: [1, 2], dilation: [2, 1] }),
    },
  ],
  reduce: [
    { operands: [f64(2, 3, 4)], build: (x) => g.reduce('sum', x, [0, 2]) },
    { operands: [f64(2, 3)], build: (x) => g.reduce('max', x, [1]) },
    { operands: [f64(2, 3)], build: (x) => g.reduce('prod', x, [0, 1]) },
    { operands: [bool(2, 3)], build: (x) => g.reduce('or', x, [0]) },
  ],
  argreduce: [
    { operands: [f64(2, 3, 4)], build: (x) => g.argreduce('max', x, [0, 2]) },
    { operands: [f64(5)], build: (x) => g.argreduce('min', x, [0]) },
  ],
  contract: [
    {
      // matmul
      operands: [f64(2, 3), f64(3, 4)],
      build: (a, b) =>
        g.contract(
          {
            sizes: [2, 4, 3],
            outRank: 2,
            a: [index([0, 1]), index([2, 1])],
            b: [index([2, 1]), index([1, 1])],
          },
          a,
          b,
        ),
    },
    {
      // A convolution in one dimension with stride and padding, and its transpose in the signal.
      operands: [f64(6), f64(3)],
      build: (x, w) => {
        const out = g.contract(
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
            b: [index([1, 1])],
          },
          x,
          w,
        );
        return [out, ...pullBack([out], [g.mul(out, out)], [x, w]).map((change) => change!)];
      },
    },
    {
      operands: [f64(3), f64()],
      build: (a, b) => g.contract({ sizes: [3], outRank: 0, a: [index([0, 1])], b: [] }, a, b),
    },
  ],
  gather: [0, 1, 2].map((axis) => ({
    operands: [f64(3, 4, 2), i32(2, 3)],
    build: (x: Node, i: Node) => g.gather(x, i, axis),
  })),
  scatter: (['add', 'max', 'min'] as const).map((kind, axis) => {
    const shape = [3, 4, 2];
    return {
      operands: [i32(2, 3), f64(...shape.slice(0, axis), 2, 3, ...shape.slice(axis + 1))],
      build: (i: Node, x: Node) => g.scatter(kind, i, x, shape, axis),
    };
  }),
  prefix: (['sum', 'prod', 'max', 'min'] as const).map((kind, i) => ({
    operands: [f64(3, 4)],
    build: (x: Node) => g.prefix(kind, x, i % 2, i > 1),
  })),
  argsort: [
    { operands: [f64(3, 4)], build: (x) => g.argsort(x) },
    { operands: [f64(6)], build: (x) => g.argsort(x) },
  ],
  threefry: [
    {
      operands: [u32(3), u32(3), u32(3), u32(3)],
      build: (a, b, c, d) => g.threefry('xor', [a, b], [c, d]),
    },
  ],
};

const typeOf = ({ shape, dtype }: Node) => ({ shape, dtype });

/** A body of a function on nodes of the given types. */
function body(types: Case['operands'], f: (...inputs: Node[]) => Node[]): Body {
  const inputs = types.map(([shape, dtype]) => g.input(shape, dtype));
  return { inputs, outputs: f(...inputs) };
}

const scan = (reverse: boolean) => (w: Node, n: Node, c: Node, xs: Node) => {
  const length = xs.shape[0];
  const step = body([f64(2), i32(), f64(2), f64(2)], (v, k, carry, x) => [
    g.add(k, g.constant(1, [], 'int32')),
    g.add(g.mul(carry, v), x),
    g.mul(x, x),
    g.cast(k, 'float64'),
    g.mul(carry, v),
  ]);
  return g.parts(
    'scan',
    {
      results: step.outputs.map((x, i) =>
        i < 2 ? typeOf(x) : { shape: [length, ...x.shape], dtype: x.dtype },
      ),
      body: step,
      constants: 1,
      carries: 2,
      length,
      reverse,
      recompute: false,
    },
    [w, n, c, xs],
  );
};

/** Doubles x while it is below a limit and the count below another one. */
const loop = (limit: Node, n: Node, x: Node) => {
  const types = [f64(), i32(), f64(2)] as const;
  const step = body(types, (_, k, v) => [g.add(k, g.constant(1, [], 'int32')), g.add(v, v)]);
  return g.parts(
    'while',
    {
      results: [typeOf(n), typeOf(x)],
      body: step,
      condition: body(types, (most, k, v) => [
        g.make('binary', { kind: 'and' }, [
          g.compare('lt', k, g.constant(9, [], 'int32')),
          g.compare('lt', g.reduce('sum', v, [0]), most),
        ]),
      ]),
      constants: 1,
    },
    [limit, n, x],
  );
};

const choice = (i: Node, x: Node, y: Node) => {
  const types = [f64(2), f64()] as const;
  const branches = [
    body(types, (a, b) => [g.mul(a, a), b]),
    body(types, (a, b) => [g.broadcast(b, [2], []), g.reduce('sum', a, [0])]),
    body(types, (a) => [g.constant(5, [2], 'float64'), g.reduce('max', a, [0])]),
  ];
  return g.parts('cond', { results: branches[0].outputs.map(typeOf), branches }, [i, x, y]);
};

/** The gradient of the sum of squares of results by some nodes; zeros where there is none. */
const gradients = (results: readonly Node[], by: readonly Node[]): Node[] => {
  const floats = results.filter((x) => isFloat(x.dtype));
  return pullBack(floats, floats, by).map((change, i) => change ?? g.fill(0, by[i]));
};
const tangents = (results: readonly Node[], by: readonly Node[]): Node[] =>
  pushForward(results, new Map(by.map((x) => [x, g.mul(x, x)]))).map(
    (change, i) => change ?? g.fill(0, results[i]),
  );

/** x y with a rule of its own, which uses a third array. */
const custom = (x: Node, y: Node, extra: Node) =>
  g.parts(
    'custom',
    {
      results: [typeOf(x)],
      operands: 2,
      rule: {
        name: 'product',
        tangents: (_, [a, b], [e], [da, db]) => [
          g.add(g.mul(g.mul(da ?? g.fill(0, a), b), e), g.mul(a, db ?? g.fill(0, b))),
        ],
        cotangents: ([out], [a, b], [e], [ct]) => [g.mul(g.mul(ct!, b), e), g.add(g.mul(ct!, a), out)],
      },
    },
    [g.mul(x, y), x, y, extra],
  );

const tupleCases: { readonly [O in TupleOp]: readonly Case[] } = {
  custom: [
    { operands: [f64(3), f64(3), f64(3)], build: custom },
    { operands: [f64(3), f64(3), f64(3)], build: (x, y, e) => gradients(custom(x, y, e), [x]) },
    { operands: [f64(3), f64(3), f64(3)], build: (x, y, e) => tangents(custom(x, y, e), [x, y]) },
    {
      // Again: the rule of a batched rule.
      operands: [f64(3), f64(3), f64(3)],
      build: (x, y, e) => gradients(gradients(custom(x, y, e), [x, y]), [x, y, e]),
    },
  ],
  checkpoint: [
    {
      operands: [f64(3), f64(3)],
      build: (x, y) => {
        const inside = body([f64(3), f64(3)], (a, b) => [g.unary('sin', g.mul(a, b)), g.mul(b, b)]);
        const results = [g.unary('sin', g.mul(x, y)), g.mul(y, y)];
        const made = g.parts('checkpoint', { results: results.map(typeOf), body: inside }, [
          ...results,
          x,
          y,
        ]);
        return [...made, ...gradients(made, [x, y]), ...tangents(made, [y])];
      },
    },
  ],
  scan: [
    { operands: [f64(2), i32(), f64(2), f64(4, 2)], build: scan(false) },
    { operands: [f64(2), i32(), f64(2), f64(4, 2)], build: scan(true) },
    { operands: [f64(2), i32(), f64(2), f64(0, 2)], build: scan(false) },
    {
      operands: [f64(2), i32(), f64(2), f64(4, 2)],
      build: (w, n, c, xs) => gradients(scan(false)(w, n, c, xs), [w, c, xs]),
    },
    {
      operands: [f64(2), i32(), f64(2), f64(4, 2)],
      build: (w, n, c, xs) => tangents(scan(true)(w, n, c, xs), [w, xs]),
    },
  ],
  while: [
    { operands: [f64(), i32(), f64(2)], build: loop },
    { operands: [f64(), i32(), f64(2)], build: (limit, n, x) => tangents(loop(limit, n, x), [x]) },
  ],
  cond: [
    { operands: [i32(), f64(2), f64()], build: choice },
    { operands: [i32(), f64(2), f64()], build: (i, x, y) => gradients(choice(i, x, y), [x, y]) },
    { operands: [i32(), f64(2), f64()], build: (i, x, y) => tangents(choice(i, x, y), [y]) },
  ],
  factor: [
    {
      operands: [f64(2, 3, 3)],
      build: (x) => {
        // Symmetric and positive definite.
        const square = g.contract(
          {
            sizes: [2, 3, 3, 3],
            outRank: 3,
            a: [index([0, 1]), index([1, 1]), index([3, 1])],
            b: [index([0, 1]), index([2, 1]), index([3, 1])],
          },
          x,
          x,
        );
        const eye = g.cast(g.compare('eq', g.iota(1, [2, 3, 3]), g.iota(2, [2, 3, 3])), 'float64');
        const a = g.add(square, eye);
        return g.parts('factor', { results: [typeOf(a)], kind: 'cholesky' }, [a]);
      },
    },
  ],
};

describe('operations for several examples', () => {
  test.each(Object.entries({ ...arrayCases, ...tupleCases }))('%s', (_, cases) => {
    cases.forEach(check);
  });
});

describe('the graph for several examples', () => {
  const x = g.input([3], 'float64');
  const xs = g.input([2, 3], 'float64');
  const leaves = new Map([[x, batched(xs)]]);

  test('has what no example changes once, as it was', () => {
    const w = g.input([3], 'float64');
    const shared = g.unary('exp', w);
    const [own, other] = batchGraph([g.mul(x, shared), shared], leaves, 2);
    expect([own.batched, other.batched]).toEqual([true, false]);
    expect(other.node).toBe(shared);
    expect(own.node.inputs[1].op).toBe('broadcast');
    expect(own.node.inputs[1].inputs[0]).toBe(shared);
  });

  test('repeats no operand of a contraction', () => {
    const w = g.input([4, 3], 'float64');
    const spec = { sizes: [4, 3], outRank: 1, a: [index([0, 1]), index([1, 1])], b: [index([1, 1])] };
    const [{ node }] = batchGraph([g.contract(spec, w, x)], leaves, 2);
    expect([node.op, node.shape]).toEqual(['contract', [2, 4]]);
    expect(node.inputs).toEqual([w, xs]);
  });

  test('carries of a loop that no example changes stay one', () => {
    const made = scan(false)(
      g.input([2], 'float64'),
      g.input([], 'int32'),
      g.input([2], 'float64'),
      g.slice(g.reshape(g.concat([x, x], 0), [3, 2]), [0, 0], [1, 1], [3, 2]),
    );
    expect(batchGraph(made, leaves, 2).map((part) => part.batched)).toEqual([false, true, true, false, true]);
  });

  test('a condition that no example changes stops all examples at once', () => {
    const [count, doubled] = loop(g.input([], 'float64'), g.input([], 'int32'), g.slice(x, [0], [1], [2]));
    const lifted = batchGraph([count, doubled], leaves, 2);
    expect(lifted.map((part) => part.batched)).toEqual([true, true]);
    const types = [i32(), f64(3)] as const;
    const fixed = g.parts(
      'while',
      {
        results: types.map(([shape, dtype]) => ({ shape, dtype })),
        body: body(types, (k, v) => [g.add(k, k), g.mul(v, v)]),
        condition: body(types, (k) => [g.compare('lt', k, g.constant(9, [], 'int32'))]),
        constants: 0,
      },
      [g.input([], 'int32'), x],
    );
    expect(batchGraph(fixed, leaves, 2).map((part) => part.batched)).toEqual([false, true]);
  });

  test('a graph is walked no further than to the leaves', () => {
    let deep: Node = g.input([3], 'float64');
    for (let i = 0; i < 20_000; i++) deep = g.unary('neg', deep);
    const late = g.input([3], 'float64');
    const [{ node }] = batchGraph([g.mul(late, deep)], new Map([[late, batched(xs)]]), 2);
    expect(node.shape).toEqual([2, 3]);
  });
});
