import { describe, expect, test, vi } from 'vitest';
import {
  checkpoint,
  cond,
  customJvp,
  customVjp,
  debug,
  grad,
  jit,
  jvp,
  ones,
  random,
  scan,
  stack,
  switchCase,
  type Tensor,
  tensor,
  Variable,
  vjp,
  vmap,
  whileLoop,
  zeros,
} from '../../src/index.ts';
import { Linear } from '../../src/nn/index.ts';
import { expectClose } from '../support/close.ts';
import { computeOn, devices } from '../support/device.ts';

const double = { dtype: 'float64' } as const;
const list = (x: Tensor): number[] => [...x.dataSync()];

/** Deterministic numbers between -1 and 1 that are not near each other. */
const sample = (shape: readonly number[], seed = 0): Tensor =>
  random.uniform(shape, { key: random.key(seed), low: -1, high: 1, dtype: 'float64' });

type Function = (...args: Tensor[]) => Tensor;

/** What vmap must give: one example after the other. */
const loop = (f: Function, axes: readonly (number | null)[], args: readonly Tensor[]): Tensor => {
  const size = args.flatMap((x, i) => (axes[i] === null ? [] : [x.shape.at(axes[i]!)!]))[0];
  return stack(
    Array.from({ length: size }, (_, n) =>
      f(...args.map((x, i) => (axes[i] === null ? x : x.at(n, axes[i])))),
    ),
  );
};

function same(actual: Tensor, expected: Tensor, rtol = 1e-12, what = 'values'): void {
  expect(actual.shape, what).toEqual(expected.shape);
  expect(actual.dtype, what).toBe(expected.dtype);
  expectClose(actual.dataSync(), expected.dataSync(), { rtol, atol: rtol }, what);
}

/** Functions of an x [2, 3] and a y [3], through all kinds of operations and transforms. */
const functions: Record<string, Function> = {
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
          const expected = loop(f, axes, args);
          same(vmap(f, { inAxes: axes })(...args), expected, 1e-12, `${what}, batched: ${which}`);
        }
      });

    test('compiled', () => {
      const names = Object.keys(functions);
      const args = [sample([4, 2, 3], 1), sample([4, 3], 2)];
      const all = jit((x: Tensor, y: Tensor) => names.map((name) => vmap(functions[name])(x, y)));
      all(...(args as [Tensor, Tensor])).forEach((actual, i) => {
        same(actual, loop(functions[names[i]], [0, 0], args), 1e-12, names[i]);
      });
    });

    test('differentiated from outside', () => {
      const args = [sample([4, 2, 3], 1), sample([3], 2)] as [Tensor, Tensor];
      const names = Object.keys(functions).filter((name) => !/indices|own length|common length/.test(name));
      for (const name of names) {
        const weigh = (out: Tensor) => out.mul(sample(out.shape, 5)).sum();
        const batchedOne = (x: Tensor, y: Tensor) =>
          weigh(vmap(functions[name], { inAxes: [0, null] })(x, y));
        const looped = (x: Tensor, y: Tensor) => weigh(loop(functions[name], [0, null], [x, y]));
        const options = { argnums: [0, 1] } as const;
        const actual = grad(batchedOne, options)(...args);
        const expected = grad(looped, options)(...args);
        same(actual[0], expected[0], 1e-10, `${name}, by the first`);
        same(actual[1], expected[1], 1e-10, `${name}, by the second`);
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
        const [, expected] = jvp((x: Tensor, y: Tensor) => loop(f, [0, null], [x, y]), args, tangents);
        same(actual, expected, 1e-10, name);
      }
    });
  });

describe('vmap: arguments and results', () => {
  test('trees, numbers among them, axes for their parts', () => {
    const f = ({ a, b }: { a: Tensor; b: [Tensor, Tensor] }, scale: number) => ({
      sum: a.add(b[0]).mul(scale),
      rest: [b[1], scale, 'kept'] as const,
    });
    const [a, b0, b1] = [sample([3, 2]), sample([2, 3]), sample([2])];
    const out = vmap(f, {
      inAxes: [{ a: 0, b: [1, null] }, null],
      outAxes: { sum: 1, rest: [null, 0, 0] },
    })({ a, b: [b0, b1] }, 2);
    same(out.sum, a.T.add(b0).mul(2));
    same(out.rest[0], b1);
    expect(out.rest.slice(1)).toEqual([2, 'kept']);
  });

  test('a result that no example changes is repeated, or stays one', () => {
    const w = sample([2]);
    const f = (_: Tensor) => w.mul(2);
    expect(vmap(f)(zeros([3])).shape).toEqual([3, 2]);
    expect(vmap(f, { outAxes: -1 })(zeros([3])).shape).toEqual([2, 3]);
    expect(vmap(f, { outAxes: null })(zeros([3])).shape).toEqual([2]);
  });

  test('an argument that is shared may be anything', () => {
    class Settings {
      readonly factor = 3;
    }
    const f = (x: Tensor, settings: Settings, g: (y: Tensor) => Tensor) => g(x.mul(settings.factor));
    const out = vmap(f, { inAxes: [0, null, null] })(ones([2]), new Settings(), (y) => y.add(1));
    expect(list(out)).toEqual([4, 4]);
  });

  test('one example, none, and examples that are scalars', () => {
    expect(list(vmap((x: Tensor) => x.mul(2))(tensor([3])))).toEqual([6]);
    expect(vmap((x: Tensor) => x.mul(x.sum()))(zeros([0, 3])).shape).toEqual([0, 3]);
  });

  test('a function knows only one example', () => {
    const seen: (readonly number[])[] = [];
    vmap(
      (x: Tensor, y: Tensor) => {
        seen.push(x.shape, y.shape);
        return x.add(y);
      },
      { inAxes: [1, null] },
    )(zeros([2, 5]), zeros([2]));
    expect(seen).toEqual([[2], [2]]);
  });

  test.each<[string, () => unknown, RegExp]>([
    [
      'sizes that differ',
      () =>
        vmap(function f(x: Tensor, y: Tensor) {
          return x.add(y);
        })(zeros([3, 2]), zeros([4])),
      /vmap\(f\): the axes of examples differ in size: argument 0 \(float32\[3, 2\]\) has 3 on axis 0, argument 1 \(float32\[4\]\) has 4 on axis 0/,
    ],
    [
      'sizes that differ in a tree',
      () => vmap((x: Tensor[]) => x[0])([zeros([3]), zeros([2])]),
      /array 0 of argument 0 \(float32\[3\]\) has 3 on axis 0, array 1 of argument 0/,
    ],
    ['a scalar', () => vmap((x: Tensor) => x)(tensor(1)), /argument 0 is float32\[\] and has no axis 0/],
    [
      'an axis that is not there',
      () => vmap((x: Tensor) => x, { inAxes: -3 })(zeros([2, 2])),
      /float32\[2, 2\] and has no axis -3 of examples; inAxes null has the examples share it/,
    ],
    [
      'nothing batched',
      () => vmap((x: Tensor) => x, { inAxes: null })(zeros([2])),
      /no argument has an axis of examples/,
    ],
    [
      'entries for other arguments',
      () => vmap((x: Tensor) => x, { inAxes: [0, 0] })(zeros([2])),
      /inAxes has 2 entries for 1 arguments/,
    ],
    [
      'a list of axes for an array',
      () => vmap((x: Tensor) => x, { inAxes: [[0]] })(zeros([2])),
      /inAxes does not fit argument 0: it has a list where there is none/,
    ],
    [
      'a list of the wrong length',
      () => vmap((x: Tensor[]) => x[0], { inAxes: [[0]] })([zeros([2]), zeros([2])]),
      /inAxes does not fit argument 0: it has 1 entries for 2 elements/,
    ],
    [
      'other keys',
      () => vmap((x: { a: Tensor }) => x.a, { inAxes: [{ b: 0 }] })({ a: zeros([2]) }),
      /inAxes does not fit argument 0: only one of them has 'a'/,
    ],
    [
      'outAxes null for what differs',
      () => vmap((x: Tensor) => x.mul(2), { outAxes: null })(zeros([3, 2])),
      /outAxes is null for a result that differs between the examples, float32\[2\] each/,
    ],
    [
      'an output axis that is not there',
      () => vmap((x: Tensor) => x, { outAxes: 2 })(zeros([3, 2])),
      /outAxes has 2 for a result of shape \[2\] for one example; axes from -2 to 1 are possible/,
    ],
    [
      'options that do not exist',
      () => vmap((x: Tensor) => x, { inAxis: 1 } as never),
      /vmap: unknown option 'inAxis'; options are inAxes, outAxes/,
    ],
    [
      'reading values',
      () => vmap((x: Tensor) => x.mul(x.sum().item()))(zeros([3, 2])),
      /^vmap: the value of an array was asked for while the function runs for all examples at once/,
    ],
  ])('refused: %s', (_, run, message) => {
    expect(run).toThrow(message);
  });

  test('values that the examples share can be read', () => {
    const w = tensor([2, 3]);
    expect(list(vmap((x: Tensor) => x.mul(w.sum().item()))(tensor([1, 2])))).toEqual([5, 10]);
  });
});

describe('vmap: variables', () => {
  test('are read by every example', () => {
    const layer = new Linear(3, 2);
    const x = sample([5, 3]).cast('float32');
    same(vmap((row: Tensor) => layer.forward(row))(x), layer.forward(x), 1e-5);
  });

  test('the gradient of each example by the parameters of a model', () => {
    const layer = new Linear(3, 2);
    const [x, y] = [sample([5, 3], 1).cast('float32'), sample([5, 2], 2).cast('float32')];
    const loss = (a: Tensor, b: Tensor) => layer.forward(a).sub(b).square().sum();
    const each = vmap((a: Tensor, b: Tensor) => grad(() => loss(a, b), layer))(x, y);
    expect([...each.keys()]).toEqual(layer.parameters());
    for (const [variable, gradient] of each) {
      const alone = Array.from(
        { length: 5 },
        (_, i) => grad(() => loss(x.at(i), y.at(i)), layer).get(variable)!,
      );
      same(gradient, stack(alone), 1e-5);
    }
  });

  test('may be assigned what all examples agree on', () => {
    const count = new Variable(tensor(0));
    const f = vmap((x: Tensor) => {
      count.assign(count.value.add(1));
      return x.mul(count.value);
    });
    expect(list(f(tensor([1, 2])))).toEqual([1, 2]);
    expect(list(jit(f)(tensor([1, 2])))).toEqual([2, 4]);
    expect(count.value.item()).toBe(2);
  });

  test('assigned what differs: refused, and as they were', () => {
    const mean = new Variable(tensor(7), { name: 'mean' });
    const f = vmap((x: Tensor) => {
      mean.assign(x);
      return x;
    });
    const message =
      /Variable 'mean' a value that differs between the examples, but it holds one of shape \[\]; return the values instead/;
    expect(() => f(tensor([1, 2]))).toThrow(message);
    expect(mean.value.item()).toBe(7);
    expect(() => jit(f)(tensor([1, 2]))).toThrow(message);
    expect(() => vmap(f)(tensor([[1, 2]]))).toThrow(message);
    expect(mean.value.item()).toBe(7);
    const failing = vmap((x: Tensor) => {
      mean.assign(x);
      throw new Error('later');
    });
    expect(() => failing(tensor([1, 2]))).toThrow('later');
    expect(mean.value.item()).toBe(7);
  });

  test('assigned by a scan inside: refused too', () => {
    const total = new Variable(tensor(0), { name: 'total' });
    const f = vmap((x: Tensor) => {
      scan(
        (c: Tensor, e: Tensor) => {
          total.assign(total.value.add(e));
          return [c, null] as [Tensor, null];
        },
        tensor(0),
        x,
      );
      return x;
    });
    expect(() => f(ones([2, 3]))).toThrow(/Variable 'total'/);
    expect(total.value.item()).toBe(0);
  });

  test('of an example itself, made inside', () => {
    const f = (x: Tensor) => {
      const state = new Variable(x);
      for (let i = 0; i < 3; i++) state.assign(state.value.mul(2));
      return state.value;
    };
    expect(list(vmap(f)(tensor([1, 2])))).toEqual([8, 16]);
  });
});

describe('vmap: printing', () => {
  const lines = (run: () => unknown): string[] => {
    const log = vi.spyOn(console, 'log').mockImplementation(() => {});
    try {
      run();
      return log.mock.calls.map((call) => String(call[0]));
    } finally {
      log.mockRestore();
    }
  };
  const f = (x: Tensor) => {
    debug.print('x {}, shared {}', x.mul(2), tensor(7));
    return x.sum();
  };

  test('shows all examples, at once and at each run of a compiled function', () => {
    const x = tensor([1, 2]);
    const line = 'x tensor([2, 4]), shared 7';
    expect(lines(() => vmap(f)(x))).toEqual([line]);
    const compiled = jit(vmap(f));
    expect(lines(() => [compiled(x), compiled(x)])).toEqual([line, line]);
    expect(lines(() => vmap(grad(f))(x))).toEqual([line]);
    expect(lines(() => vmap(vmap(f), { inAxes: 1 })(tensor([[1, 2]])))).toEqual([
      'x tensor([[2],\n        [4]]), shared 7',
    ]);
  });

  test('in a loop inside: refused as without vmap', () => {
    const looped = (xs: Tensor) => scan((c: Tensor, x: Tensor) => [c.add(f(x)), null], tensor(0), xs)[0];
    expect(() => vmap(looped)(ones([2, 3]))).toThrow(/debug.print: inside of scan/);
  });
});

describe('vmap: random numbers', () => {
  const keys = random.split(random.key(9), 5);
  const draws: [string, (k: Tensor) => Tensor][] = [
    ['normal', (key) => random.normal([3, 2], { key })],
    ['uniform', (key) => random.uniform([4], { key, low: 2, high: 5 })],
    ['randint', (key) => random.randint([6], -5, 50, { key })],
    ['bernoulli', (key) => random.bernoulli(0.3, [5], { key })],
    ['permutation', (key) => random.permutation(7, { key })],
    ['split and fold', (key) => random.bits([2], { key: random.foldIn(random.split(key).at(1), 5) })],
  ];
  test.each(draws)('%s by keys: bit for bit what each key draws alone', (_, draw) => {
    const expected = stack(Array.from({ length: 5 }, (__, i) => draw(keys.at(i))));
    for (const run of [vmap(draw), jit(vmap(draw))]) {
      const out = run(keys);
      expect(out.shape).toEqual(expected.shape);
      expect(list(out)).toEqual(list(expected));
    }
  });

  test('without a key all examples share one draw, and the generator goes on by one', () => {
    const f = vmap((x: Tensor) => x.mul(0).add(random.normal([])));
    random.seed(4);
    const [first, second] = [random.normal([]).item(), random.normal([]).item()];
    random.seed(4);
    expect(list(f(zeros([3])))).toEqual([first, first, first]);
    expect(list(jit(f)(zeros([3])))).toEqual([second, second, second]);
  });
});
