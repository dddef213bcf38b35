import { describe, expect, test } from 'vitest';
import { isTracing } from '../../src/core/trace.ts';
import {
  grad,
  jit,
  jvp,
  ones,
  stopGradient,
  type Tensor,
  tensor,
  Variable,
  valueAndGrad,
  vjp,
  where,
  zeros,
} from '../../src/index.ts';
import { expectClose } from '../support/close.ts';

const double = { dtype: 'float64' } as const;
const list = (x: Tensor): number[] => [...x.dataSync()];
const scalar = (value: number): Tensor => tensor(value, double);

describe('grad', () => {
  test('of a scalar function, in the tree of its argument', () => {
    expect(list(grad((x: Tensor) => x.square().sum())(tensor([1, -2, 3])))).toEqual([2, -4, 6]);
    const tree = { w: [tensor([1, 2]), tensor([[3]])], b: { c: tensor(4) }, name: 'layer', none: null };
    const result = grad((t: typeof tree) => t.w[0].sum().mul(t.w[1].sum()).add(t.b.c.square()))(tree);
    expect(Object.keys(result).sort()).toEqual(['b', 'name', 'none', 'w']);
    expect([result.name, result.none]).toEqual(['layer', null]);
    expect(list(result.w[0])).toEqual([3, 3]);
    expect(result.w[1].toArray()).toEqual([[3]]);
    expect(result.b.c.item()).toBe(8);
  });

  test('other arguments are passed on as they are', () => {
    const f = (x: Tensor, options: { times: number }, y: Tensor) => x.mul(options.times).mul(y).sum();
    expect(list(grad(f)(tensor([1, 2]), { times: 3 }, tensor([10, 20])))).toEqual([30, 60]);
  });

  test('argnums', () => {
    const f = (x: Tensor, y: Tensor, z: Tensor) => x.mul(y).mul(z);
    const args = [tensor(2), tensor(3), tensor(5)] as const;
    expect(grad(f, { argnums: 1 })(...args).item()).toBe(10);
    const [dz, dx] = grad(f, { argnums: [2, 0] })(...args);
    expect([dz.item(), dx.item()]).toEqual([6, 15]);
    const single = grad(f, { argnums: [1] })(...args);
    expect(single.map((g) => g.item())).toEqual([10]);
    expect(() => grad(f, { argnums: 3 })(...args)).toThrow('grad: there is no argument 3; the call has 3');
  });

  test('hasAux: the second part of the result is passed through', () => {
    const f = (x: Tensor) => [x.square().sum(), { doubled: x.mul(2), label: 'a' }] as const;
    const [gradient, aux] = grad(f, { hasAux: true })(tensor([1, 2]));
    expect(list(gradient)).toEqual([2, 4]);
    expect([list(aux.doubled), aux.label]).toEqual([[2, 4], 'a']);
    const [[value, same], again] = valueAndGrad(f, { hasAux: true })(tensor([1, 2]));
    expect([value.item(), list(same.doubled), list(again)]).toEqual([5, [2, 4], [2, 4]]);
  });

  test('zeros where the value does not depend on an argument', () => {
    expect(list(grad((_: Tensor) => tensor(1))(ones([3])))).toEqual([0, 0, 0]);
    expect(list(grad((x: Tensor) => x.floor().sum())(ones([3])))).toEqual([0, 0, 0]);
    expect(list(grad((x: Tensor) => x.cast('int32').cast('float32').sum())(tensor([1.5])))).toEqual([0]);
    expect(list(grad((x: Tensor) => x.gt(0).sum().cast('float32'))(ones([2])))).toEqual([0, 0]);
  });

  test('the argument itself as the value, used twice, passed twice', () => {
    expect(grad((x: Tensor) => x)(tensor(3)).item()).toBe(1);
    expect(grad((x: Tensor) => x.mul(x).add(x))(tensor(3)).item()).toBe(7);
    const x = tensor(3);
    const [a, b] = grad((p: Tensor, q: Tensor) => p.mul(q).add(p), { argnums: [0, 1] })(x, x);
    expect([a.item(), b.item()]).toEqual([4, 3]);
  });

  test('dtypes are kept', () => {
    expect(grad((x: Tensor) => x.cast('float64').square().sum())(tensor([3]))).toMatchObject({
      dtype: 'float32',
    });
    expect(grad((x: Tensor) => x.cast('float32').square().sum())(tensor([3], double))).toMatchObject({
      dtype: 'float64',
    });
  });

  test('of empty arrays', () => {
    const g = grad((x: Tensor) => x.square().sum())(zeros([0, 3]));
    expect(g.shape).toEqual([0, 3]);
    expect(list(g)).toEqual([]);
  });

  test.each([
    [
      () => grad((x: Tensor) => x)(ones([2])),
      'grad: the function must return a scalar, got shape [2]; reduce it with sum() or mean()',
    ],
    [() => grad((x: Tensor) => x)(ones([1])), /must return a scalar, got shape \[1\]/],
    [() => grad((_: Tensor) => 5 as never)(ones([2])), /must return a scalar array, got number/],
    [() => grad((x: Tensor) => [x.sum(), 1])(ones([2])), /did you mean hasAux: true\?/],
    [
      () => grad((x: Tensor) => x.sum(), { hasAux: true } as never)(ones([2])),
      /must return a scalar array, got undefined/,
    ],
    [
      () => grad((x: Tensor) => x.cast('int32').sum())(ones([2])),
      /returned int32; only floats have derivatives/,
    ],
    [
      () => grad((x: Tensor) => x.sum())(tensor([1, 2], { dtype: 'int32' })),
      'grad: cannot differentiate by int32[2]; only float arrays have derivatives',
    ],
    [() => grad((x: Tensor) => x.sum())(tensor([true])), /cannot differentiate by bool\[1\]/],
    [
      () => grad((x: { v: Variable }) => x.v.value.sum())({ v: new Variable(ones([1])) }),
      /a Variable cannot be part of a tree of arrays; use plain objects and arrays/,
    ],
  ])('refused: %s', (run, message) => {
    expect(run).toThrow(message);
  });
});

describe('nesting', () => {
  // f(x) = x^4 + sin(2x)
  const f = (x: Tensor) => x.mul(x).mul(x).mul(x).add(x.mul(2).sin());
  const derivatives = [
    (x: number) => x ** 4 + Math.sin(2 * x),
    (x: number) => 4 * x ** 3 + 2 * Math.cos(2 * x),
    (x: number) => 12 * x ** 2 - 4 * Math.sin(2 * x),
    (x: number) => 24 * x - 8 * Math.cos(2 * x),
    (x: number) => 24 + 16 * Math.sin(2 * x),
  ];

  test('grad to the fourth order', () => {
    let g: (x: Tensor) => Tensor = f;
    derivatives.forEach((exact, order) => {
      expectClose([g(scalar(0.7)).item()], [exact(0.7)], { rtol: 1e-12 }, `order ${order}`);
      g = grad(g);
    });
  });

  test('any mixture of forward and reverse mode to the third order', () => {
    const forward = (h: (x: Tensor) => Tensor) => (x: Tensor) => jvp(h, [x], [scalar(1)])[1];
    const reverse = (h: (x: Tensor) => Tensor) => (x: Tensor) => {
      const [, pullback] = vjp(h, x);
      return pullback(scalar(1));
    };
    const modes = [forward, reverse, grad];
    for (const a of modes)
      for (const b of modes)
        for (const c of modes)
          expectClose([a(b(c(f)))(scalar(0.7)).item()], [derivatives[3](0.7)], { rtol: 1e-12 });
  });

  test('an inner derivative by a variable that the outer function uses too', () => {
    // d/dx (x * d/dy (x y^2) at y = x) = d/dx (2 x^3) = 6 x^2
    const g = grad((x: Tensor) => x.mul(grad((y: Tensor) => x.mul(y).mul(y))(x)));
    expect(g(scalar(2)).item()).toBe(24);
    // The confusion of perturbations: d/dx (x * d/dy (x + y)) = 1, not 2.
    expect(grad((x: Tensor) => x.mul(grad((y: Tensor) => x.add(y))(scalar(1))))(scalar(1)).item()).toBe(1);
    const inner = (x: Tensor) => jvp((y: Tensor) => x.add(y), [scalar(1)], [scalar(1)])[1];
    expect(jvp((x: Tensor) => x.mul(inner(x)), [scalar(1)], [scalar(1)])[1].item()).toBe(1);
  });

  test('Hessian-vector products, forward over reverse and reverse over reverse', () => {
    const h = (x: Tensor) => x.square().sum().square().add(x.prod());
    const x = tensor([1, 2, 3], double);
    const v = tensor([0.5, -1, 2], double);
    const forward = jvp(grad(h), [x], [v])[1];
    const reverse = grad((y: Tensor) => grad(h)(y).mul(v).sum())(x);
    // H = 8 x x' + 4 |x|^2 I + the second derivatives of the product.
    const xs = [1, 2, 3];
    const vs = [0.5, -1, 2];
    const along = xs.reduce((sum, a, i) => sum + a * vs[i], 0);
    const square = xs.reduce((sum, a) => sum + a * a, 0);
    const expected = xs.map((a, i) => {
      const product = xs.reduce((sum, _, j) => (i === j ? sum : sum + vs[j] * (6 / (a * xs[j]))), 0);
      return 8 * a * along + 4 * square * vs[i] + product;
    });
    expectClose(list(forward), expected, { rtol: 1e-12 });
    expectClose(list(reverse), expected, { rtol: 1e-12 });
  });

  test('values read inside are concrete, and do not disturb the derivative', () => {
    const g = grad((x: Tensor) => {
      const y = x.square();
      const factor = y.item() > 3 ? 10 : 1;
      return y.mul(factor);
    });
    expect(g(scalar(2)).item()).toBe(40);
    expect(g(scalar(1)).item()).toBe(2);
    const second = grad((x: Tensor) => {
      const d = g(x);
      d.item();
      return d.mul(x);
    });
    expect(second(scalar(2)).item()).toBe(80);
  });
});

describe('jvp', () => {
  test('value and directional derivative of trees', () => {
    const f = (p: { a: Tensor; b: Tensor }, k: Tensor) => ({
      sum: p.a.add(p.b).mul(k),
      product: [p.a.mul(p.b)],
    });
    const [y, dy] = jvp(
      f,
      [{ a: tensor(2), b: tensor(3) }, tensor(10)],
      [{ a: tensor(1), b: tensor(0) }, tensor(1)],
    );
    expect([y.sum.item(), y.product[0].item()]).toEqual([50, 6]);
    expect([dy.sum.item(), dy.product[0].item()]).toEqual([15, 3]);
  });

  test('zeros where nothing changes', () => {
    const [, dy] = jvp((x: Tensor) => [x.mul(0), tensor([1, 2])], [tensor(1)], [tensor(1)]);
    expect(list(dy[1])).toEqual([0, 0]);
  });

  test.each([
    [
      () => jvp((x: Tensor) => x, [ones([2])], [ones([3])]),
      'jvp: a tangent is float32[3], it must be float32[2]',
    ],
    [
      () => jvp((x: Tensor) => x, [ones([2])], [tensor([1, 2], double)]),
      /float64\[2\], it must be float32\[2\]/,
    ],
    [
      () => jvp((x: Tensor, y: Tensor) => x.add(y), [ones([2]), ones([2])], [ones([2])] as never),
      /2 primals need as many tangents, got 1/,
    ],
    [
      () => jvp((x: Tensor[]) => x[0], [[ones([2]), ones([1])]], [[ones([2])]]),
      /tangent 0 has 1 arrays, its primal has 2/,
    ],
    [
      () => jvp((x: Tensor) => x, [tensor([1], { dtype: 'int32' })], [tensor([1], { dtype: 'int32' })]),
      /cannot differentiate by int32\[1\]/,
    ],
  ])('refused: %s', (run, message) => {
    expect(run).toThrow(message);
  });
});

describe('vjp', () => {
  test('the pullback works any number of times, after the result was read', () => {
    const [y, pullback] = vjp((x: Tensor) => x.square().mul(3).exp().log(), tensor([1, 2], double));
    expectClose(list(y), [3, 12], { rtol: 1e-12 });
    expectClose(list(pullback(tensor([1, 0], double))), [6, 0], { rtol: 1e-12 });
    expectClose(list(pullback(tensor([0, 1], double))), [0, 12], { rtol: 1e-12 });
  });

  test('the pullback works after other arrays of the function were read', () => {
    let middle: Tensor | null = null;
    const [, pullback] = vjp(
      (x: Tensor) => {
        middle = x.square();
        return middle.sin();
      },
      tensor([0.5], double),
    );
    expect(middle!.item()).toBe(0.25);
    expectClose(list(pullback(tensor([1], double))), [Math.cos(0.25)], { rtol: 1e-12 });
  });

  test('several primals, trees of results', () => {
    const [out, pullback] = vjp(
      (x: Tensor, y: Tensor) => ({ p: x.mul(y), s: x.add(y) }),
      tensor(2),
      tensor(5),
    );
    expect([out.p.item(), out.s.item()]).toEqual([10, 7]);
    const [dx, dy] = pullback({ p: tensor(1), s: tensor(100) });
    expect([dx.item(), dy.item()]).toEqual([105, 102]);
  });

  test('results of integers have no derivative', () => {
    const [, pullback] = vjp((x: Tensor) => x.cast('int32').mul(2), tensor([1.5]));
    expect(list(pullback(tensor([1], { dtype: 'int32' })))).toEqual([0]);
  });

  test('refused cotangents', () => {
    const [, pullback] = vjp((x: Tensor) => [x.mul(2), x], ones([2]));
    expect(() => pullback([ones([2])])).toThrow('vjp: the cotangent has 1 arrays, the function returned 2');
    expect(() => pullback([ones([2]), ones([3])])).toThrow(
      'vjp: a cotangent is float32[3], it must be float32[2]',
    );
  });

  test("jvp and vjp agree: <J v, w> = <v, J' w>", () => {
    const f = (x: Tensor) => x.matmul(x.T).softmax().matmul(x).tanh();
    const x = tensor([0.1, -0.5, 0.7, 0.2, 0.9, -0.3], { ...double, shape: [2, 3] });
    const v = tensor([1, -1, 2, 0.5, 0.1, -0.7], { ...double, shape: [2, 3] });
    const w = tensor([0.3, 0.2, -1, 1, 2, -0.6], { ...double, shape: [2, 3] });
    const forward = jvp(f, [x], [v])[1].mul(w).sum().item();
    const [, pullback] = vjp(f, x);
    expectClose([forward], [pullback(w).mul(v).sum().item()], { rtol: 1e-12 });
  });
});

describe('stopGradient', () => {
  test('is the identity with derivative zero, on trees', () => {
    const f = (x: Tensor) => x.mul(stopGradient(x)).sum();
    expect(list(grad(f)(tensor([2, 3])))).toEqual([2, 3]);
    expect(jvp((x: Tensor) => stopGradient(x), [tensor(2)], [tensor(1)]).map((t) => t.item())).toEqual([
      2, 0,
    ]);
    const tree = stopGradient({ a: [tensor(1)], n: 3 });
    expect([tree.a[0].item(), tree.n]).toEqual([1, 3]);
  });

  test('a branch that is not taken leaves no NaN when its operand is made safe', () => {
    const f = (x: Tensor) => {
      const safe = where(x.gt(0), x, 1);
      return where(x.gt(0), safe.sqrt(), 0).sum();
    };
    expect(list(grad(f)(tensor([4, 0, -1])))).toEqual([0.25, 0, 0]);
  });
});

describe('by variables', () => {
  const make = () => ({ w: new Variable(tensor([1, 2])), b: new Variable(tensor(3), { name: 'b' }) });

  test('one, a list, a record, an owner', () => {
    const { w, b } = make();
    const loss = () => w.value.square().sum().mul(b.value);
    const owner = { parameters: () => [w, b] };
    for (const source of [[w, b], { w, b }, owner]) {
      const [value, gradients] = valueAndGrad(loss, source);
      expect(value.item()).toBe(15);
      expect([...gradients.keys()]).toEqual([w, b]);
      expect([list(gradients.get(w)!), gradients.get(b)!.item()]).toEqual([[6, 12], 5]);
    }
    expect(list(grad(loss, w).get(w)!)).toEqual([6, 12]);
    expect(grad(loss, w).size).toBe(1);
  });

  test('auxiliary results beside the loss', () => {
    const { w } = make();
    const [[loss, aux], gradients] = valueAndGrad(
      () => [w.value.sum(), { scaled: w.value.mul(2) }] as const,
      w,
    );
    expect([loss.item(), list(aux.scaled), list(gradients.get(w)!)]).toEqual([3, [2, 4], [1, 1]]);
  });

  test('variables keep their content', () => {
    const { w, b } = make();
    const [before] = [w.node];
    valueAndGrad(() => w.value.sum().mul(b.value), [w, b]);
    expect(w.node).toBe(before);
    expect([list(w.value), b.value.item()]).toEqual([[1, 2], 3]);
  });

  test('a variable that the function assigns keeps the new content; later reads see it', () => {
    const { w, b } = make();
    const [value, gradients] = valueAndGrad(() => {
      b.assign(b.value.mul(w.value.sum()));
      return b.value.mul(2);
    }, [w, b]);
    expect(value.item()).toBe(18);
    expect([list(gradients.get(w)!), gradients.get(b)!.item()]).toEqual([[6, 6], 6]);
    expect(b.value.item()).toBe(9);
    expect(list(w.value)).toEqual([1, 2]);
  });

  test('state that is not differentiated may be assigned, and read afterwards', () => {
    const { w } = make();
    const mean = new Variable(tensor(0), { trainable: false });
    for (let i = 0; i < 3; i++)
      valueAndGrad(() => {
        mean.assign(mean.value.mul(0.5).add(w.value.mean().mul(0.5)));
        return w.value.sum();
      }, w);
    expect(mean.value.item()).toBe(1.3125);
  });

  test('state that nobody reads does not grow a graph without end', () => {
    const { w } = make();
    const count = new Variable(tensor(0), { trainable: false });
    let deepest = 0;
    for (let i = 0; i < 1500; i++) {
      valueAndGrad(() => {
        count.assign(count.value.add(1));
        return w.value.sum();
      }, w);
      deepest = Math.max(deepest, count.node.depth);
    }
    expect(deepest).toBeLessThan(1000);
    expect(count.value.item()).toBe(1500);
  });

  test('nested: a gradient step inside of a differentiated function', () => {
    const w = new Variable(scalar(3));
    // One step of descent on w^2 with rate r: w (1 - 2 r). d/dr (w (1 - 2r))^2 = -4 w^2 (1 - 2 r)
    const after = (rate: Tensor) => {
      const [, g] = valueAndGrad(() => w.value.square(), w);
      return w.value.sub(g.get(w)!.mul(rate)).square();
    };
    expectClose([grad(after)(scalar(0.1)).item()], [-4 * 9 * 0.8], { rtol: 1e-12 });
    // By the variable itself, through the inner gradient.
    expectClose(
      [
        grad(() => after(scalar(0.1)), w)
          .get(w)!
          .item(),
      ],
      [2 * 3 * 0.64],
      { rtol: 1e-12 },
    );
  });

  test('refused', () => {
    const steps = new Variable(tensor(0, { dtype: 'int32' }));
    expect(() => valueAndGrad(() => tensor(1), steps)).toThrow(
      /valueAndGrad: cannot differentiate by int32\[\]/,
    );
    const { w } = make();
    expect(() => valueAndGrad(() => w.value, w)).toThrow(/must return a scalar, got shape \[2\]/);
  });
});

describe('exceptions', () => {
  class Problem extends Error {}
  const fail = (..._done: unknown[]): never => {
    throw new Problem('inside');
  };

  test.each([
    ['grad', () => grad((x: Tensor) => fail(x.sum()))(ones([1]))],
    ['jvp', () => jvp((x: Tensor) => fail(x.sum()), [ones([1])], [ones([1])])],
    ['vjp', () => vjp((x: Tensor) => fail(x.sum()), ones([1]))],
    ['jit', () => jit((x: Tensor) => fail(x.sum()))(ones([1]))],
    ['nested', () => grad((x: Tensor) => grad((y: Tensor) => fail(y.sum()))(x).sum())(ones([1]))],
    ['a wrong result', () => grad((x: Tensor) => x)(ones([2]))],
  ])('leave nothing behind: %s', (_, run) => {
    expect(run).toThrow();
    expect(isTracing()).toBe(false);
    expect(list(grad((x: Tensor) => x.square().sum())(ones([2])))).toEqual([2, 2]);
  });

  test('variables get their content back', () => {
    const w = new Variable(tensor([1, 2]));
    expect(() =>
      valueAndGrad(() => {
        w.value.sum();
        return fail();
      }, w),
    ).toThrow(Problem);
    expect(list(w.value)).toEqual([1, 2]);
    expect(() => valueAndGrad(() => w.value, w)).toThrow();
    expect(list(w.value)).toEqual([1, 2]);
    const [, g] = valueAndGrad(() => w.value.square().sum(), w);
    expect(list(g.get(w)!)).toEqual([2, 4]);
  });

  test('a caught inner failure leaves the outer derivative right', () => {
    const g = grad((x: Tensor) => {
      try {
        grad((y: Tensor) => fail(y.sum()))(x);
      } catch {
        return x.square();
      }
      return x;
    });
    expect(g(tensor(3)).item()).toBe(6);
  });
});

describe('results of one gradient', () => {
  test('are computed in one program, whichever is read first', () => {
    const a = tensor([1, 2, 3]);
    const b = tensor([4, 5, 6]);
    const read = (order: readonly number[]) => {
      const [value, [da, db]] = valueAndGrad((x: Tensor, y: Tensor) => x.mul(y).exp().log().sum(), {
        argnums: [0, 1],
      })(a, b);
      const results = [value, da, db];
      results[order[0]].dataSync();
      expect(results.map((t) => t.node.stored !== null)).toEqual([true, true, true]);
      return results.map((t) => t.toArray());
    };
    expect(read([0])).toEqual(read([1]));
    expect((read([2])[1] as number[]).map(Math.round)).toEqual([4, 5, 6]);
  });

  test('are computed along with an update that uses them', () => {
    const w = new Variable(tensor([1, 2]));
    const [loss, grads] = valueAndGrad(() => w.value.square().sum(), w);
    w.assign(w.value.sub(grads.get(w)!.mul(0.1)));
    w.value.dataSync();
    expect(loss.node.stored).not.toBeNull();
    expect(loss.item()).toBe(5);
  });
});
