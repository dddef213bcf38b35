import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  arange,
  concat,
  customVjp,
  grad,
  hessian,
  hvp,
  jacfwd,
  jacobian,
  jacrev,
  jit,
  jvp,
  linearize,
  scan,
  stack,
  type Tensor,
  tensor,
  vmap,
  where,
  whileLoop,
  zeros,
} from '../../src/index.ts';
import { expectClose } from '../support/close.ts';
import { computeOn, devices } from '../support/device.ts';
import type { FixtureArray } from '../support/torch_cases.ts';

const double = { dtype: 'float64' } as const;
const list = (x: Tensor): number[] => [...x.dataSync()];

interface Case {
  readonly name: string;
  readonly inputs: readonly FixtureArray[];
  readonly values: readonly FixtureArray[];
}
const cases: readonly Case[] = JSON.parse(
  readFileSync(new URL('../fixtures/torch_func.json', import.meta.url), 'utf8'),
);

type Arrays = readonly Tensor[];
const rosenbrock = (x: Tensor): Tensor => {
  const n = x.shape[0];
  const [head, tail] = [x.slice([0, n - 1]), x.slice([1, n])];
  return tail.sub(head.square()).square().mul(100).add(head.neg().add(1).square()).sum();
};
const polar = (x: Tensor): Tensor => stack([x.at(0).mul(x.at(1).cos()), x.at(0).mul(x.at(1).sin())]);
const network = (w: Tensor, b: Tensor, x: Tensor): Tensor => w.matmul(x).add(b).tanh();
const loss = (w: Tensor, x: Tensor): Tensor => {
  const chosen = tensor([2, 0], { dtype: 'int32' }).unsqueeze(-1).eq(arange(4));
  return where(chosen, x.matmul(w).logSoftmax(-1), 0).sum().neg();
};
const pair = (x: Tensor, y: Tensor): [Tensor, Tensor] => [
  x.unsqueeze(1).mul(y).exp(),
  x.square().sum().div(y.square().sum().add(1)),
];

/** What each case of the fixture computes, by every way that there is to it. */
const computations: Record<string, ((inputs: Arrays) => Arrays)[]> = {
  'jacobian of polar coordinates': [jacobian, jacfwd, jacrev].map((j) => ([x]: Arrays) => [j(polar)(x)]),
  'jacobian of a layer': [jacobian, jacfwd, jacrev].map(
    (j) =>
      ([w, b, x]: Arrays) =>
        j(network, { argnums: [0, 1, 2] })(w, b, x),
  ),
  'jacobian of a pair': [jacobian, jacfwd, jacrev].map(
    (j) =>
      ([x, y]: Arrays) =>
        j(pair, { argnums: [0, 1] })(x, y).flat(),
  ),
  'jacobian of softmax': [jacobian, jacfwd, jacrev].map((j) => ([x]: Arrays) => [
    j((a: Tensor) => a.softmax(-1))(x),
  ]),
  "hessian of Rosenbrock's function": [
    ([x]) => [hessian(rosenbrock)(x)],
    ([x]) => [jacrev(jacfwd(rosenbrock))(x)],
    ([x]) => [jacobian(grad(rosenbrock))(x)],
    ([x]) => [jacrev(grad(rosenbrock))(x)],
  ],
  'hessian of a cross-entropy': [([w, x]) => hessian(loss, { argnums: [0, 1] })(w, x).flat()],
  "product of the hessian of Rosenbrock's function": [([x, v]) => [hvp(rosenbrock, x, v)]],
  'per example gradients of a layer': [
    ([w, b, xs]) =>
      vmap(
        grad((w1: Tensor, b1: Tensor, x: Tensor) => network(w1, b1, x).square().sum(), { argnums: [0, 1] }),
        {
          inAxes: [null, null, 0],
        },
      )(w, b, xs),
  ],
};

for (const device of devices)
  describe(`against torch.func, on ${device}`, () => {
    computeOn(device);
    test.each(cases.map((c) => [c.name, c] as const))('%s', (name, { inputs, values }) => {
      const given = inputs.map(({ data, shape }) => tensor(data, { ...double, shape }));
      for (const compute of computations[name])
        for (const way of [compute, jit(compute)]) {
          const actual = way(given);
          expect(actual.map((x) => x.shape)).toEqual(values.map((v) => v.shape));
          actual.forEach((x, i) => {
            expectClose(x.dataSync(), values[i].data, { rtol: 1e-11, atol: 1e-11 }, `${name}, value ${i}`);
          });
        }
    });
  });

describe('jacobian', () => {
  test('of trees: like the result, then like the argument', () => {
    const f = ({ a, b }: { a: Tensor; b: readonly [Tensor] }) => ({
      sum: a.sum().add(b[0]),
      parts: [a.mul(b[0])] as const,
    });
    const x = { a: tensor([1, 2], double), b: [tensor(3, double)] as const };
    for (const j of [jacfwd, jacrev]) {
      const { sum, parts } = j(f)(x);
      expect([list(sum.a), list(sum.b[0])]).toEqual([[1, 1], [1]]);
      expect(parts[0].a.toArray()).toEqual([
        [3, 0],
        [0, 3],
      ]);
      expect(parts[0].b[0].toArray()).toEqual([1, 2]);
    }
    const second = hessian(f)(x).parts[0];
    expect([second.a.a.shape, second.a.b[0].shape]).toEqual([
      [2, 2, 2],
      [2, 2],
    ]);
    expect(second.a.b[0].toArray()).toEqual([
      [1, 0],
      [0, 1],
    ]);
    expect(second.b[0].b[0].toArray()).toEqual([0, 0]);
  });

  test('chooses the mode with fewer directions', () => {
    const only = { mode: 'none' };
    const f = customVjp(
      (x: Tensor) => [x.square(), x],
      (x: Tensor, ct: Tensor) => {
        only.mode = 'reverse';
        return [x.mul(2).mul(ct)];
      },
    );
    // A rule in reverse alone shows which way was taken.
    const wide = (x: Tensor) => f(x).sum();
    expect(list(jacobian(wide)(tensor([1, 2])))).toEqual([2, 4]);
    expect(only.mode).toBe('reverse');
    const tall = (x: Tensor) => concat([f(x), f(x)]);
    expect(() => jacobian(tall)(tensor([1, 2]))).toThrow(/reverse mode only/);
    expect(jacobian(tall, { mode: 'reverse' })(tensor([1, 2])).shape).toEqual([4, 2]);
    const stepped = (x: Tensor) =>
      whileLoop(
        (v: Tensor) => v.sum().lt(10),
        (v) => v.mul(2),
        x,
      ).sum();
    expect(() => jacobian(stepped)(tensor([1, 2]))).toThrow(/whileLoop: has no derivative in reverse mode/);
    expect(list(jacobian(stepped, { mode: 'forward' })(tensor([1, 2])))).toEqual([4, 4]);
  });

  test('auxiliary results, other arguments, results that do not depend on them', () => {
    const f = (x: Tensor, n: number) => [x.mul(n), { n }] as const;
    const [j, aux] = jacobian(f, { hasAux: true })(tensor([1, 2]), 3);
    expect(j.toArray()).toEqual([
      [3, 0],
      [0, 3],
    ]);
    expect(aux).toEqual({ n: 3 });
    expect(hessian((x: Tensor) => [x.sum(), 'aux'] as const, { hasAux: true })(zeros([2]))[1]).toBe('aux');
    const constant = (x: Tensor, _: Tensor) => [x, zeros([3])] as const;
    const [own, zero] = jacrev(constant, { argnums: 1 })(zeros([2]), zeros([4]));
    expect([own.shape, zero.shape, list(own.abs().sum())]).toEqual([[2, 4], [3, 4], [0]]);
  });

  test('of and by nothing', () => {
    expect(jacobian((x: Tensor) => x.mul(2))(zeros([0])).shape).toEqual([0, 0]);
    expect(jacrev((x: Tensor) => x.sum())(zeros([0, 2])).shape).toEqual([0, 2]);
  });

  test('through a scan, inside vmap, and differentiated again', () => {
    const cumulative = (x: Tensor) =>
      scan((c: Tensor, e: Tensor) => [c.mul(e), c.mul(e)] as [Tensor, Tensor], tensor(1, double), x)[1];
    const x = tensor([2, 3, 4], double);
    const expected = [
      [1, 0, 0],
      [3, 2, 0],
      [12, 8, 6],
    ];
    for (const j of [jacfwd, jacrev]) expect(j(cumulative)(x).toArray()).toEqual(expected);
    const xs = stack([x, x.mul(2)]);
    const each = vmap(jacobian(cumulative))(xs);
    expect(each.at(0).toArray()).toEqual(expected);
    expect(each.at(1).toArray()).toEqual(jacobian(cumulative)(x.mul(2)).toArray());
    const total = (a: Tensor) => jacobian(cumulative)(a).sum();
    // 1 + (x0 + x1) + (x1 x2 + x0 x2 + x0 x1)
    expect(list(grad(total)(x))).toEqual([1 + 3 + 4, 1 + 2 + 4, 3 + 2]);
  });

  test.each<[string, () => unknown, RegExp]>([
    [
      'integers',
      () => jacobian((x: Tensor) => x)(tensor([1], { dtype: 'int32' })),
      /jacobian: cannot differentiate by int32\[1\]/,
    ],
    [
      'integer results',
      () => jacrev((x: Tensor) => x.cast('int32'))(tensor([1, 2])),
      /jacrev: the function returned int32\[2\]; only floats have derivatives/,
    ],
    [
      'no result',
      () => jacfwd((_: Tensor) => null)(tensor([1])),
      /jacfwd: the function must return an array/,
    ],
    [
      'no aux',
      () => jacobian((x: Tensor) => x as unknown as [Tensor, 1], { hasAux: true })(tensor([1])),
      /with hasAux the function must return \[result, aux\]/,
    ],
    [
      'a mode',
      () => jacobian((x: Tensor) => x, { mode: 'up' as never }),
      /mode must be 'forward' or 'reverse'/,
    ],
    ['an option', () => hessian((x: Tensor) => x, { mode: 'forward' } as never), /unknown option 'mode'/],
    [
      'an argument that is not there',
      () => jacobian((x: Tensor) => x, { argnums: 1 })(tensor([1])),
      /there is no argument 1/,
    ],
    [
      'a result that is no scalar',
      () => hvp((x: Tensor) => x, tensor([1]), tensor([1])),
      /must return a scalar/,
    ],
  ])('refused: %s', (_, run, message) => {
    expect(run).toThrow(message);
  });
});

describe('linearize', () => {
  const f = (x: Tensor, y: Tensor) => ({ p: x.mul(y).sin(), q: [x.sum()] });
  const [x, y] = [tensor([0.5, 1], double), tensor([2, 3], double)];

  test('is jvp at a point, any number of times, also after the result was read', () => {
    const [out, map] = linearize(f, x, y);
    expectClose(list(out.p), list(x.mul(y).sin()), { rtol: 1e-14 });
    for (const [dx, dy] of [
      [tensor([1, 0], double), tensor([0, 1], double)],
      [tensor([3, -2], double), zeros([2], double)],
    ]) {
      const [, expected] = jvp(f, [x, y], [dx, dy]);
      const actual = map(dx, dy);
      expectClose(list(actual.p), list(expected.p), { rtol: 1e-14 });
      expectClose(list(actual.q[0]), list(expected.q[0]), { rtol: 1e-14 });
    }
  });

  test('the map is batched, compiled, differentiated', () => {
    const [, map] = linearize((a: Tensor) => a.square().mul(a), x);
    const rows = vmap(map)(
      tensor(
        [
          [1, 0],
          [0, 1],
          [2, 2],
        ],
        double,
      ),
    );
    expect(rows.toArray()).toEqual([
      [0.75, 0],
      [0, 3],
      [1.5, 6],
    ]);
    expect(list(jit(map)(tensor([1, 1], double)))).toEqual([0.75, 3]);
    expect(list(grad((t: Tensor) => map(t).sum())(zeros([2], double)))).toEqual([0.75, 3]);
    const inside = (a: Tensor) =>
      linearize((b: Tensor) => b.mul(b).mul(b), a)[1](tensor([1, 1], double)).sum();
    expect(list(grad(inside)(x))).toEqual([3, 6]);
    expect(jit(inside)(x).item()).toBe(3.75);
  });

  test('refused tangents', () => {
    const [, map] = linearize(f, x, y);
    expect(() => (map as (t: Tensor) => unknown)(x)).toThrow(
      /linearize: 2 primals need as many tangents, got 1/,
    );
    expect(() => map(x, zeros([3], double))).toThrow(
      /linearize: a tangent is float64\[3\], it must be float64\[2\]/,
    );
    expect(() => map(x, zeros([2]))).toThrow(/is float32\[2\], it must be float64\[2\]/);
    expect(() => linearize((a: Tensor) => a, tensor([1], { dtype: 'int32' }))).toThrow(
      /cannot differentiate by int32/,
    );
  });
});
