import { describe, test } from 'vitest';
import {
  checkpoint,
  cond,
  customJvp,
  customVjp,
  grad,
  jit,
  jvp,
  scan,
  switchCase,
  type Tensor,
  tensor,
  vjp,
  vmap,
  whileLoop,
  zeros,
} from '../../src/index.ts';
import { computeOn, devices } from '../support/device.ts';
import { type ArrayFunction, expectSame, loopOver, sample } from '../support/example_loop.ts';

const double = { dtype: 'float64' } as const;

/** Functions of an x [2, 3] and a y [3], through all kinds of operations and transforms. */
const functions: Record<string, ArrayFunction> = {
  arithmetic: (x, y) => x.mul(y).add(x.exp()).sub(1),
  product: (x, y) => x.matmul(y),
  softmax: (x, y) => x.mul(y).softmax(-1),
  'mean and variance': (x, y) =>
    x
      .sub(x.mean(-1, { keepDims: true }))
      .square()
      .mean(0)
      .mul(y),
  maximum: (x, y) => x.max(1).sum().add(y.argmax()),
  views: (x, y) => x.T.reshape([2, 3]).slice([0, null], [2, 0, -1]).sum().add(y.unsqueeze(0)),
  'take by what the example says': (x, y) => x.take(y.argsort(), 1),
  'sorted indices': (x, y) => x.argsort().add(y.argsort()),
  gradient: (x, y) => grad((a: Tensor) => a.mul(y).tanh().sum())(x),
  'gradient by both': (x, y) => {
    const [dx, dy] = grad((a: Tensor, b: Tensor) => a.matmul(b).square().sum(), { argnums: [0, 1] })(x, y);
    return dx.sum(0).add(dy);
  },
  'second derivative': (x, y) =>
    grad((a: Tensor) =>
      grad((b: Tensor) => b.mul(a.sum()).sin().sum())(y)
        .square()
        .sum(),
    )(x),
  'gradient of a maximum and of a gather': (x, y) =>
    grad((a: Tensor) => a.max(1).sum().mul(a.take(y.argsort(), 1).square().sum()))(x),
  'forward mode': (x, y) => jvp((a: Tensor) => a.exp().matmul(y), [x], [x.sin()])[1],
  'reverse mode': (x, y) => vjp((a: Tensor) => a.sin().matmul(y), x)[1](x.at(0).slice([0, 2])),
  'vmap inside': (x, y) => vmap((row: Tensor) => row.mul(y).sum())(x),
  'vmap over another axis inside': (x, y) =>
    vmap((column: Tensor, e: Tensor) => column.mul(e), { inAxes: [1, 0], outAxes: 1 })(x, y),
  'jit inside': (x, y) => jit((a: Tensor, b: Tensor) => a.mul(b).sum(0))(x, y),
  scan: (x, y) => scan((c: Tensor, row: Tensor) => [c.mul(row).add(y), c.sum()] as [Tensor, Tensor], y, x)[0],
  'what a scan leaves': (x, y) =>
    scan((c: Tensor, row: Tensor) => [c.add(row), c.mul(y)] as [Tensor, Tensor], zeros([3], double), x, {
      reverse: true,
    })[1],
  'gradient of a scan': (x, y) =>
    grad((a: Tensor) =>
      scan((c: Tensor, row: Tensor) => [c.mul(row).sin().add(y), null] as [Tensor, null], y, a)[0].sum(),
    )(x),
  'a loop of its own length': (x, y) =>
    whileLoop(
      (c: { n: Tensor; v: Tensor }) => c.v.abs().sum().lt(10),
      (c) => ({ n: c.n.add(1), v: c.v.mul(1.5).add(y) }),
      { n: tensor(0, { dtype: 'int32' }), v: x.at(0) },
    ).v,
  'a loop of common length': (x, y) =>
    whileLoop(
      (c: { n: Tensor; v: Tensor }) => c.n.lt(4),
      (c) => ({ n: c.n.add(1), v: c.v.mul(y).add(x.at(1)) }),
      { n: tensor(0, { dtype: 'int32' }), v: y },
    ).v,
  choice: (x, y) =>
    cond(
      x.sum().gt(y.sum()),
      (a: Tensor) => a.exp().mul(y),
      (a: Tensor) => a.mul(2).add(y),
      x,
    ),
  'choice among three': (x, y) =>
    switchCase(y.argmax(), [(a: Tensor) => a.sum(0), (a: Tensor) => a.prod(0).add(y), (_: Tensor) => y], x),
  'gradient of a choice': (x, y) =>
    grad((a: Tensor) =>
      cond(
        y.at(0).gt(0),
        (b: Tensor) => b.square().mul(y).sum(),
        (b: Tensor) => b.sin().sum(),
        a,
      ),
    )(x),
  'gradient of a checkpoint': (x, y) =>
    grad((a: Tensor) => checkpoint((b: Tensor) => b.mul(y).tanh().sum(0).exp())(a).sum())(x),
  'gradient of a rule in reverse': (x, y) =>
    grad((a: Tensor, b: Tensor) => reversed(a, b).mul(y).sum(), { argnums: [0, 1] })(x, y).reduce(
      (s, g) => s.add(g.ndim === 2 ? g.sum(0) : g),
      zeros([3], double),
    ),
  'gradient of a rule forwards': (x, y) => grad((a: Tensor) => forwards(a, y).sin().sum())(x),
  'a rule forwards': (x, y) => jvp((b: Tensor) => forwards(x, b), [y], [y.sin()])[1],
};

const reversed = customVjp(
  (x: Tensor, y: Tensor) => [x.mul(y), { x, y }],
  ({ x, y }: { x: Tensor; y: Tensor }, ct: Tensor) => [ct.mul(y).clip(-0.3, 0.3), ct.mul(x).sum(0).mul(3)],
);
const forwards = customJvp(
  (x: Tensor, y: Tensor) => x.mul(y).exp(),
  ([x, y], [dx, dy], out) => out.mul(dx.mul(y).add(dy.mul(x))).mul(2),
);

for (const device of devices)
  describe(`vmap on ${device}`, () => {
    computeOn(device);

    const combinations: [string, (number | null)[], number[], number[]][] = [
      ['both', [0, 0], [4, 2, 3], [4, 3]],
      ['the first', [0, null], [4, 2, 3], [3]],
      ['the second', [null, 0], [2, 3], [4, 3]],
      ['other axes', [-1, 1], [2, 3, 4], [3, 4]],
    ];
    for (const [what, f] of Object.entries(functions))
      test(`is a loop over the examples: ${what}`, () => {
        for (const [which, axes, xShape, yShape] of combinations) {
          const args = [sample(xShape, 1), sample(yShape, 2)];
          const expected = loopOver(f, axes, args);
          expectSame(vmap(f, { inAxes: axes })(...args), expected, 1e-12, `${what}, batched: ${which}`);
        }
      });

    test('compiled', () => {
      const names = Object.keys(functions);
      const args = [sample([4, 2, 3], 1), sample([4, 3], 2)];
      const all = jit((x: Tensor, y: Tensor) => names.map((name) => vmap(functions[name])(x, y)));
      all(...(args as [Tensor, Tensor])).forEach((actual, i) => {
        expectSame(actual, loopOver(functions[names[i]], [0, 0], args), 1e-12, names[i]);
      });
    });

    test('differentiated from outside', () => {
      const args = [sample([4, 2, 3], 1), sample([3], 2)] as [Tensor, Tensor];
      const names = Object.keys(functions).filter((name) => !/indices|own length|common length/.test(name));
      for (const name of names) {
        const weigh = (out: Tensor) => out.mul(sample(out.shape, 5)).sum();
        const batchedOne = (x: Tensor, y: Tensor) =>
          weigh(vmap(functions[name], { inAxes: [0, null] })(x, y));
        const looped = (x: Tensor, y: Tensor) => weigh(loopOver(functions[name], [0, null], [x, y]));
        const options = { argnums: [0, 1] } as const;
        const actual = grad(batchedOne, options)(...args);
        const expected = grad(looped, options)(...args);
        expectSame(actual[0], expected[0], 1e-10, `${name}, by the first`);
        expectSame(actual[1], expected[1], 1e-10, `${name}, by the second`);
      }
    });

    test('differentiated forwards from outside', () => {
      const args = [sample([4, 2, 3], 1), sample([3], 2)] as [Tensor, Tensor];
      const tangents = [sample([4, 2, 3], 3), sample([3], 4)] as [Tensor, Tensor];
      for (const name of Object.keys(functions).filter((n) => !/indices|rule in reverse/.test(n))) {
        const f = functions[name];
        const [, actual] = jvp(
          (x: Tensor, y: Tensor) => vmap(f, { inAxes: [0, null] })(x, y),
          args,
          tangents,
        );
        const [, expected] = jvp((x: Tensor, y: Tensor) => loopOver(f, [0, null], [x, y]), args, tangents);
        expectSame(actual, expected, 1e-10, name);
      }
    });
  });
