import { describe, expect, test } from 'vitest';
import { currentTracer, isTracing } from '../../src/core/trace.ts';
import {
  grad,
  jit,
  jvp,
  ones,
  random,
  scan,
  scope,
  type Tensor,
  tensor,
  Variable,
  valueAndGrad,
  vjp,
  vmap,
  where,
  zeros,
} from '../../src/index.ts';
import * as nn from '../../src/nn/index.ts';
import * as optim from '../../src/optim/index.ts';

// What has bitten users of such libraries, each as a test of what happens here.

const list = (x: Tensor): number[] => [...x.dataSync()];

describe('results of jitted functions are nobody else’s memory', () => {
  test('the first result survives later calls, also read late, also where the program is the same buffer over and over', async () => {
    const f = jit((x: Tensor) => ({
      product: x.mul(2),
      matrix: x.reshape([2, 2]).matmul(x.reshape([2, 2])),
    }));
    const kept = Array.from({ length: 20 }, (_, i) => f(tensor([i, 0, 0, i])));
    kept.forEach(({ product, matrix }, i) => {
      expect(list(product)).toEqual([2 * i, 0, 0, 2 * i]);
      expect(list(matrix)).toEqual([i * i, 0, 0, i * i]);
    });
    expect([...(await kept[3].product.data())]).toEqual([6, 0, 0, 6]);
  });

  test('what is read is a copy: writing to it changes no array', () => {
    const f = jit((x: Tensor) => x.mul(2));
    const y = f(tensor([1, 2]));
    (y.dataSync() as Float32Array).fill(99);
    (y.dataSync() as Float32Array)[0] = 7;
    expect(list(y)).toEqual([2, 4]);
    const source = new Float32Array([1, 2]);
    const x = tensor(source);
    source.fill(5);
    expect([list(x), list(f(x))]).toEqual([
      [1, 2],
      [2, 4],
    ]);
  });

  test('a result fed back, and kept', () => {
    const f = jit((x: Tensor) => x.add(1));
    const all = [tensor([0])];
    for (let i = 0; i < 50; i++) all.push(f(all[i]));
    expect(all.map((x) => x.item())).toEqual(Array.from({ length: 51 }, (_, i) => i));
  });
});

describe('JavaScript values in closures are those of the recording', () => {
  test('numbers, arrays and objects that change later: stale until the function is recorded again', () => {
    let factor = 2;
    let offset = tensor(10);
    const options = { twice: false };
    const f = jit((x: Tensor) => {
      const y = x.mul(factor).add(offset);
      return options.twice ? y.mul(2) : y;
    });
    expect(f(tensor(1)).item()).toBe(12);
    factor = 3;
    offset = tensor(20);
    options.twice = true;
    expect(f(tensor(1)).item()).toBe(12);
    // Another shape is another recording.
    expect(list(f(tensor([1])))).toEqual([46]);
    expect(f(tensor(1)).item()).toBe(12);
  });

  test('as arguments and in variables they are those of the call', () => {
    const offset = new Variable(tensor(10));
    const f = jit((x: Tensor, factor: Tensor) => x.mul(factor).add(offset.value));
    expect(f(tensor(1), tensor(2)).item()).toBe(12);
    offset.assign(tensor(20));
    expect(f(tensor(1), tensor(3)).item()).toBe(23);
  });

  test('counters and lists outside see the recordings only', () => {
    const seen: Tensor[] = [];
    const f = jit((x: Tensor) => {
      seen.push(x);
      return x.add(1);
    });
    for (let i = 0; i < 5; i++) f(tensor(i));
    expect(seen).toHaveLength(1);
    expect(() => seen[0].item()).toThrow(/jit: the value of an array/);
  });
});

describe('updates in place are invisible', () => {
  test('a kept array of former content survives jitted and eager updates', () => {
    const v = new Variable(zeros([3]));
    const step = jit(() => v.assign(v.value.add(1)));
    const kept = [v.value];
    step();
    kept.push(v.value, v.value.mul(10));
    step();
    step();
    v.assign(v.value.mul(2));
    step();
    kept.push(v.value);
    step();
    expect(kept.map((x) => x.at(0).item())).toEqual([0, 1, 10, 7]);
    expect(v.value.at(0).item()).toBe(8);
  });

  test('what was computed from a variable, and not read before the variable changed', () => {
    const v = new Variable(tensor([1, 2]));
    const pending = v.value.square().sum();
    const [loss, grads] = valueAndGrad(() => v.value.square().sum(), v);
    const step = jit(() => v.assign(v.value.mul(100)));
    step();
    step();
    expect([pending.item(), loss.item(), list(grads.get(v)!)]).toEqual([5, 5, [2, 4]]);
  });

  test('a pullback that is called after the variable changed takes the values it saw', () => {
    const v = new Variable(tensor(3));
    const step = jit(() => v.assign(v.value.mul(0)));
    const [y, pullback] = vjp((x: Tensor) => x.mul(v.value), tensor(2));
    step();
    expect([y.item(), pullback(tensor(1)).item(), v.value.item()]).toEqual([6, 3, 0]);
  });

  test('results of a training step, gradients among them, survive the next steps', () => {
    random.seed(3);
    const model = new nn.Linear(2, 1);
    const optimizer = new optim.SGD(model, { lr: 0.1, momentum: 0.9 });
    const step = jit((x: Tensor) => {
      const [loss, grads] = valueAndGrad(() => model.forward(x).square().sum(), model);
      optimizer.update(grads);
      return { loss, grads: [...grads.values()], weight: model.weight.value };
    });
    const x = ones([1, 2]);
    const results = Array.from({ length: 4 }, () => step(x));
    const read = results.map(({ loss, grads, weight }) => [loss.item(), ...grads.map(list), list(weight)]);
    for (let i = 0; i < 4; i++) step(x);
    expect(results.map(({ loss, grads, weight }) => [loss.item(), ...grads.map(list), list(weight)])).toEqual(
      read,
    );
    expect(new Set(read.map(String)).size).toBe(4);
  });

  test('a state dict is a snapshot', () => {
    const model = new nn.Linear(2, 2);
    const step = jit(() => {
      for (const p of model.parameters()) p.assign(p.value.add(1));
    });
    step();
    const saved = model.stateDict();
    const before = Object.values(saved).map(list);
    step();
    step();
    expect(Object.values(saved).map(list)).toEqual(before);
    model.loadStateDict(saved);
    step();
    expect(Object.values(saved).map(list)).toEqual(before);
    expect(Object.values(model.stateDict()).map(list)).toEqual(
      before.map((values) => values.map((v) => Math.fround(v + 1))),
    );
  });
});

describe('branches on traced values', () => {
  const absolute = (x: Tensor): Tensor => (x.item() < 0 ? x.neg() : x);

  test('work eagerly and under derivatives, where values exist', () => {
    expect(absolute(tensor(-2)).item()).toBe(2);
    expect(grad(absolute)(tensor(-2)).item()).toBe(-1);
    expect(jvp(absolute, [tensor(-2)], [tensor(3)])[1].item()).toBe(-3);
  });

  test.each<[string, () => unknown]>([
    ['jit', () => jit(absolute)(tensor(-2))],
    ['jit of grad', () => jit(grad(absolute))(tensor(-2))],
    ['grad of jit in jit', () => jit((x: Tensor) => grad(jit(absolute))(x))(tensor(-2))],
    ['vmap', () => vmap(absolute)(tensor([-2, 2]))],
    ['scan', () => scan((c: Tensor, x: Tensor) => [c.add(absolute(x)), null], tensor(0), tensor([1, 2]))],
  ])('are a clear error in %s', (_, run) => {
    expect(run).toThrow(/the value of an array.* was asked for/);
    expect([isTracing(), currentTracer()]).toEqual([false, null]);
  });

  test('an array is no condition: it is always truthy, so where() is needed', () => {
    const f = jit((x: Tensor) => where(x.lt(0), x.neg(), x));
    expect([f(tensor(-2)).item(), f(tensor(2)).item()]).toEqual([2, 2]);
    expect(list(vmap(f)(tensor([-1, 3])))).toEqual([1, 3]);
  });
});

describe('an exception leaves nothing broken', () => {
  const boom = (): never => {
    throw new RangeError('inside');
  };

  test.each<[string, (f: (x: Tensor) => Tensor) => (x: Tensor) => unknown]>([
    ['jit', (f) => jit(f)],
    ['grad', (f) => grad((x: Tensor) => f(x).sum())],
    ['jit of grad', (f) => jit(grad((x: Tensor) => f(x).sum()))],
    ['grad of jit', (f) => grad((x: Tensor) => jit(f)(x).sum())],
    ['jvp', (f) => (x) => jvp(f, [x], [x])],
    ['vjp', (f) => (x) => vjp(f, x)],
    ['vmap', (f) => vmap(f)],
    ['scan', (f) => (x) => scan((c: Tensor, y: Tensor) => [c.add(f(y)), null], tensor(0), x)],
    [
      'jit of scan of grad',
      (f) => jit((x) => scan((c: Tensor, y: Tensor) => [c.add(grad(f)(y)), null], tensor(0), x)[0]),
    ],
    ['scope in grad', (f) => grad((x: Tensor) => scope(() => f(x)).sum())],
  ])('%s: variables, the tracer and the next call are as if nothing had happened', (name, transform) => {
    const v = new Variable(tensor(2));
    let broken = true;
    const f = transform((x: Tensor) => {
      v.assign(v.value.mul(v.value));
      if (broken) boom();
      return x.mul(3);
    });
    for (let i = 0; i < 3; i++) {
      expect(() => f(tensor([1, 2]))).toThrow(RangeError);
      expect([isTracing(), currentTracer(), v.value.item()]).toEqual([false, null, 2]);
    }
    broken = false;
    f(tensor([1, 2]));
    // A scan of two elements squares twice.
    expect(v.value.item()).toBe(name.includes('scan') ? 16 : 4);
    expect(ones([2]).add(1).sum().item()).toBe(4);
  });

  test('outside of transforms, what ran has run; a scope that fails ends', () => {
    const v = new Variable(tensor(2));
    const run = () =>
      scope(() => {
        v.assign(v.value.mul(v.value));
        boom();
      });
    expect(run).toThrow(RangeError);
    expect(v.value.item()).toBe(4);
    const x = ones([2]).add(1);
    expect(list(x)).toEqual([2, 2]);
  });

  test('gradients by variables: they get their contents back', () => {
    const v = new Variable(tensor(2));
    expect(() => valueAndGrad(() => boom(), v)).toThrow(RangeError);
    expect(() => valueAndGrad(() => v.value.mul(ones([2])), v)).toThrow(/must return a scalar/);
    const [loss, grads] = valueAndGrad(() => v.value.square(), v);
    expect([v.value.item(), loss.item(), grads.get(v)!.item()]).toEqual([2, 4, 4]);
  });

  test('while compiled programs run: a disposed argument, then a good one', () => {
    const v = new Variable(ones([2]));
    const step = jit((x: Tensor) => {
      v.assign(v.value.add(x));
      return v.value.sum();
    });
    step(ones([2]));
    const gone = tensor([1, 1]);
    gone.dispose();
    expect(() => step(gone)).toThrow(/disposed/);
    expect([list(v.value), step(ones([2])).item()]).toEqual([[2, 2], 6]);
  });

  test('wrong shapes in the middle of a model', () => {
    const model = new nn.Sequential(new nn.Linear(2, 3), new nn.Linear(4, 1));
    const step = jit((x: Tensor) => valueAndGrad(() => model.forward(x).sum(), model)[0]);
    const before = Object.values(model.stateDict()).map(list);
    expect(() => step(ones([1, 2]))).toThrow(/\[1, 3\]/);
    expect(Object.values(model.stateDict()).map(list)).toEqual(before);
    expect(model.parameters().every((p) => p.node.op === 'input' || p.node.stored !== null)).toBe(true);
  });
});

describe('reads that are awaited', () => {
  test('many at once, between calls that update what they read', async () => {
    const v = new Variable(tensor([0, 0]));
    const step = jit((x: Tensor) => {
      v.assign(v.value.add(x));
      return v.value.mul(10);
    });
    const reads: Promise<ArrayLike<number>>[] = [];
    for (let i = 1; i <= 30; i++) {
      reads.push(step(ones([2])).data(), v.value.data(), v.value.mul(-1).data());
      if (i % 10 === 0) await reads[i];
    }
    const values = (await Promise.all(reads)).map((data) => data[1]);
    expect(values).toEqual(Array.from({ length: 30 }, (_, i) => [10 * (i + 1), i + 1, -(i + 1)]).flat());
  });

  test('a recording cannot be awaited in, and says so', async () => {
    const f = jit(async (x: Tensor) => x.add(1));
    expect(() => f(tensor(1))).toThrow(/a Promise cannot be part of a tree/);
    expect(isTracing()).toBe(false);
    // What runs after the await is outside of any transform.
    const later = await Promise.resolve(tensor(1)).then((x) => x.add(1).item());
    expect(later).toBe(2);
  });

  test('tasks that take turns do not see each other’s transforms', async () => {
    const task = async (n: number): Promise<number> => {
      let x = tensor(n);
      for (let i = 0; i < 5; i++) {
        x = grad((y: Tensor) => y.square().mul(0.5))(x);
        await null;
        expect(isTracing()).toBe(false);
        x = jit((y: Tensor) => y.add(1))(x);
        await x.data();
      }
      return x.item();
    };
    expect(await Promise.all([1, 2, 3].map(task))).toEqual([6, 7, 8]);
  });
});

describe('disposing of what is in use', () => {
  test('of the argument after the call, of a result twice, of one of two equal results', () => {
    const f = jit((x: Tensor) => [x.add(1), x] as const);
    const x = tensor([1, 2]);
    const [y, same] = f(x);
    x.dispose();
    expect([list(y), list(same)]).toEqual([
      [2, 3],
      [1, 2],
    ]);
    y.dispose();
    y.dispose();
    expect(() => list(y)).toThrow(/disposed/);
    expect(list(same)).toEqual([1, 2]);
  });

  test('of the operand of a pending operation: reading says that it is gone', () => {
    const x = tensor([1, 2]);
    const pending = x.mul(2);
    x.dispose();
    expect(() => list(pending)).toThrow(/this array was disposed; keep what is needed/);
    const y = tensor([1, 2]);
    const read = y.mul(2);
    list(read);
    y.dispose();
    expect(list(read.add(1))).toEqual([3, 5]);
  });

  test('of the argument inside of the function that is differentiated or recorded', () => {
    const x = tensor([1, 2]);
    const slopes = grad((y: Tensor) => {
      const square = y.square();
      const sum = square.sum();
      square.dispose();
      return sum;
    })(x);
    expect(list(slopes)).toEqual([2, 4]);
    const f = jit((y: Tensor) => {
      const z = y.add(1);
      z.dispose();
      return z.mul(2);
    });
    expect(list(f(x))).toEqual([4, 6]);
  });

  test('of an array that a variable was made from', () => {
    const x = tensor([1, 2]);
    const v = new Variable(x);
    x.dispose();
    expect(list(v.value.add(1))).toEqual([2, 3]);
  });
});

describe('depth', () => {
  test('10,000 operations in a chain, read at the end, lazily and in jit', () => {
    let x = tensor(0);
    for (let i = 0; i < 10_000; i++) x = x.add(1);
    expect(x.item()).toBe(10_000);
  });

  test('a gradient through 10,000 operations in a chain', () => {
    const chain = (x: Tensor): Tensor => {
      let y = x;
      for (let i = 0; i < 10_000; i++) y = i % 2 === 0 ? y.mul(2) : y.mul(0.5);
      return y;
    };
    expect(grad(chain)(tensor(3)).item()).toBe(1);
    expect(jvp(chain, [tensor(3)], [tensor(5)]).map((t) => t.item())).toEqual([3, 5]);
  });

  test('a sum of 2,000 arrays, and a tree that is deep', () => {
    let total = zeros([2]);
    for (let i = 0; i < 2000; i++) total = total.add(tensor([i, 1]));
    expect(list(total)).toEqual([1999000, 2000]);
    let tree: unknown = tensor(1);
    for (let i = 0; i < 500; i++) tree = [tree];
    let result = jit((t: unknown) => t)(tree);
    for (let i = 0; i < 500; i++) result = (result as unknown[])[0];
    expect((result as Tensor).item()).toBe(1);
  });

  test('an array that is used twice at each of 200 levels is computed once at each', () => {
    let x = tensor(1);
    for (let i = 0; i < 100; i++) x = x.add(x).mul(0.5);
    expect(x.item()).toBe(1);
    const doubled = (y: Tensor): Tensor => {
      let z = y;
      for (let i = 0; i < 60; i++) z = z.add(z);
      return z;
    };
    expect(grad(doubled)(tensor(1)).item()).toBe(2 ** 60);
  });
});

describe('recursion', () => {
  test('of a plain function, in jit and under grad', () => {
    const power = (x: Tensor, n: number): Tensor => (n === 0 ? ones([]) : x.mul(power(x, n - 1)));
    expect(jit(power)(tensor(2), 10).item()).toBe(1024);
    expect(grad(power)(tensor(2), 5).item()).toBe(80);
    expect(list(vmap((x: Tensor) => power(x, 3))(tensor([1, 2])))).toEqual([1, 8]);
  });

  test('of a jitted function that calls itself: one program', () => {
    let records = 0;
    const power = jit((x: Tensor, n: number): Tensor => {
      records++;
      return n === 0 ? ones([]) : x.mul(power(x, n - 1));
    });
    expect(power(tensor(2), 10).item()).toBe(1024);
    expect(records).toBe(11);
    expect(power(tensor(3), 10).item()).toBe(59049);
    expect(records).toBe(11);
  });
});

describe('compilations', () => {
  test('one for each shape, dtype and static value; none for values, weak types or views', () => {
    let records = 0;
    const f = jit((x: Tensor, flag?: boolean) => {
      records++;
      return flag === true ? x.add(1) : x.add(2);
    });
    const after = (run: () => unknown): number => {
      run();
      return records;
    };
    expect(after(() => f(tensor([1, 2])))).toBe(1);
    expect(after(() => f(tensor([3, 4])))).toBe(1);
    expect(after(() => f(tensor([[3, 4]]).reshape([2])))).toBe(1);
    expect(after(() => f(ones([2]).mul(3).sub(1)))).toBe(1);
    expect(after(() => f(tensor([1, 2]), true))).toBe(2);
    expect(after(() => f(tensor([1, 2]), false))).toBe(3);
    expect(after(() => f(tensor([1, 2, 3])))).toBe(4);
    expect(after(() => f(tensor([1, 2], { dtype: 'int32' })))).toBe(5);
    expect(after(() => f(tensor([5, 6]), true))).toBe(5);
  });

  test('jit in a loop compiles each time; what it returns, once', () => {
    let records = 0;
    const body = (x: Tensor) => {
      records++;
      return x.add(1);
    };
    for (let i = 0; i < 3; i++) jit(body)(tensor(i));
    expect(records).toBe(3);
    const once = jit(body);
    for (let i = 0; i < 3; i++) once(tensor(i));
    expect(records).toBe(4);
  });
});
