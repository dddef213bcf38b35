import { describe, expect, test } from 'vitest';
import {
  checkpoint,
  grad,
  hessian,
  hvp,
  jit,
  jvp,
  ones,
  random,
  stopGradient,
  type Tensor,
  tensor,
  Variable,
  valueAndGrad,
  vjp,
  zeros,
} from '../../src/index.ts';
import * as nn from '../../src/nn/index.ts';
import { watchCompilations } from '../../src/runtime/evaluate.ts';
import { expectClose, finiteDifference } from '../support/close.ts';
import { multiplications } from '../support/multiplications.ts';

const double = { dtype: 'float64' } as const;
const scalar = (value: number): Tensor => tensor(value, double);
const normal = (seed: number, ...shape: number[]): Tensor =>
  random.normal(shape, { key: random.key(seed), ...double });
const list = (x: Tensor): number[] => [...x.dataSync()];

// y = ln x1 + x1 x2 - sin x2 at (2, 5), the function of the course (after Baydin et al. 2015).
const y = (x1: Tensor, x2: Tensor): Tensor => x1.log().add(x1.mul(x2)).sub(x2.sin());
const [x1, x2] = [scalar(2), scalar(5)];
const onNumbers = (a: number, b: number): number => Math.log(a) + a * b - Math.sin(b);

// Symbolic differentiation, in its simplest form: expressions in, expressions out.
type Expression =
  | { readonly op: 'x1' | 'x2' }
  | { readonly op: 'number'; readonly value: number }
  | { readonly op: 'add' | 'sub' | 'mul' | 'div'; readonly a: Expression; readonly b: Expression }
  | { readonly op: 'log' | 'sin' | 'cos'; readonly a: Expression };

const variable = (op: 'x1' | 'x2'): Expression => ({ op });
const number = (value: number): Expression => ({ op: 'number', value });
const apply = (op: 'add' | 'sub' | 'mul' | 'div', a: Expression, b: Expression): Expression => ({ op, a, b });

function differentiate(e: Expression, by: 'x1' | 'x2'): Expression {
  const d = (part: Expression) => differentiate(part, by);
  switch (e.op) {
    case 'number':
      return number(0);
    case 'x1':
    case 'x2':
      return number(e.op === by ? 1 : 0);
    case 'add':
    case 'sub':
      return apply(e.op, d(e.a), d(e.b));
    case 'mul':
      return apply('add', apply('mul', d(e.a), e.b), apply('mul', e.a, d(e.b)));
    case 'div':
      return apply(
        'div',
        apply('sub', apply('mul', d(e.a), e.b), apply('mul', e.a, d(e.b))),
        apply('mul', e.b, e.b),
      );
    case 'log':
      return apply('div', d(e.a), e.a);
    case 'sin':
      return apply('mul', d(e.a), { op: 'cos', a: e.a });
    case 'cos':
      return apply('sub', number(0), apply('mul', d(e.a), { op: 'sin', a: e.a }));
  }
}

/** An expression on arrays: the library evaluates what calculus found. */
function evaluate(e: Expression, values: { x1: Tensor; x2: Tensor }): Tensor {
  switch (e.op) {
    case 'number':
      return scalar(e.value);
    case 'x1':
    case 'x2':
      return values[e.op];
    case 'log':
    case 'sin':
    case 'cos':
      return evaluate(e.a, values)[e.op]();
    default:
      return evaluate(e.a, values)[e.op](evaluate(e.b, values));
  }
}

describe('A02', () => {
  test('A02-01 four ways: manual, numerical, symbolic and automatic derivatives agree', () => {
    const manual = [1 / 2 + 5, 2 - Math.cos(5)];
    const automatic = grad(y, { argnums: [0, 1] })(x1, x2).map((g) => g.item());
    expectClose(automatic, manual, { rtol: 1e-15 }, 'automatic against manual');
    const expression = apply(
      'sub',
      apply('add', { op: 'log', a: variable('x1') }, apply('mul', variable('x1'), variable('x2'))),
      { op: 'sin', a: variable('x2') },
    );
    expect(evaluate(expression, { x1, x2 }).item()).toBe(y(x1, x2).item());
    const symbolic = (['x1', 'x2'] as const).map((by) =>
      evaluate(differentiate(expression, by), { x1, x2 }).item(),
    );
    expectClose(symbolic, manual, { rtol: 1e-15 }, 'symbolic against manual');
    const numerical = finiteDifference(
      ([a, b]) => y(scalar(a), scalar(b)).item(),
      Float64Array.of(2, 5),
      1e-6,
    );
    expectClose(numerical, manual, { atol: 1e-6 }, 'numerical against manual');
    expect(list(tensor([...numerical], double))).not.toEqual(manual);
  });

  test('A02-02 the error of numerical differentiation is U-shaped in the step', () => {
    const exact = 5.5;
    const steps = Array.from({ length: 15 }, (_, k) => 10 ** -k);
    const errors = steps.map((h) => {
      const difference =
        y(scalar(2 + h), x2)
          .sub(y(x1, x2))
          .item() / h;
      return Math.abs(difference - exact);
    });
    const best = errors.indexOf(Math.min(...errors));
    // Truncation shrinks with h, rounding grows with 1 / h: they meet near the square root of the precision, 1e-8.
    expect(steps[best]).toBeLessThan(1e-5);
    expect(steps[best]).toBeGreaterThan(1e-11);
    expect(errors[0]).toBeGreaterThan(1e5 * errors[best]);
    expect(errors[14]).toBeGreaterThan(1e4 * errors[best]);
    for (let k = 1; k <= 5; k++) expect(errors[k]).toBeLessThan(errors[k - 1]);
    // The exact derivative has no such step.
    expect(grad(y)(x1, x2).item()).toBe(exact);
  });

  test('A02-03 the evaluation trace of ln x1 + x1 x2 - sin x2 at (2, 5) ends in 11.652', () => {
    const v1 = x1.log();
    const v2 = x1.mul(x2);
    const v3 = x2.sin();
    const v4 = v1.add(v2);
    const v5 = v4.sub(v3);
    const printed = ['0.693', '10.000', '-0.959', '10.693', '11.652'];
    expect([v1, v2, v3, v4, v5].map((v) => v.item().toFixed(3))).toEqual(printed);
    expectClose([v5.item()], [11.652071455], { atol: 5e-10 });
    expect(y(x1, x2).item()).toBe(v5.item());
    expect(v5.item()).toBe(onNumbers(2, 5));
  });

  test('A02-04 the tangent trace for (1, 0): .5, 5, 0, 5.5, 5.5', () => {
    const trace = (a: Tensor, b: Tensor) => {
      const [v1, v2, v3] = [a.log(), a.mul(b), b.sin()];
      const v4 = v1.add(v2);
      return [v1, v2, v3, v4, v4.sub(v3)];
    };
    const [, tangents] = jvp(trace, [x1, x2], [scalar(1), scalar(0)]);
    expect(tangents.map((v) => v.item() + 0)).toEqual([0.5, 5, 0, 5.5, 5.5]);
  });

  test('A02-05 forward mode needs one pass per input: (0, 1) gives 1.716338', () => {
    const [, d2] = jvp(y, [x1, x2], [scalar(0), scalar(1)]);
    expectClose([d2.item()], [1.716338], { atol: 5e-7 });
    const [, both] = jvp(y, [x1, x2], [scalar(1), scalar(1)]);
    expectClose([both.item()], [5.5 + 1.716338], { atol: 5e-7 });
  });

  test('A02-06 reverse mode gives both partial derivatives in one pass: (5.5, 1.716338)', () => {
    const [value, pullback] = vjp(y, x1, x2);
    const partials = pullback(scalar(1)).map((g) => g.item());
    expectClose([value.item()], [11.652071455], { atol: 5e-10 });
    expectClose(partials, [5.5, 1.716338], { atol: 5e-7 });
  });

  test('A02-07 multiplications of forward and reverse mode are those of the formulas', () => {
    const jacobians = (d: readonly number[]) => [1, 2, 3, 4].map((l) => normal(l, d[l], d[l - 1]));
    for (const d of [
      [50, 20, 10, 5, 1],
      [3, 4, 5, 6, 7],
      [1, 5, 10, 20, 50],
      [64, 64, 64, 64, 1],
    ]) {
      const [d0, d1, d2, d3, d4] = d;
      const [J1, J2, J3, J4] = jacobians(d);
      // Forward: d0 tangents at once, as columns. Those after the first layer are its Jacobian.
      const above = (h: Tensor) => J4.matmul(J3.matmul(J2.matmul(h)));
      const forward = jvp(above, [zeros([d1, d0], double)], [J1])[1];
      expect(multiplications([forward])).toBe(d0 * d1 * d2 + d0 * d2 * d3 + d0 * d3 * d4);
      // Reverse: d4 cotangents at once, as columns. Those below the last layer are its Jacobian.
      const below = (x: Tensor) => J3.matmul(J2.matmul(J1.matmul(x)));
      const [, pullback] = vjp(below, zeros([d0, d4], double));
      const reverse = pullback(J4.T);
      expect(multiplications([reverse])).toBe(d2 * d3 * d4 + d2 * d1 * d4 + d1 * d0 * d4);
      // Both are the Jacobian of the whole chain.
      expectClose(list(forward), list(reverse.T), { rtol: 1e-9, atol: 1e-9 });
    }
    // A scalar loss at the end of tanh layers, for its first weights: the reverse pass costs about as much as the forward pass,
    // whatever the number of weights; forward mode costs one pass for each of them.
    const d = [50, 20, 10, 5, 1];
    const [W1, W2, W3, W4] = jacobians(d);
    const x = normal(9, 50, 1);
    const loss = (w: Tensor) => W4.matmul(W3.matmul(W2.matmul(w.matmul(x).tanh()).tanh()).tanh()).sum();
    const once = 50 * 20 + 20 * 10 + 10 * 5 + 5 * 1;
    expect(multiplications([loss(W1)])).toBe(once);
    const [value, back] = vjp(loss, W1);
    expect(multiplications([back(scalar(1))], [value])).toBe(once);
    const [again, tangent] = jvp(loss, [W1], [ones(W1.shape, double)]);
    expect(multiplications([tangent], [again])).toBe(once);
    expect(W1.size).toBe(1000);
  });

  test('A02-08 each operation supplies its own derivative; wrapped, they compose', () => {
    const x = [0.3, 0.7, 1.1, 1.9];
    const smooth = [
      'neg',
      'abs',
      'square',
      'reciprocal',
      'exp',
      'log',
      'expm1',
      'log1p',
      'sin',
      'cos',
      'tanh',
      'erf',
      'sigmoid',
      'relu',
      'sqrt',
      'rsqrt',
      'softmax',
      'logSoftmax',
      'logsumexp',
      'sum',
      'mean',
      'var',
      'std',
      'prod',
      'max',
      'min',
    ] as const;
    const weights = tensor([0.5, -1, 2, 0.25], double);
    const functions: Record<string, (t: Tensor) => Tensor> = {
      ...Object.fromEntries(smooth.map((name) => [name, (t: Tensor) => t[name]().mul(weights).sum()])),
      add: (t) => t.add(weights).mul(t).sum(),
      sub: (t) => weights.sub(t).mul(t).sum(),
      mul: (t) => t.mul(weights).mul(t).sum(),
      div: (t) => weights.div(t).sum(),
      pow: (t) => t.pow(weights).sum(),
      maximum: (t) => t.maximum(weights).mul(t).sum(),
      minimum: (t) => t.minimum(weights).mul(t).sum(),
      clip: (t) => t.clip(0.5, 1.5).mul(weights).sum(),
      matmul: (t) =>
        t
          .reshape([2, 2])
          .matmul(t.reshape([2, 2]))
          .sum(),
      take: (t) => t.take([3, 0, 0]).square().sum(),
      flip: (t) => t.flip().mul(t).mul(weights).sum(),
      slice: (t) => t.slice([null, null, -2]).exp().sum(),
      pad: (t) =>
        t
          .pad([[1, 1]], 0.5)
          .sin()
          .sum(),
      // A user's own function, of array operations that are known already.
      gelu: (t) => t.mul(t.div(Math.SQRT2).erf().add(1)).mul(0.5).mul(weights).sum(),
    };
    for (const [name, f] of Object.entries(functions)) {
      const numerical = finiteDifference((v) => f(tensor(v)).item(), Float64Array.from(x));
      expectClose(list(grad(f)(tensor(x, double))), numerical, { rtol: 1e-7, atol: 1e-8 }, name);
    }
  });

  test('A02-09 Jacobians by jvp and by vjp are equal; the cheaper one depends on the sizes', () => {
    for (const [n, m] of [
      [6, 2],
      [2, 6],
    ]) {
      const weight = normal(n, m, n);
      const f = (x: Tensor) => weight.matmul(x).tanh().mul(x.sum());
      const x = normal(7, n);
      const unit = (size: number, i: number) =>
        tensor(
          Array.from({ length: size }, (_, j) => (i === j ? 1 : 0)),
          double,
        );
      // n passes, each a column; m passes, each a row.
      const columns = Array.from({ length: n }, (_, j) => jvp(f, [x], [unit(n, j)])[1]);
      const [, pullback] = vjp(f, x);
      const rows = Array.from({ length: m }, (_, i) => pullback(unit(m, i)));
      for (let i = 0; i < m; i++)
        for (let j = 0; j < n; j++)
          expectClose([columns[j].at(i).item()], [rows[i].at(j).item()], { rtol: 1e-12, atol: 1e-14 });
      const perPass = n * m;
      const base = [f(x)];
      expect(multiplications(base)).toBe(perPass);
      const forward = n * perPass;
      const reverse = m * perPass;
      expect(forward > reverse).toBe(n > m);
      const v = normal(8, n);
      const w = normal(9, m);
      expectClose(
        [jvp(f, [x], [v])[1].mul(w).sum().item()],
        [pullback(w).mul(v).sum().item()],
        { rtol: 1e-12 },
        '<J v, w> = <v, Jᵀ w>',
      );
    }
  });

  test('A02-10 no gradient: fixed targets, frozen layers, a discriminator that is not trained', () => {
    // A temporal-difference target from old parameters does not move them.
    const [theta, old] = [new Variable(tensor([0.5, -1])), new Variable(tensor([0.4, -0.9]))];
    const state = tensor([1, 2]);
    const next = tensor([2, 1]);
    const error = () => {
      const target = stopGradient(old.value.mul(next).sum().mul(0.9).add(1));
      return theta.value.mul(state).sum().sub(target).square();
    };
    const [, g] = valueAndGrad(error, [theta, old]);
    expect(list(g.get(old)!)).toEqual([0, 0]);
    expect(list(g.get(theta)!).every((v) => v !== 0)).toBe(true);

    // A frozen layer has no gradient, and the layers before it still have theirs.
    const [first, second] = [new nn.Linear(3, 4), new nn.Linear(4, 1)];
    const model = new nn.Sequential(first, second);
    second.freeze();
    const x = random.normal([5, 3], { key: random.key(1) });
    const [, partial] = valueAndGrad(() => model.forward(x).square().sum(), model);
    expect([...partial.keys()]).toEqual([first.weight, first.bias]);
    expect(list(partial.get(first.weight)!).some((v) => v !== 0)).toBe(true);

    // While the generator trains, its gradient passes through the discriminator, which gets none.
    const [generator, discriminator] = [new nn.Linear(2, 3), new nn.Linear(3, 1)];
    const noise = random.normal([4, 2], { key: random.key(2) });
    const fooled = () => discriminator.forward(generator.forward(noise)).sigmoid().log().mean().neg();
    const [, ofGenerator] = valueAndGrad(fooled, generator);
    expect([...ofGenerator.keys()]).toEqual([generator.weight, generator.bias]);
    expect(list(ofGenerator.get(generator.weight)!).some((v) => v !== 0)).toBe(true);
    // While the discriminator trains, what was generated is a constant.
    const [, ofBoth] = valueAndGrad(
      () => discriminator.forward(stopGradient(generator.forward(noise))).sum(),
      [generator.weight, discriminator.weight],
    );
    expect(list(ofBoth.get(generator.weight)!).every((v) => v === 0)).toBe(true);
    expect(list(ofBoth.get(discriminator.weight)!).some((v) => v !== 0)).toBe(true);
  });

  test('A02-11 the gradient by the input: checked, climbing an activation, fooling a classifier', () => {
    const filters = normal(1, 4, 3, 3, 1);
    const activation = (image: Tensor) =>
      nn.conv2d(image, filters, { padding: 1 }).relu().slice(null, null, null, [2, 3]).sum();
    const image = normal(2, 1, 5, 5, 1);
    const gradient = grad(activation)(image);
    const numerical = finiteDifference(
      (v) => activation(tensor(v, { shape: [1, 5, 5, 1] })).item(),
      image.dataSync() as Float64Array,
    );
    expectClose(list(gradient), numerical, { rtol: 1e-6, atol: 1e-7 });
    // Image ascent: each step raises the activation.
    const climb = jit((at: Tensor) => at.add(grad(activation)(at).mul(0.05)));
    let seen = image;
    const heights = [activation(seen).item()];
    for (let i = 0; i < 10; i++) {
      seen = climb(seen);
      heights.push(activation(seen).item());
    }
    for (let i = 1; i < heights.length; i++) expect(heights[i]).toBeGreaterThan(heights[i - 1]);
    // The fast gradient sign method: a small step along the sign of the gradient raises the loss.
    const weight = normal(3, 25, 3);
    const label = tensor([1], { dtype: 'int32' });
    const loss = (x: Tensor) => nn.crossEntropy(x.reshape([1, 25]).matmul(weight), label);
    const adversarial = image.add(grad(loss)(image).sign().mul(0.05));
    expect(loss(adversarial).item()).toBeGreaterThan(loss(image).item());
    expect(adversarial.sub(image).abs().max().item()).toBeLessThanOrEqual(0.05 + 1e-12);
  });

  test('A02-12 second order: Hessian-vector products, forward over reverse and reverse over reverse', () => {
    // The loss of a small network by all its weights as one vector.
    const x = normal(1, 8, 3);
    const y = normal(2, 8);
    const loss = (w: Tensor) => {
      const hidden = x.matmul(w.slice([0, 12]).reshape([3, 4])).tanh();
      return hidden
        .matmul(w.slice([12, 16]))
        .sub(y)
        .square()
        .mean();
    };
    const w = normal(3, 16);
    const v = normal(4, 16);
    const product = hvp(loss, w, v);
    const full = hessian(loss)(w);
    expect(full.shape).toEqual([16, 16]);
    expectClose(list(full), list(full.T), { atol: 1e-12 }, 'a Hessian is symmetric');
    expectClose(list(product), list(full.matmul(v)), { rtol: 1e-10, atol: 1e-12 });
    const twice = grad((u: Tensor) => grad(loss)(u).mul(v).sum())(w);
    expectClose(list(product), list(twice), { rtol: 1e-10, atol: 1e-12 });
    const h = 1e-5;
    const numeric = grad(loss)(w.add(v.mul(h)))
      .sub(grad(loss)(w.sub(v.mul(h))))
      .div(2 * h);
    expectClose(list(product), list(numeric), { rtol: 1e-6, atol: 1e-8 });

    // The gradient penalty of WGAN-GP: a gradient by the input inside of a loss that is differentiated by the weights.
    const penalty = (u: Tensor) => {
      const critic = (a: Tensor) =>
        a
          .matmul(u.slice([0, 12]).reshape([3, 4]))
          .tanh()
          .matmul(u.slice([12, 16]))
          .sum();
      return grad(critic)(x).square().sum(1).sqrt().sub(1).square().mean();
    };
    const slope = grad(penalty)(w).mul(v).sum().item();
    const difference = penalty(w.add(v.mul(h)))
      .sub(penalty(w.sub(v.mul(h))))
      .div(2 * h)
      .item();
    expect(slope).toBeCloseTo(difference, 7);
  });

  test('A02-14 the forward pass stores intermediate results and the backward pass uses them: memory grows with depth, unless they are computed anew', () => {
    const arena = (depth: number, wrap: <F extends (x: Tensor) => Tensor>(f: F) => F) => {
      const w = random.normal([64, 64], { key: random.key(1) }).mul(0.1);
      const block = (u: Tensor) => (x: Tensor) => x.matmul(u).tanh().matmul(u).tanh();
      const run = jit((u: Tensor, x: Tensor) =>
        grad((u: Tensor) => {
          let y = x;
          for (let i = 0; i < depth; i++) y = wrap(block(u))(y);
          return y.sum();
        })(u),
      );
      let bytes = 0;
      let tanhs = 0;
      watchCompilations(
        ({ memory, kernels }) => {
          bytes = memory.arenaBytes;
          tanhs = kernels.filter(({ name }) => name.includes('tanh')).length;
        },
        () => run(w, zeros([512, 64])).dataSync(),
      );
      return { bytes, tanhs };
    };
    const activation = 512 * 64 * 4;
    const [small, large] = [arena(4, (f) => f), arena(8, (f) => f)];
    // Eight more activations to remember, and each tanh computed once: its derivative uses the stored result.
    expect(large.bytes - small.bytes).toBeGreaterThanOrEqual(8 * activation);
    expect(large.tanhs).toBe(16);
    const anew = arena(8, checkpoint);
    expect(anew.bytes).toBeLessThan(large.bytes - 4 * activation);
    expect(anew.tanhs).toBeGreaterThan(large.tanhs);
  });

  test('A02-13 backpropagation by hand, with its recursion of deltas, equals automatic differentiation', () => {
    const widths = [4, 6, 5, 3];
    const weights = widths.slice(1).map((n, l) => normal(l, n, widths[l]));
    const biases = widths.slice(1).map((n, l) => normal(10 + l, n));
    const [x, target] = [normal(20, 4), normal(21, 3)];
    const loss = (W: Tensor[], b: Tensor[]) => {
      let a = x;
      W.forEach((w, l) => {
        a = w.matmul(a).add(b[l]).sigmoid();
      });
      return a.sub(target).square().sum().mul(0.5);
    };
    const [dW, db] = grad(loss, { argnums: [0, 1] })(weights, biases);

    // On plain numbers: a_l = σ(W a + b); δ_K = ∇L ⊙ σ'; δ_l = Wᵀ δ_{l+1} ⊙ σ'; ∂W = δ aᵀ; ∂b = δ.
    const sigma = (z: number) => 1 / (1 + Math.exp(-z));
    const W = weights.map((w) => w.toArray() as number[][]);
    const activations = [list(x)];
    W.forEach((rows, l) => {
      const b = list(biases[l]);
      activations.push(rows.map((row, i) => sigma(row.reduce((z, w, j) => z + w * activations[l][j], b[i]))));
    });
    const slope = (l: number) => activations[l].map((a) => a * (1 - a));
    const goal = list(target);
    let delta = activations[3].map((a, i) => (a - goal[i]) * slope(3)[i]);
    for (let l = 2; l >= 0; l--) {
      const outer = delta.flatMap((d) => activations[l].map((a) => d * a));
      expectClose(list(dW[l]), outer, { rtol: 1e-12, atol: 1e-15 }, `weights of layer ${l}`);
      expectClose(list(db[l]), delta, { rtol: 1e-12, atol: 1e-15 }, `biases of layer ${l}`);
      const below = slope(l);
      delta = activations[l].map(
        (_, j) => W[l].reduce((sum, row, i) => sum + row[j] * delta[i], 0) * below[j],
      );
    }
  });
});
