import { describe, expect, test } from 'vitest';
import {
  arange,
  checkpoint,
  cond,
  customJvp,
  customVjp,
  grad,
  jit,
  jvp,
  random,
  scan,
  stack,
  switchCase,
  type Tensor,
  tensor,
  Variable,
  valueAndGrad,
  vjp,
  where,
  whileLoop,
  zeros,
} from '../../src/index.ts';
import { expectClose } from '../support/close.ts';
import { computeOn, devices } from '../support/device.ts';

const list = (x: Tensor): number[] => [...x.dataSync()];
const close = (actual: Tensor, expected: Tensor, rtol = 1e-5, what = 'values') => {
  expect(actual.shape).toEqual(expected.shape);
  expect(actual.dtype).toBe(expected.dtype);
  expectClose(actual.dataSync(), expected.dataSync(), { rtol, atol: rtol }, what);
};
const f64 = (values: unknown[]) => tensor(values, { dtype: 'float64' });

/** A function as it is, and compiled. */
const ways = <F extends (...args: never[]) => unknown>(f: F): [string, F][] => [
  ['eager', f],
  ['jit', jit(f as never) as F],
];

for (const device of devices)
  describe(`control flow on ${device}`, () => {
    computeOn(device);

    test('scan: running sums, in both directions, without sequences, over nothing', () => {
      for (const [, run] of ways((x: Tensor) =>
        scan((c: Tensor, e: Tensor) => [c.add(e), c.mul(2)], tensor(1), x),
      )) {
        const [last, before] = run(tensor([1, 2, 3]));
        expect(last.item()).toBe(7);
        expect(list(before)).toEqual([2, 4, 8]);
        expect(list(run(zeros([0]))[1])).toEqual([]);
        expect(run(zeros([0]))[0].item()).toBe(1);
      }
      const [end, seen] = scan((c: Tensor, e: Tensor) => [c.mul(2).add(e), c], tensor(0), tensor([1, 2, 3]), {
        reverse: true,
      });
      expect(end.item()).toBe(17);
      expect(list(seen)).toEqual([8, 3, 0]);
      const [power, nothing] = scan((c: Tensor) => [c.mul(3), null], tensor(1, { dtype: 'int32' }), null, {
        length: 4,
      });
      expect(power.item()).toBe(81);
      expect(nothing).toBe(null);
    });

    test('scan: trees, several dtypes, carries that stay and elements that are matrices', () => {
      const xs = {
        a: random.normal([4, 2, 3], { key: random.key(1) }),
        flag: tensor([true, false, true, true]),
      };
      const f = (x: typeof xs) =>
        scan(
          (c: { sum: Tensor; count: Tensor; fixed: Tensor }, e: typeof xs) => {
            const sum = where(e.flag, c.sum.add(e.a.mul(c.fixed)), c.sum);
            return [
              { sum, count: c.count.add(1), fixed: c.fixed },
              [sum.sum(0), e.flag.logicalNot()] as const,
            ];
          },
          { sum: zeros([2, 3]), count: tensor(0, { dtype: 'int32' }), fixed: tensor([1, 2, 3]) },
          x,
        );
      let sum = zeros([2, 3]);
      const sums: Tensor[] = [];
      for (let i = 0; i < 4; i++) {
        if (i !== 1) sum = sum.add(xs.a.at(i).mul(tensor([1, 2, 3])));
        sums.push(sum.sum(0));
      }
      for (const [, run] of ways(f)) {
        const [carry, [rows, flags]] = run(xs);
        close(carry.sum, sum);
        expect(carry.count.item()).toBe(4);
        expect(list(carry.fixed)).toEqual([1, 2, 3]);
        close(rows, stack(sums));
        expect(list(flags)).toEqual([0, 1, 0, 0]);
      }
    });

    /** A small recurrent network by scan, and by a loop of JavaScript. */
    const cell = (h: Tensor, x: Tensor, w: Tensor, u: Tensor) => h.matmul(w).add(x.matmul(u)).tanh();
    const byScan =
      (options: { recompute?: boolean; reverse?: boolean } = {}) =>
      (w: Tensor, u: Tensor, h0: Tensor, xs: Tensor) => {
        const [h, ys] = scan(
          (h: Tensor, x: Tensor) => {
            const next = cell(h, x, w, u);
            return [next, next.mul(x.sum())];
          },
          h0,
          xs,
          options,
        );
        return h.square().sum().add(ys.sin().sum());
      };
    const byLoop = (w: Tensor, u: Tensor, h0: Tensor, xs: Tensor) => {
      let h = h0;
      const ys: Tensor[] = [];
      for (let i = 0; i < xs.shape[0]; i++) {
        h = cell(h, xs.at(i), w, u);
        ys.push(h.mul(xs.at(i).sum()));
      }
      return h.square().sum().add(stack(ys).sin().sum());
    };
    const args = (): [Tensor, Tensor, Tensor, Tensor] => {
      const normal = (shape: number[], seed: number) =>
        random
          .normal(shape, { key: random.key(seed) })
          .cast('float64')
          .mul(0.5);
      return [normal([3, 3], 1), normal([2, 3], 2), normal([4, 3], 3), normal([5, 4, 2], 4)];
    };
    const all = { argnums: [0, 1, 2, 3] as const };

    test('scan: gradients by constants, carries and sequences, stored and recomputed', () => {
      const expected = grad(byLoop, all)(...args());
      for (const options of [{}, { recompute: true }])
        for (const [way, run] of ways(grad(byScan(options), all)))
          run(...args()).forEach((g, i) => {
            close(g, expected[i], 1e-10, `${way} argument ${i} ${JSON.stringify(options)}`);
          });
    });

    test('scan: forward mode, second derivatives, forward over reverse', () => {
      const primals = args();
      const directions = args().map((x) => x.mul(0.3).add(0.1)) as typeof primals;
      const [, expected] = jvp(byLoop, primals, directions);
      for (const [, run] of ways((p: typeof primals, d: typeof primals) => jvp(byScan(), p, d)[1]))
        close(run(primals, directions), expected, 1e-10);
      const squared =
        (f: typeof byLoop) =>
        (w: Tensor, ...rest: [Tensor, Tensor, Tensor]) =>
          grad(f)(w, ...rest)
            .square()
            .sum();
      const wanted = grad(squared(byLoop), all)(...args());
      for (const options of [{}, { recompute: true }])
        for (const [, run] of ways(grad(squared(byScan(options)), all)))
          run(...args()).forEach((g, i) => {
            close(g, wanted[i], 1e-9);
          });
      const through = (f: typeof byLoop) => (p: typeof primals, d: typeof primals) =>
        jvp((...a: typeof primals) => grad(f)(...a), p, d)[1];
      close(through(byScan())(primals, directions), through(byLoop)(primals, directions), 1e-9);
    });

    test('scan inside of scan, with gradients', () => {
      const f = (w: Tensor, xs: Tensor) =>
        scan(
          (c: Tensor, row: Tensor) => {
            const [inner] = scan((d: Tensor, e: Tensor) => [d.mul(w).add(e).sin(), null], c, row);
            return [inner, inner.mul(row.sum())];
          },
          f64([0.1]).at(0),
          xs,
        )[1].sum();
      const loop = (w: Tensor, xs: Tensor) => {
        let c = f64([0.1]).at(0);
        let total = f64([0]).at(0);
        for (let i = 0; i < 3; i++) {
          for (let j = 0; j < 4; j++) c = c.mul(w).add(xs.at(i).at(j)).sin();
          total = total.add(c.mul(xs.at(i).sum()));
        }
        return total;
      };
      const xs = random.normal([3, 4], { key: random.key(7) }).cast('float64');
      const w = f64([0.7]).at(0);
      const expected = grad(loop, { argnums: [0, 1] })(w, xs);
      for (const [, run] of ways(grad(f, { argnums: [0, 1] })))
        run(w, xs).forEach((g, i) => {
          close(g, expected[i], 1e-10);
        });
    });

    test('scan carries variables that its body reads and assigns', () => {
      const total = new Variable(tensor(10));
      const factor = new Variable(tensor(2));
      const f = (xs: Tensor) =>
        scan(
          (c: Tensor, x: Tensor) => {
            total.assign(total.value.add(x.mul(factor.value)));
            return [c.add(1), total.value];
          },
          tensor(0),
          xs,
        );
      const [, seen] = f(tensor([1, 2]));
      expect(list(seen)).toEqual([12, 16]);
      expect(total.value.item()).toBe(16);
      const run = jit(f);
      expect(list(run(tensor([1, 2]))[1])).toEqual([18, 22]);
      expect(list(run(tensor([1, 2]))[1])).toEqual([24, 28]);
      expect(total.value.item()).toBe(28);
      const loss = () =>
        scan(
          (c: Tensor, x: Tensor) => [c.add(x.mul(factor.value).square()), null],
          tensor(0),
          tensor([1, 2, 3]),
        )[0];
      const [value, gradients] = valueAndGrad(loss, factor);
      expect(value.item()).toBe(56);
      expect(gradients.get(factor)!.item()).toBe(56);
    });

    test('scan draws new random numbers in each step', () => {
      random.seed(3);
      const draw = jit(
        () => scan((c: Tensor) => [c, random.uniform([2])], tensor(0), null, { length: 3 })[1],
      );
      const [a, b] = [list(draw()), list(draw())];
      expect(new Set([...a, ...b]).size).toBe(12);
    });

    test('scan: mistakes', () => {
      const step = (c: Tensor, x: Tensor): [Tensor, Tensor] => [c.add(x), c];
      expect(() => scan(step, tensor(0), [zeros([2]), zeros([3])] as never)).toThrow(
        /scan: sequences and length must agree, got lengths 2, 3/,
      );
      expect(() => scan(step, tensor(0), null as never)).toThrow(/number of steps must be given/);
      expect(() => scan(step, tensor(0), tensor(1))).toThrow(/need a first axis/);
      expect(() => scan((c: Tensor, x: Tensor) => [c.add(zeros([2])), x], tensor(0), zeros([3]))).toThrow(
        /array 0 of the carry is float32\[\] before a step and float32\[2\] after it/,
      );
      expect(() => scan((_: Tensor, x: Tensor) => [[x], x] as never, tensor(0), zeros([3]))).toThrow(
        /structure \* before a step and \[\*\]/,
      );
      expect(() => scan((c: Tensor) => c as never, tensor(0), zeros([3]))).toThrow(
        /must return \[carry, output\]/,
      );
      expect(() => scan((c: Tensor) => [c.add(c.item()), null], tensor(0), zeros([3]))).toThrow(
        /no values yet/,
      );
      // Nothing is left behind.
      expect(scan(step, tensor(0), tensor([1, 2]))[0].item()).toBe(3);
    });

    test('whileLoop: Collatz, trees, no step at all', () => {
      const collatz = (n: Tensor) =>
        whileLoop(
          ({ n }) => n.ne(1),
          ({ n, steps }) => ({
            n: where(n.mod(2).eq(0), n.floorDivide(2), n.mul(3).add(1)),
            steps: steps.add(1),
          }),
          { n, steps: tensor(0, { dtype: 'int32' }) },
        ).steps;
      for (const [, run] of ways(collatz)) {
        expect(run(tensor(27, { dtype: 'int32' })).item()).toBe(111);
        expect(run(tensor(1, { dtype: 'int32' })).item()).toBe(0);
      }
    });

    test('whileLoop: forward mode; reverse mode says what to do', () => {
      const f = (x: Tensor, k: Tensor) =>
        whileLoop(
          ([i]) => i.lt(5),
          ([i, y]): [Tensor, Tensor] => [i.add(1), y.mul(k).add(x)],
          [tensor(0), x] as [Tensor, Tensor],
        )[1];
      const by = (x: Tensor, k: Tensor) => {
        let y = x;
        for (let i = 0; i < 5; i++) y = y.mul(k).add(x);
        return y;
      };
      const primals: [Tensor, Tensor] = [f64([0.5]).at(0), f64([1.1]).at(0)];
      const directions: [Tensor, Tensor] = [f64([1]).at(0), f64([0.2]).at(0)];
      const [value, change] = jvp(by, primals, directions);
      for (const [, run] of ways((p: typeof primals, d: typeof primals) => jvp(f, p, d))) {
        const [a, b] = run(primals, directions);
        close(a, value, 1e-12);
        close(b, change, 1e-12);
      }
      expect(() => grad(f)(...primals)).toThrow(/whileLoop: has no derivative in reverse mode.*use scan/);
      expect(() =>
        whileLoop(
          (x: Tensor) => x,
          (x) => x,
          tensor(1),
        ),
      ).toThrow(/condition must return a bool scalar array, got float32\[\]/);
    });

    test('cond and switchCase compute the chosen branch, with its derivatives', () => {
      const w = f64([3]).at(0);
      const f = (p: Tensor, x: Tensor) =>
        cond(
          p,
          (y: Tensor) => y.mul(w).sin(),
          (y: Tensor) => y.square(),
          x,
        );
      const x = f64([0.4]).at(0);
      for (const [, run] of ways(f)) {
        expect(run(tensor(true), x).item()).toBeCloseTo(Math.sin(1.2), 12);
        expect(run(tensor(false), x).item()).toBeCloseTo(0.16, 12);
      }
      const slope = (p: Tensor, x: Tensor, v: Tensor) =>
        grad((a: { x: Tensor; v: Tensor }) =>
          cond(
            p,
            (y: Tensor) => y.mul(a.v).sin(),
            (y: Tensor) => y.square(),
            a.x,
          ),
        )({ x, v });
      for (const [, run] of ways(slope)) {
        const yes = run(tensor(true), x, w);
        expect(yes.x.item()).toBeCloseTo(3 * Math.cos(1.2), 12);
        expect(yes.v.item()).toBeCloseTo(0.4 * Math.cos(1.2), 12);
        const no = run(tensor(false), x, w);
        expect([no.x.item(), no.v.item()]).toEqual([0.8, 0]);
      }
      const second = grad((y: Tensor) => grad((z: Tensor) => f(tensor(true), z))(y));
      expect(second(x).item()).toBeCloseTo(-9 * Math.sin(1.2), 12);
      expect(jvp((y: Tensor) => f(tensor(false), y), [x], [f64([1]).at(0)])[1].item()).toBeCloseTo(0.8, 12);
      const which = jit((i: Tensor) => switchCase(i, [() => tensor(10), () => tensor(20), () => tensor(30)]));
      expect([-5, 0, 1, 2, 9].map((i) => which(tensor(i, { dtype: 'int32' })).item())).toEqual([
        10, 10, 20, 30, 30,
      ]);
      expect(
        cond(
          true,
          () => 1,
          () => 2,
        ),
      ).toBe(1);
      expect(() =>
        cond(
          tensor([true]),
          () => 1,
          () => 2,
        ),
      ).toThrow(/predicate must be a scalar/);
      expect(() =>
        cond(
          tensor(true),
          () => zeros([2]),
          () => zeros([3]),
        ),
      ).toThrow(/branches must return the same structure and types/);
    });

    test('cond assigns variables in either branch', () => {
      const v = new Variable(tensor(1));
      const run = jit((p: Tensor) =>
        cond(
          p,
          () => {
            v.assign(v.value.mul(10));
            return tensor(0);
          },
          () => tensor(1),
        ),
      );
      expect(run(tensor(false)).item()).toBe(1);
      expect(v.value.item()).toBe(1);
      run(tensor(true));
      run(tensor(true));
      expect(v.value.item()).toBe(100);
    });

    test('checkpoint changes no value and no derivative', () => {
      const w = new Variable(f64([0.3]).at(0));
      const block = (x: Tensor) => x.mul(w.value).sin().exp();
      const plain = (x: Tensor) => block(block(x)).sum();
      const kept = (x: Tensor) => checkpoint(block)(checkpoint(block)(x)).sum();
      const x = f64([0.1, 0.2, 0.7]);
      close(grad(kept)(x), grad(plain)(x), 1e-12);
      close(jit(grad(kept))(x), grad(plain)(x), 1e-12);
      const both = (f: typeof plain) => valueAndGrad(() => f(x), w);
      const [a, b] = [both(kept), both(plain)];
      close(a[0], b[0], 1e-12);
      close(a[1].get(w)!, b[1].get(w)!, 1e-12);
      const twice = (f: typeof plain) => grad((y: Tensor) => grad(f)(y).sin().sum())(x);
      close(twice(kept), twice(plain), 1e-12);
      close(jvp(kept, [x], [x])[1], jvp(plain, [x], [x])[1], 1e-12);
    });

    test('customVjp and customJvp', () => {
      const clipped = customVjp(
        (x: Tensor) => [x.mul(2), x],
        (x, ct) => [ct.clip(-1, 1).mul(x)],
      );
      const x = f64([1, 2, 3]);
      for (const [, run] of ways((y: Tensor) =>
        clipped(y)
          .mul(f64([5, 0.5, -7]))
          .sum(),
      ))
        expect(run(x).item()).toBe(-30);
      for (const [, run] of ways(
        grad((y: Tensor) =>
          clipped(y)
            .mul(f64([5, 0.5, -7]))
            .sum(),
        ),
      ))
        expect(list(run(x))).toEqual([1, 1, -3]);
      expect(
        list(grad((y: Tensor) => grad((z: Tensor) => clipped(z).square().sum())(y).sum())(x)),
      ).not.toContain(NaN);
      expect(() => jvp(clipped, [x], [x])).toThrow(/derivative in reverse mode only.*customJvp/);
      const cube = customJvp(
        (y: Tensor) => y.mul(y).mul(y),
        ([y], [t]) => y.square().mul(3).mul(t),
      );
      expect(list(grad((y: Tensor) => cube(y).sum())(x))).toEqual([3, 12, 27]);
      expect(list(jit(grad((y: Tensor) => grad((z: Tensor) => cube(z).sum())(y).sum()))(x))).toEqual([
        6, 12, 18,
      ]);
      expect(list(jvp(cube, [x], [f64([1, 0, 2])])[1])).toEqual([3, 0, 54]);
      const fake = customJvp(
        (a: Tensor, b: Tensor) => a.add(b),
        (_, [ta, tb], out) => ta.mul(100).add(tb.mul(out)),
      );
      expect(grad(fake, { argnums: [0, 1] })(f64([2]).at(0), f64([3]).at(0)).map((g) => g.item())).toEqual([
        100, 5,
      ]);
      const inScan = (y: Tensor) =>
        scan((c: Tensor, e: Tensor) => [cube(c.mul(e)), null], f64([0.9]).at(0), y)[0];
      const inLoop = (y: Tensor) => [0, 1, 2].reduce((c, i) => c.mul(y.at(i)).pow(3), f64([0.9]).at(0));
      close(grad(inScan)(f64([1.1, 0.9, 1.2])), grad(inLoop)(f64([1.1, 0.9, 1.2])), 1e-10);
      expect(
        () =>
          customVjp(
            (y: Tensor) => [y, null],
            () => [],
          )(x) &&
          grad((y: Tensor) =>
            customVjp(
              (z: Tensor) => [z.sum(), null],
              () => [],
            )(y),
          )(x),
      ).toThrow(/backward must return a list of 1 cotangents/);
      const [, back] = vjp(cube, x);
      expect(list(back(f64([1, 0, 1])))).toEqual([3, 0, 27]);
    });
  });

test('reading one result of a scan computes all of them once', () => {
  const [total, sums] = scan(
    (c: Tensor, x: Tensor) => [c.add(x), c.add(x)],
    tensor(0),
    arange(5).cast('float32'),
  );
  expect(total.item()).toBe(10);
  expect(sums.node.stored).not.toBe(null);
});
