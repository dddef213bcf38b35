import { describe, expect, test } from 'vitest';
import {
  grad,
  jit,
  ones,
  scan,
  scope,
  type Tensor,
  tensor,
  Variable,
  valueAndGrad,
  vmap,
  where,
} from '../../src/index.ts';

const list = (x: Tensor): number[] => [...x.dataSync()];
const computed = (...values: number[]): Tensor => {
  const x = tensor(values).mul(1).add(0);
  x.dataSync();
  return x;
};

describe('dispose', () => {
  test('ends an array; others that were computed from it live on', () => {
    const x = computed(1, 2);
    const y = x.add(1);
    y.dataSync();
    x.dispose();
    expect(() => x.dataSync()).toThrow(
      'this array was disposed; keep what is needed after scope() or dispose()',
    );
    expect(() => x.add(1).dataSync()).toThrow(/disposed/);
    expect(list(y)).toEqual([2, 3]);
    x.dispose();
  });

  test('a view that was computed is an array of its own', () => {
    const x = computed(1, 2);
    const view = x.reshape([2, 1]);
    expect(list(view)).toEqual([1, 2]);
    x.dispose();
    expect(list(view)).toEqual([1, 2]);
    view.dispose();
    expect(() => view.dataSync()).toThrow(/disposed/);
  });

  test('of an array that a jitted function captured does not harm it', () => {
    const table = computed(1, 2);
    const f = jit((x: Tensor) => x.add(table));
    expect(list(f(ones([2])))).toEqual([2, 3]);
    table.dispose();
    expect(list(f(ones([2])))).toEqual([2, 3]);
    expect(() => table.dataSync()).toThrow(/disposed/);
  });

  test('of the content of a variable leaves it alone, until the variable has another', () => {
    const first = computed(1, 2);
    const v = new Variable(first);
    v.value.dispose();
    first.dispose();
    expect(list(v.value)).toEqual([1, 2]);
    const pending = tensor([3, 4]).mul(2);
    v.assign(pending);
    expect(list(pending)).toEqual([6, 8]);
    pending.dispose();
    expect(list(v.value)).toEqual([6, 8]);
    const other = new Variable(v.value);
    v.assign(computed(0, 0));
    pending.dispose();
    expect(list(other.value)).toEqual([6, 8]);
    other.assign(computed(0, 0));
    pending.dispose();
    expect(() => pending.dataSync()).toThrow(/disposed/);
  });

  test('by Symbol.dispose, as `using` does', () => {
    const x = computed(1);
    x[Symbol.dispose]();
    expect(() => x.item()).toThrow(/disposed/);
  });
});

describe('scope', () => {
  test('disposes what was made in it, except its result', () => {
    let inner: Tensor | null = null;
    const result = scope(() => {
      inner = computed(1, 2);
      const other = inner.mul(10);
      return { a: [other], b: inner.sum(), n: 3 };
    });
    expect(() => inner!.dataSync()).toThrow(/disposed/);
    expect([list(result.a[0]), result.b.item(), result.n]).toEqual([[10, 20], 3, 3]);
  });

  test('a result that was not computed yet does not need what went', () => {
    expect(list(scope(() => tensor([1, 2]).add(tensor([1, 1]))))).toEqual([2, 3]);
  });

  test('leaves arrays from outside alone, though views of them are made inside', () => {
    const x = computed(1, 2);
    scope(() => {
      x.reshape([2]).sum().item();
      x.cast('float32').sum().item();
      return x.pow(1).transpose().sum().item();
    });
    expect(list(x)).toEqual([1, 2]);
    expect(list(scope(() => x))).toEqual([1, 2]);
  });

  test('leaves variables alone: made, read, or assigned inside', () => {
    const old = new Variable(computed(1, 2));
    const made = scope(() => {
      old.value.sum().item();
      old.assign(old.value.add(tensor([1, 1])));
      const own = { v: new Variable(tensor([5]).mul(2)) };
      own.v.assign(own.v.value.add(tensor([1])));
      own.v.value.item();
      holder.push(own.v);
      return null;
    });
    expect(made).toBe(null);
    expect(list(old.value)).toEqual([2, 3]);
    expect(holder[0].value.item()).toBe(11);
  });
  const holder: Variable[] = [];

  test('training steps in scopes', () => {
    const w = new Variable(computed(4));
    const step = jit(() => {
      const [loss, g] = valueAndGrad(() => w.value.square().sum(), w);
      w.assign(w.value.sub(g.get(w)!.mul(0.25)));
      return loss;
    });
    const losses = Array.from({ length: 3 }, () => scope(() => step().item()));
    expect(losses).toEqual([16, 4, 1]);
    const eager = Array.from({ length: 2 }, () =>
      scope(() => {
        const [loss, g] = valueAndGrad(() => w.value.square().sum(), w);
        w.assign(w.value.sub(g.get(w)!.mul(0.25)));
        return loss.item();
      }),
    );
    expect(eager).toEqual([0.25, 0.0625]);
    expect(w.value.item()).toBe(0.125);
  });

  test('nested: what an inner one returns belongs to the outer one', () => {
    let kept: Tensor | null = null;
    const total = scope(() => {
      kept = scope(() => computed(1, 2).add(1));
      expect(list(kept)).toEqual([2, 3]);
      return kept.sum();
    });
    expect(total.item()).toBe(5);
    expect(() => kept!.dataSync()).toThrow(/disposed/);
  });

  test('inside of a derivative it only runs', () => {
    const g = grad((x: Tensor) => scope(() => x.square().sum()).mul(2));
    expect(list(g(ones([2])))).toEqual([4, 4]);
  });

  test('an exception passes, and later scopes work', () => {
    expect(() =>
      scope(() => {
        throw new RangeError('inside');
      }),
    ).toThrow(RangeError);
    const x = tensor([1]);
    expect(list(x)).toEqual([1]);
    expect(scope(() => computed(2).item())).toBe(2);
  });

  test('a result that is no tree is refused', () => {
    expect(() => scope(() => new Set())).toThrow(/scope: a Set cannot be part of a tree/);
  });
});

describe('use after dispose', () => {
  const gone = (): Tensor => {
    const x = computed(1, 2);
    x.dispose();
    return x;
  };

  test.each<[string, (x: Tensor) => unknown]>([
    ['item', (x) => x.slice([0, 1]).item()],
    ['toArray', (x) => x.toArray()],
    ['printing', (x) => String(x)],
    ['print', (x) => x.print()],
    ['an operation', (x) => x.add(1).dataSync()],
    ['a view', (x) => x.reshape([2, 1]).dataSync()],
    ['a product', (x) => x.matmul(x).item()],
    ['where', (x) => where(x.gt(0), x, 0).dataSync()],
    ['an argument of jit', (x) => jit((y: Tensor) => y.add(1))(x)],
    ['captured by jit', (x) => jit((y: Tensor) => y.add(x))(ones([2])).dataSync()],
    ['grad', (x) => grad((y: Tensor) => y.square().sum())(x).dataSync()],
    ['a constant under grad', (x) => grad((y: Tensor) => y.mul(x).sum())(ones([2])).dataSync()],
    ['vmap', (x) => vmap((y: Tensor) => y.square())(x).dataSync()],
    ['scan', (x) => scan((c: Tensor, y: Tensor) => [c.add(y), null], tensor(0), x)[0].item()],
    ['a new variable', (x) => new Variable(x).value.dataSync()],
    ['the result of scope', (x) => scope(() => x.add(1))],
  ])('%s: an error that says so', (_, use) => {
    expect(() => use(gone())).toThrow(
      /this array was disposed; keep what is needed after scope\(\) or dispose\(\)/,
    );
    expect(list(computed(3))).toEqual([3]);
  });

  test('data() rejects', async () => {
    await expect(gone().data()).rejects.toThrow(/this array was disposed/);
  });

  test('shape and dtype are still known', () => {
    const x = gone();
    expect([x.shape, x.dtype, x.size]).toEqual([[2], 'float32', 2]);
  });

  test('a variable that was assigned a disposed array fails when it is read, and can be assigned again', () => {
    const v = new Variable(computed(0, 0));
    v.assign(gone());
    expect(() => v.value.dataSync()).toThrow(/disposed/);
    const step = jit(() => v.assign(v.value.add(1)));
    expect(() => step()).toThrow(/disposed/);
    v.assign(computed(1, 1));
    step();
    expect(list(v.value)).toEqual([2, 2]);
  });

  test('an array that was never computed', () => {
    const x = tensor([1, 2]).add(1);
    const y = x.mul(2);
    x.dispose();
    expect(list(y)).toEqual([4, 6]);
  });
});
