import { describe, expect, test, vi } from 'vitest';
import {
  debug,
  grad,
  jit,
  ones,
  scan,
  stack,
  type Tensor,
  tensor,
  Variable,
  vmap,
  zeros,
} from '../../src/index.ts';
import { Linear } from '../../src/nn/index.ts';
import { expectSame, sample } from '../support/example_loop.ts';

const list = (x: Tensor): number[] => [...x.dataSync()];

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
    expectSame(out.sum, a.T.add(b0).mul(2));
    expectSame(out.rest[0], b1);
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
    expectSame(vmap((row: Tensor) => layer.forward(row))(x), layer.forward(x), 1e-5);
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
      expectSame(gradient, stack(alone), 1e-5);
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
