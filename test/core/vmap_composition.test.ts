import { describe, expect, test } from 'vitest';
import {
  checkpoint,
  cond,
  customVjp,
  grad,
  hessian,
  jit,
  linearize,
  ones,
  scan,
  stack,
  type Tensor,
  tensor,
  Variable,
  vjp,
  vmap,
  whileLoop,
  zeros,
} from '../../src/index.ts';
import { expectSame, loopOver, sample } from '../support/example_loop.ts';

// Transforms and control flow around each other, deeper than a table of pairs goes.

const list = (x: Tensor): number[] => [...x.dataSync()];
const half = { dtype: 'float16' } as const;

describe('vmap in compositions', () => {
  const xs = sample([3, 4], 21);

  test('the hessian of a scan over checkpoints, of each example, compiled', () => {
    const step = checkpoint((a: Tensor, b: Tensor) => a.mul(b).sin());
    const f = (x: Tensor) =>
      scan(
        (c: Tensor, e: Tensor) => [step(c, e), null] as [Tensor, null],
        tensor(1, { dtype: 'float64' }),
        x,
      )[0];
    expectSame(jit(vmap(hessian(f)))(xs), loopOver(hessian(f), [0], [xs]));
  });

  test('scans and loops inside of each other, with vmap at any place', () => {
    const sums = (start: Tensor, rows: Tensor) =>
      vmap(
        (a: Tensor, b: Tensor) => scan((p: Tensor, q: Tensor) => [p.add(q), null] as [Tensor, null], a, b)[0],
      )(start, rows);
    const nested = scan(
      (c: Tensor, x: Tensor) => [sums(c, stack([x, x.mul(2)])), null] as [Tensor, null],
      zeros([2]).cast('float64'),
      xs,
    )[0];
    const total = xs.sum().item();
    expectSame(nested, tensor([total, 2 * total], { dtype: 'float64' }), 1e-12);
    const looped = (x: Tensor) =>
      scan(
        (c: Tensor, e: Tensor) => {
          const next = whileLoop(
            (v: Tensor) => v.lt(5),
            (v) => v.add(e.abs().add(1)),
            c.mul(0.5),
          );
          return [next, c] as [Tensor, Tensor];
        },
        tensor(0, { dtype: 'float64' }),
        x,
      )[1];
    expectSame(vmap(looped)(xs), loopOver(looped, [0], [xs]));
  });

  test('a choice of variables, and the gradient by one', () => {
    const w = new Variable(tensor([1, 2, 3, 4], { dtype: 'float64' }));
    const f = (x: Tensor) =>
      cond(
        x.sum().gt(0),
        (a: Tensor) => a.mul(w.value).sum(),
        (a: Tensor) => vmap((b: Tensor) => b.square())(a).sum(),
        x,
      );
    expectSame(vmap(f)(xs), loopOver(f, [0], [xs]));
    const slope = (x: Tensor) => grad(() => vmap(f)(x).sum(), w).get(w)!;
    const expected = grad(() => loopOver(f, [0], [xs]).sum(), w).get(w)!;
    expectSame(slope(xs), expected);
    expectSame(jit(slope)(xs), expected);
  });

  test('pullbacks and linear maps of vmapped functions, and vmapped', () => {
    const square = (x: Tensor) => x.square();
    expectSame(vjp(vmap(square), xs)[1](ones([3, 4]).cast('float64')), xs.mul(2));
    expectSame(linearize(vmap(square), xs)[1](xs), xs.square().mul(2));
    const [, pullback] = vjp(square, tensor([1, 2]));
    expect(
      list(
        vmap(pullback)(
          tensor([
            [1, 0],
            [0, 1],
          ]),
        ),
      ),
    ).toEqual([2, 0, 0, 4]);
    expectSame(vmap(jit(grad(jit((x: Tensor) => x.square().sum()))))(xs), xs.mul(2));
  });

  test('a rule that uses an array of the example from outside of it', () => {
    const scaled = (x: Tensor) => {
      const f = customVjp(
        (y: Tensor) => [y.square(), null],
        (_, ct: Tensor) => [ct.mul(x).mul(10)],
      );
      return f(x);
    };
    const x = tensor([1, 2, 3]);
    expect(list(grad((a: Tensor) => vmap(scaled)(a).sum())(x))).toEqual([10, 20, 30]);
    expect(list(vmap(grad(scaled))(x))).toEqual([10, 20, 30]);
  });

  test('half precision stays what it is, also in the sum over examples that share an operand', () => {
    const [x, w] = [
      tensor(
        [
          [1, 2],
          [3, 4],
        ],
        half,
      ),
      tensor([1, 2], half),
    ];
    const scaled = vmap((a: Tensor, b: Tensor) => stack([a, b]), { inAxes: [0, null] })(x, w);
    expect([scaled.dtype, scaled.shape, list(scaled)]).toEqual([
      'float16',
      [2, 2, 2],
      [1, 2, 1, 2, 3, 4, 1, 2],
    ]);
    const product = customVjp(
      (a: Tensor, b: Tensor) => [a.mul(b).sum(), [a, b]],
      ([a, b]: Tensor[], ct: Tensor) => [ct.mul(b).cast('float16'), ct.mul(a).cast('float16')],
    );
    const slope = grad((b: Tensor) => vmap((a: Tensor) => product(a, b))(x).sum())(w);
    expect([slope.dtype, list(slope)]).toEqual(['float16', [4, 6]]);
  });
});
