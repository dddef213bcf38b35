import { afterEach, describe, expect, test, vi } from 'vitest';
import { isTracing } from '../../src/core/trace.ts';
import {
  grad,
  jit,
  jvp,
  ones,
  random,
  scope,
  type Tensor,
  tensor,
  Variable,
  valueAndGrad,
  vjp,
  zeros,
} from '../../src/index.ts';
import { expectClose } from '../support/close.ts';

const list = (x: Tensor): number[] => [...x.dataSync()];

/** A jitted function that counts how often it is recorded. */
function counted<F extends (...args: never[]) => unknown>(f: F): { run: F; records: () => number } {
  let records = 0;
  const run = jit(((...args: never[]) => {
    records++;
    return f(...args);
  }) as F);
  return { run, records: () => records };
}

describe('specializations', () => {
  test('one for each shape and dtype', () => {
    const { run, records } = counted((x: Tensor) => x.mul(2).sum(0));
    for (const n of [2, 3, 2, 3, 2]) expect(run(ones([n])).item()).toBe(2 * n);
    expect(records()).toBe(2);
    expect(run(ones([2], { dtype: 'float64' })).dtype).toBe('float64');
    expect(run(ones([1, 2])).shape).toEqual([2]);
    expect(records()).toBe(4);
    expect(list(run(tensor([5, 6])))).toEqual([22]);
    expect(records()).toBe(4);
  });

  test('one for each static value and each structure', () => {
    const { run, records } = counted((x: Tensor, options: { factor: number; tags: string[] }) =>
      x.mul(options.factor + options.tags.length),
    );
    expect(run(tensor(1), { factor: 2, tags: [] }).item()).toBe(2);
    expect(run(tensor(1), { factor: 3, tags: [] }).item()).toBe(3);
    expect(run(tensor(1), { factor: 2, tags: ['a', 'b'] }).item()).toBe(4);
    expect(run(tensor(1), { factor: 2, tags: ['a,string:"b"'] }).item()).toBe(3);
    expect(run(tensor(1), { factor: 2, tags: ['a,string:b'] }).item()).toBe(3);
    expect(records()).toBe(5);
    expect(run(tensor(7), { tags: [], factor: 2 }).item()).toBe(14);
    expect(records()).toBe(5);
  });

  test('0 and -0 differ', () => {
    const { run } = counted((x: Tensor, by: number) => x.div(by));
    expect(run(tensor(1), 0).item()).toBe(Infinity);
    expect(run(tensor(1), -0).item()).toBe(-Infinity);
  });

  test('no arguments, arguments without arrays, missing arguments', () => {
    expect(jit(() => tensor([1, 2]).add(1))().toArray()).toEqual([2, 3]);
    expect(jit((n: number) => ones([n]).sum())(4).item()).toBe(4);
    const optional = jit((x: Tensor, y?: Tensor) => (y === undefined ? x : x.add(y)));
    expect(optional(tensor(1)).item()).toBe(1);
    expect(optional(tensor(1), tensor(5)).item()).toBe(6);
  });

  test('trees in and out', () => {
    const f = jit((p: { a: Tensor; list: Tensor[] }) => ({
      sum: p.a.add(p.list[0]),
      same: p.list,
      n: 3,
      none: null,
    }));
    for (let i = 0; i < 2; i++) {
      const out = f({ a: tensor(i), list: [tensor(2), tensor(3)] });
      expect([out.sum.item(), out.same.map((t) => t.item()), out.n, out.none]).toEqual([
        i + 2,
        [2, 3],
        3,
        null,
      ]);
    }
  });

  test('many of them are probably a mistake, and reported once', () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    const step = jit(function update(x: Tensor, n: number) {
      return x.mul(n);
    });
    for (let n = 0; n < 40; n++) step(tensor(1), n);
    expect(warn).toHaveBeenCalledTimes(1);
    expect(warn.mock.calls[0][0]).toMatch(
      /jit\(update\) was compiled 32 times.*changed was the static value 30 to 31\. Pass changing numbers as arrays/,
    );
  });

  test.each<[string, (f: (...args: unknown[]) => unknown, i: number) => unknown, RegExp]>([
    [
      'a shape',
      (f, i) => f(ones([2, i + 1])),
      /what changed was array 0 of the arguments from float32\[2,31\] to float32\[2,32\]/,
    ],
    [
      'a dtype and a text',
      (f, i) =>
        f(tensor([0]), { x: tensor([1], { dtype: i % 2 === 0 ? 'int32' : 'float32' }), name: `a"]${i}` }),
      /the static value "a\\"\]30" to "a\\"\]31", array 1 of the arguments from int32\[1\] to float32\[1\]\./,
    ],
    [
      'the structure',
      (f, i) => f(Array.from({ length: i + 1 }, () => tensor(1))),
      /the structure of the arguments from \[\[\*,.*the number of arrays from 31 to 32/,
    ],
  ])('the report names what changed: %s', (_, call, message) => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    const f = jit((x: unknown) => (Array.isArray(x) ? x[0] : x) as Tensor) as (...args: unknown[]) => unknown;
    for (let i = 0; i < 33; i++) call(f, i);
    expect(warn.mock.calls.map(([text]) => text)).toEqual([expect.stringMatching(message)]);
  });

  test('or that it was nothing among the arguments', () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    const variables = Array.from({ length: 6 }, () => new Variable(tensor(1)));
    const f = jit(() => variables.filter((v) => v.trainable).length);
    for (let i = 0; i < 32; i++) {
      variables.forEach((v, bit) => {
        v.trainable = ((i >> bit) & 1) === 1;
      });
      f();
    }
    expect(warn.mock.calls[0][0]).toMatch(
      /a fact outside of the arguments changed, such as train\(\) and eval\(\)/,
    );
  });
  afterEach(() => vi.restoreAllMocks());

  test('the name tells what was jitted', () => {
    expect(jit(function step() {}).name).toBe('jit(step)');
  });
});

describe('captured arrays', () => {
  test('are constants, evaluated or not', () => {
    const evaluated = tensor([1, 2]);
    const pending = tensor([10, 20]).mul(3).add(evaluated);
    const f = jit((x: Tensor) => x.add(pending).mul(evaluated));
    expect(list(f(ones([2])))).toEqual([32, 126]);
    expect(list(f(zeros([2])))).toEqual([31, 124]);
    expect(list(pending)).toEqual([31, 62]);
  });

  test('made inside of the function, also under scope', () => {
    const f = jit((x: Tensor) => x.add(tensor([1, 2])));
    expect(
      scope(() =>
        f(ones([2]))
          .sum()
          .item(),
      ),
    ).toBe(5);
    expect(list(f(ones([2])))).toEqual([2, 3]);
  });

  test('may be read while recording', () => {
    const table = tensor([1, 2, 3]).mul(2);
    const f = jit((x: Tensor) => x.mul(table.sum().item()));
    expect(f(tensor(2)).item()).toBe(24);
  });

  test('a result that does not depend on the arguments', () => {
    const outside = tensor([1, 2]).add(1);
    const f = jit((_: Tensor) => [outside, zeros([2]), tensor(5)]);
    for (let i = 0; i < 2; i++) expect(f(tensor(i)).map(list)).toEqual([[2, 3], [0, 0], [5]]);
  });

  test('the content of a variable that was read outside stays what it was', () => {
    const v = new Variable(tensor([1]));
    const old = v.value;
    const f = jit((x: Tensor) => x.add(old));
    expect(list(f(tensor([1])))).toEqual([2]);
    v.assign(tensor([100]));
    expect(list(f(tensor([1])))).toEqual([2]);
  });
});

describe('variables', () => {
  test('are read anew at each call and assigned', () => {
    const count = new Variable(tensor(0));
    const { run, records } = counted((x: Tensor) => {
      count.assign(count.value.add(1));
      return x.mul(count.value);
    });
    expect([1, 2, 3].map(() => run(tensor(10)).item())).toEqual([10, 20, 30]);
    count.assign(tensor(100));
    expect(run(tensor(10)).item()).toBe(1010);
    expect(count.value.item()).toBe(101);
    expect(records()).toBe(1);
  });

  test('an assignment seen by a later read, overwritten, or of the same content', () => {
    const v = new Variable(tensor([1, 2]));
    const f = jit(() => {
      const before = v.value;
      v.assign(v.value.mul(2));
      v.assign(v.value.add(before));
      return [before, v.value];
    });
    expect(f().map(list)).toEqual([
      [1, 2],
      [3, 6],
    ]);
    expect(list(v.value)).toEqual([3, 6]);
    const same = jit(() => {
      v.assign(v.value);
      return v.value.sum();
    });
    expect([same().item(), same().item(), list(v.value)]).toEqual([9, 9, [3, 6]]);
  });

  test('may exchange their contents', () => {
    const [a, b] = [new Variable(tensor([1, 1])), new Variable(tensor([2, 2]))];
    const swap = jit(() => {
      const old = a.value;
      a.assign(b.value);
      b.assign(old);
    });
    swap();
    expect([list(a.value), list(b.value)]).toEqual([
      [2, 2],
      [1, 1],
    ]);
    swap();
    expect([list(a.value), list(b.value)]).toEqual([
      [1, 1],
      [2, 2],
    ]);
  });

  test('that hold the same array part when one is updated', () => {
    const online = new Variable(tensor([1, 2]));
    const target = new Variable(zeros([2]));
    target.assign(online.value);
    const step = jit(() => online.assign(online.value.add(1)));
    step();
    step();
    expect([list(online.value), list(target.value)]).toEqual([
      [3, 4],
      [1, 2],
    ]);
    const sync = jit(() => target.assign(online.value));
    sync();
    step();
    expect([list(online.value), list(target.value)]).toEqual([
      [4, 5],
      [3, 4],
    ]);
  });

  test('that a program made equal part when one is updated, though nobody looked in between', () => {
    const [a, b] = [new Variable(tensor([1, 2])), new Variable(zeros([2]))];
    const step = jit(() => a.assign(a.value.add(1)));
    const copy = jit(() => b.assign(a.value));
    const both = jit(() => {
      a.assign(a.value.mul(10));
      b.assign(a.value);
    });
    step();
    step();
    copy();
    step();
    step();
    expect([list(a.value), list(b.value)]).toEqual([
      [5, 6],
      [3, 4],
    ]);
    both();
    step();
    step();
    expect([list(a.value), list(b.value)]).toEqual([
      [52, 62],
      [50, 60],
    ]);
  });

  test('assigned an argument, a captured array, or a constant', () => {
    const v = new Variable(zeros([2]));
    const captured = tensor([7, 8]);
    const set = jit((x: Tensor) => v.assign(x));
    const x = tensor([1, 2]);
    set(x);
    const grow = jit(() => v.assign(v.value.mul(10)));
    grow();
    expect([list(v.value), list(x)]).toEqual([
      [10, 20],
      [1, 2],
    ]);
    const restore = jit(() => v.assign(captured));
    restore();
    grow();
    restore();
    expect([list(v.value), list(captured)]).toEqual([
      [7, 8],
      [7, 8],
    ]);
    jit(() => v.assign(zeros([2])))();
    grow();
    expect(list(v.value)).toEqual([0, 0]);
  });

  test('a tensor read from a variable before an update keeps its value', () => {
    const v = new Variable(tensor([1, 2]));
    const step = jit(() => v.assign(v.value.add(1)));
    const kept: Tensor[] = [];
    for (let i = 0; i < 4; i++) {
      kept.push(v.value);
      step();
    }
    expect(kept.map(list)).toEqual([
      [1, 2],
      [2, 3],
      [3, 4],
      [4, 5],
    ]);
  });

  test('the same where the content had not been computed when it was read', () => {
    const v = new Variable(tensor([1, 2]));
    v.assign(v.value.mul(3));
    const pending = v.value;
    const later = pending.add(0.5);
    const step = jit(() => v.assign(v.value.add(1)));
    step();
    step();
    expect([list(pending), list(later), list(v.value)]).toEqual([
      [3, 6],
      [3.5, 6.5],
      [5, 8],
    ]);
  });

  test('returned: the result keeps its value in later updates', () => {
    const v = new Variable(tensor([1, 2]));
    const step = jit(() => {
      const old = v.value;
      v.assign(v.value.mul(2));
      return [v.value, old, v.value];
    });
    const first = step();
    const second = step();
    step();
    expect(first.map(list)).toEqual([
      [2, 4],
      [1, 2],
      [2, 4],
    ]);
    expect(second.map(list)).toEqual([
      [4, 8],
      [2, 4],
      [4, 8],
    ]);
  });

  test('whose content is also an argument', () => {
    const v = new Variable(tensor([1, 2]));
    const step = jit((x: Tensor) => {
      v.assign(v.value.add(x));
      return x.mul(10);
    });
    const x = v.value;
    expect(list(step(x))).toEqual([10, 20]);
    expect([list(x), list(v.value)]).toEqual([
      [1, 2],
      [2, 4],
    ]);
    expect(list(step(v.value))).toEqual([20, 40]);
    expect(list(v.value)).toEqual([4, 8]);
  });

  test('only those that the function touches are carried, in any branch of specialization', () => {
    const [a, b] = [new Variable(tensor(1)), new Variable(tensor(2))];
    const f = jit((x: Tensor, which: 'a' | 'b') => {
      const chosen = which === 'a' ? a : b;
      chosen.assign(chosen.value.add(x));
    });
    f(tensor(10), 'a');
    f(tensor(20), 'b');
    f(tensor(10), 'a');
    expect([a.value.item(), b.value.item()]).toEqual([21, 22]);
  });

  test('made inside of the function: state from the first call on', () => {
    let momentum: Variable | null = null;
    const f = jit((x: Tensor) => {
      momentum ??= new Variable(zeros(x.shape));
      momentum.assign(momentum.value.add(x));
      return momentum.value;
    });
    expect([1, 2, 3].map((v) => list(f(tensor([v]))))).toEqual([[1], [3], [6]]);
    expect(list(momentum!.value)).toEqual([6]);
  });

  test('frozen or not is a guard', () => {
    const v = new Variable(tensor(1));
    const { run, records } = counted((x: Tensor) => (v.trainable ? x.mul(v.value) : x));
    v.assign(tensor(3));
    expect(run(tensor(2)).item()).toBe(6);
    v.trainable = false;
    expect(run(tensor(2)).item()).toBe(2);
    v.trainable = true;
    expect(run(tensor(2)).item()).toBe(6);
    expect(records()).toBe(2);
  });

  test('a training step', () => {
    const w = new Variable(zeros([2, 1]));
    const [x, y] = [
      tensor([
        [1, 0],
        [0, 1],
        [1, 1],
      ]),
      tensor([[2], [-1], [1]]),
    ];
    const step = jit((inputs: Tensor, targets: Tensor) => {
      const [loss, g] = valueAndGrad(() => inputs.matmul(w.value).sub(targets).square().mean(), w);
      w.assign(w.value.sub(g.get(w)!.mul(0.5)));
      return loss;
    });
    const losses = Array.from({ length: 100 }, () => step(x, y).item());
    expect(losses[0]).toBe(2);
    expect(losses[99]).toBeLessThan(1e-10);
    expectClose(list(w.value), [2, -1], { atol: 1e-5 });
  });
});

describe('results are independent', () => {
  test('an argument returned unchanged, twice, or as a view', () => {
    const f = jit((x: Tensor) => [x, x, x.reshape([2, 1]), x.mul(1)]);
    const x = tensor([1, 2]);
    const [a, b, c, d] = f(x);
    expect([a, b, c, d].map(list)).toEqual(Array(4).fill([1, 2]));
    a.dispose();
    expect(() => a.dataSync()).toThrow(/disposed/);
    expect([b, c, d, x].map(list)).toEqual(Array(4).fill([1, 2]));
    x.dispose();
    expect([b, c, d].map(list)).toEqual(Array(3).fill([1, 2]));
  });

  test('results of earlier calls keep their values', () => {
    const f = jit((x: Tensor) => x.mul(2).add(1));
    const kept = [0, 1, 2, 3].map((i) => f(tensor([i, i])));
    expect(kept.map(list)).toEqual([
      [1, 1],
      [3, 3],
      [5, 5],
      [7, 7],
    ]);
  });

  test('a result may be the next argument', () => {
    const f = jit((x: Tensor) => x.add(x.sum()));
    let x = tensor([1, 2]);
    const all = [x];
    for (let i = 0; i < 3; i++) all.push((x = f(x)));
    expect(all.map(list)).toEqual([
      [1, 2],
      [4, 5],
      [13, 14],
      [40, 41],
    ]);
  });

  test('the same array as two arguments', () => {
    const f = jit((x: Tensor, y: Tensor) => [x.add(y), x.sub(y)]);
    const x = tensor([3, 4]);
    expect(f(x, x).map(list)).toEqual([
      [6, 8],
      [0, 0],
    ]);
    expect(f(x, ones([2])).map(list)).toEqual([
      [4, 5],
      [2, 3],
    ]);
  });

  test('empty arrays and scalars', () => {
    const f = jit((x: Tensor) => ({ same: x, sum: x.sum(), twice: x.add(x) }));
    const out = f(zeros([0, 3]));
    expect([out.same.shape, out.sum.item(), list(out.twice)]).toEqual([[0, 3], 0, []]);
    expect(f(tensor(4)).twice.item()).toBe(8);
  });
});

describe('with other transforms', () => {
  const cube = (x: Tensor) => x.mul(x).mul(x).sum();

  test('grad of jit, jit of grad, jit of jit', () => {
    const x = tensor([1, 2]);
    expect(list(grad(jit(cube))(x))).toEqual([3, 12]);
    expect(list(jit(grad(cube))(x))).toEqual([3, 12]);
    const power = (y: Tensor) => y.mul(y).mul(y);
    expect(jit(grad(jit(grad(jit(power)))))(tensor(2)).item()).toBe(12);
    expect(jit((y: Tensor) => jit(cube)(y).add(jit(cube)(y)))(x).item()).toBe(18);
  });

  test('jvp and vjp, inside and outside', () => {
    const x = tensor([1, 2]);
    const inside = jit((y: Tensor, v: Tensor) => jvp(cube, [y], [v]))(x, ones([2]));
    expect(inside.map((t) => t.item())).toEqual([9, 15]);
    const [value, pullback] = vjp(jit(cube), x);
    expect([value.item(), list(pullback(tensor(2)))]).toEqual([9, [6, 24]]);
    const both = jit((y: Tensor) => {
      const [, back] = vjp(cube, y);
      return back(tensor(1));
    });
    expect(list(both(x))).toEqual([3, 12]);
  });

  test('a jitted update of variables under an outer jit runs once', () => {
    const v = new Variable(tensor(1));
    const inner = jit(() => v.assign(v.value.mul(2)));
    const outer = jit(() => {
      inner();
      inner();
      return v.value;
    });
    expect([outer().item(), outer().item(), v.value.item()]).toEqual([4, 16, 16]);
  });

  test('Hessian by jit', () => {
    const f = (x: Tensor) => x.square().sum().square();
    const hvp = jit((x: Tensor, v: Tensor) => grad((y: Tensor) => grad(f)(y).mul(v).sum())(x));
    // 8 x (x . v) + 4 |x|^2 v
    expect(list(hvp(tensor([1, 2]), tensor([1, 0])))).toEqual([28, 16]);
  });
});

describe('mistakes', () => {
  test.each([
    ['item', (x: Tensor) => x.sum().item()],
    ['toArray', (x: Tensor) => x.add(1).toArray()],
    ['dataSync', (x: Tensor) => x.dataSync()],
    ['printing', (x: Tensor) => String(x)],
    ['a variable', (_: Tensor) => new Variable(tensor(1)).value.add(1).item()],
  ])('reading a value while recording: %s', (_, f) => {
    expect(() => jit(f as (x: Tensor) => unknown)(ones([2]))).toThrow(
      /jit: the value of an array was asked for while the function is being traced.*Use where\(\)/,
    );
    expect(isTracing()).toBe(false);
  });

  test('an exception leaves variables as they were, and the next call records anew', () => {
    const v = new Variable(tensor(1));
    let broken = true;
    const f = jit((x: Tensor) => {
      v.assign(v.value.add(x));
      if (broken) throw new RangeError('inside');
      return v.value;
    });
    expect(() => f(tensor(5))).toThrow(RangeError);
    expect(v.value.item()).toBe(1);
    expect(isTracing()).toBe(false);
    broken = false;
    expect([f(tensor(5)).item(), f(tensor(5)).item()]).toEqual([6, 11]);
  });

  test('a result that is no tree', () => {
    const v = new Variable(tensor(1));
    const f = jit(() => {
      v.assign(v.value.add(1));
      return new Set();
    });
    expect(() => f()).toThrow(/jit: the result: a Set cannot be part of a tree/);
    expect(v.value.item()).toBe(1);
    expect(() => jit(async (x: Tensor) => x)(tensor(1))).toThrow(/a Promise cannot/);
  });

  test('a Variable, a typed array or a function as an argument', () => {
    const f = jit((x: unknown) => x);
    expect(() => f(new Variable(tensor(1)))).toThrow(/jit: a Variable cannot be part of a tree of arrays/);
    expect(() => f(new Float32Array(1))).toThrow(/jit: a Float32Array cannot/);
    expect(() => f(() => 1)).toThrow(/jit: a function cannot/);
  });

  test('a disposed argument; variables are untouched', () => {
    const v = new Variable(tensor(1));
    const f = jit((x: Tensor) => {
      v.assign(v.value.add(x));
      return v.value;
    });
    expect(f(tensor(1)).item()).toBe(2);
    const gone = tensor(1);
    gone.dispose();
    expect(() => f(gone)).toThrow(/this array was disposed/);
    expect(v.value.item()).toBe(2);
  });

  test('a tensor that escapes from the recording', () => {
    let escaped: Tensor | null = null;
    jit((x: Tensor) => (escaped = x.add(1)))(tensor(1));
    expect(() => escaped!.item()).toThrow(/jit: the value of an array was asked for/);
  });

  test('a variable made from an argument, whose first content no later call has', () => {
    const f = jit((x: Tensor) => {
      const v = new Variable(x.mul(2));
      v.assign(v.value.add(1));
      return v.value;
    });
    expect(() => f(tensor(1))).toThrow(/jit: a Variable was made inside of the function from its arguments/);
  });
});

describe('random numbers', () => {
  test('the default generator gives the same bits inside and outside', () => {
    const draw = () => [random.uniform([3]), random.normal([2, 2]), random.permutation(5)];
    random.seed(11);
    const eager = [draw(), draw()].map((arrays) => arrays.map(list));
    random.seed(11);
    const jitted = jit(draw);
    expect([jitted(), jitted()].map((arrays) => arrays.map(list))).toEqual(eager);
    expect(eager[0]).not.toEqual(eager[1]);
    random.seed(11);
    const inGradient = [1, 2].map(() => {
      let drawn: Tensor[] = [];
      grad((x: Tensor) => {
        drawn = draw();
        return x.mul(drawn[0].sum());
      })(tensor(1));
      return drawn.map(list);
    });
    expect(inGradient).toEqual(eager);
  });
});
