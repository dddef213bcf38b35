import { describe, expect, test } from 'vitest';
import { type Dataset, digits, loader, mnist, subset, take } from '../../src/data/index.ts';
import {
  jit,
  linalg,
  random,
  scan,
  type Tensor,
  tensor,
  Variable,
  valueAndGrad,
  vmap,
} from '../../src/index.ts';
import { accuracy } from '../../src/metrics/index.ts';
import * as nn from '../../src/nn/index.ts';
import * as optim from '../../src/optim/index.ts';
import { compareTrainings } from '../../src/train/index.ts';
import { expectClose } from '../support/close.ts';

const double = (values: number | number[] | number[][]): Tensor => tensor(values, { dtype: 'float64' });
const list = (t: Tensor): number[] => [...t.dataSync()];

/** A bowl ½ (θ - θ*)ᵀ A (θ - θ*), in double precision. */
const A = [[3, 1], [1, 2]]; // biome-ignore format: a matrix
const optimum = [1, -2];
const bowl = (point: Tensor): Tensor => {
  const d = point.sub(double(optimum));
  return d.dot(double(A).matmul(d)).mul(0.5);
};
const slopeOf = ([x, y]: readonly number[]): [number, number] => {
  const [dx, dy] = [x - optimum[0], y - optimum[1]];
  return [A[0][0] * dx + A[0][1] * dy, A[1][0] * dx + A[1][1] * dy];
};

/** The points that an optimizer goes through from (4, 3). */
function pathOf(make: (point: Variable) => optim.Optimizer, steps = 20): number[][] {
  const point = new Variable(double([4, 3]));
  const optimizer = make(point);
  const step = jit(() => optimizer.update(valueAndGrad(() => bowl(point.value), [point])[1]));
  return [
    [4, 3],
    ...Array.from({ length: steps }, () => {
      step();
      return list(point.value);
    }),
  ];
}

/** The same by a rule in plain numbers: from parameter, gradient and state of one coordinate to the new parameter. */
function pathBy(
  rule: (p: number, g: number, state: Record<string, number>, t: number) => number,
  steps = 20,
): number[][] {
  const states: Record<string, number>[] = [{}, {}];
  const path = [[4, 3]];
  for (let t = 1; t <= steps; t++) {
    const at = path[t - 1];
    const g = slopeOf(at);
    path.push(at.map((p, i) => rule(p, g[i], states[i], t)));
  }
  return path;
}

const same = (a: number[][], b: number[][], atol = 1e-12) => expectClose(a.flat(), b.flat(), { atol });

describe('A03 optimizers', () => {
  test('A03-01 full-batch gradient descent θ ← θ - α∇R: on a quadratic (I - αA)ᵏ of the first error is left', () => {
    const alpha = 0.2;
    const [values, vectors] = linalg.eigh(double(A));
    const start = vectors.T.matmul(double([3, 5]));
    pathOf((p) => new optim.SGD(p, { lr: alpha })).forEach((point, k) => {
      const left = values.mul(-alpha).add(1).pow(k).mul(start);
      expectClose(point, list(vectors.matmul(left).add(double(optimum))), { atol: 1e-12 });
    });
    // Above 2 / (largest eigenvalue) it diverges.
    const limit = 2 / values.max().item();
    const away = (lr: number) => {
      const [x, y] = pathOf((p) => new optim.SGD(p, { lr }), 200)[200];
      return Math.hypot(x - optimum[0], y - optimum[1]);
    };
    expect(away(0.98 * limit)).toBeLessThan(1e-2);
    expect(away(1.02 * limit)).toBeGreaterThan(100);
  });

  test('A03-02 one example, a mini-batch or all of them at a time: the same optimum', () => {
    const x = random.normal([16, 3], { key: random.key(1) });
    const wanted = tensor([[1], [-2], [0.5]]);
    const y = x.matmul(wanted);
    const results = [1, 4, 16].map((size) => {
      const w = new Variable(tensor([[0], [0], [0]]));
      const optimizer = new optim.SGD(w, { lr: 0.1 });
      const step = jit((rows: Tensor) =>
        optimizer.update(
          valueAndGrad(() => nn.mseLoss(x.take(rows, 0).matmul(w.value), y.take(rows, 0)), [w])[1],
        ),
      );
      for (let k = 0; k < 800; k++) step(random.randint([size], 0, 16, { key: random.key(100 + k) }));
      return list(w.value);
    });
    for (const result of results) expectClose(result, list(wanted), { atol: 2e-3 });
  });

  /** The experiment: L = (x - θ)² for 21 points from -10 to 10, one at a time. */
  const points = Array.from({ length: 21 }, (_, i) => i - 10);
  const risk = (theta: number) => points.reduce((s, x) => s + (x - theta) ** 2, 0) / 21;

  test('A03-03 SGD with one example and α = .5 bounces: θ is the example just seen, its deviation stays 6.0553', () => {
    const theta = new Variable(double(-20));
    const optimizer = new optim.SGD(theta, { lr: 0.5 });
    const step = jit((x: Tensor) =>
      optimizer.update(valueAndGrad(() => x.sub(theta.value).square(), [theta])[1]),
    );
    const order = random.permutation(21, { key: random.key(3) });
    const seen: number[] = [];
    for (const k of list(order)) {
      step(double(points[k]));
      expect(theta.value.item()).toBe(points[k]);
      seen.push(theta.value.item());
    }
    const sd = Math.sqrt(seen.reduce((s, v) => s + v * v, 0) / 21);
    expect(sd).toBeCloseTo(6.0553, 4);
    // What it should have found: θ* = 0.
    expect(seen.reduce((s, v) => s + v, 0)).toBe(0);
    expect(risk(0)).toBeCloseTo(36.667, 3);
    expect(risk(-20)).toBeCloseTo(436.667, 3);
    expect(points.every((x) => risk(x) >= risk(0))).toBe(true);
    // All examples at once need one step.
    const all = new Variable(double(-20));
    new optim.SGD(all, { lr: 0.5 }).update(
      valueAndGrad(() => double(points).sub(all.value).square().mean(), [all])[1],
    );
    expect(all.value.item()).toBeCloseTo(0, 12);
  });

  test('A03-04 Robbins-Monro: α = .5 / (1 + k) makes θ the running mean; deviation .428 after 200 steps', () => {
    const rate = optim.schedules.inverseTime(0.5, 1);
    const theta = new Variable(double(-20));
    const optimizer = new optim.SGD(theta, { lr: rate });
    const step = jit((x: Tensor) =>
      optimizer.update(valueAndGrad(() => x.sub(theta.value).square(), [theta])[1]),
    );
    let sum = 0;
    list(random.randint([60], -10, 11, { key: random.key(4) })).forEach((x, k) => {
      step(double(x));
      sum += x;
      expect(theta.value.item()).toBeCloseTo(sum / (k + 1), 10);
    });
    // 4,000 runs of 200 steps side by side: the deviation is 6.0553 / √200.
    const run = jit(
      (samples: Tensor) =>
        scan(
          ([t, k]: [Tensor, Tensor], x: Tensor) => [
            [t.sub(t.sub(x).mul(2).mul(rate(k))), k.add(1)] as [Tensor, Tensor],
            null,
          ],
          [tensor(-20), tensor(0)] as [Tensor, Tensor],
          samples,
        )[0][0],
    );
    const samples = random.randint([4000, 200], -10, 11, { key: random.key(5) }).cast('float32');
    const sd = vmap(run)(samples).std().item();
    expect(6.0553 / Math.sqrt(200)).toBeCloseTo(0.428, 3);
    // Five standard errors of a deviation from 4,000 values.
    expect(Math.abs(sd - 0.42817)).toBeLessThan((5 * 0.428) / Math.sqrt(8000));
    // The conditions: the rates' sum grows without bound (like ½ ln n), that of their squares stays below ¼ π²/6.
    const sums = (n: number, power: number) => {
      let total = 0;
      for (let k = 0; k < n; k++) total += rate(k) ** power;
      return total;
    };
    expect(sums(100_000, 1) - sums(1000, 1)).toBeCloseTo(0.5 * Math.log(100), 2);
    expect(sums(100_000, 2)).toBeLessThan((0.25 * Math.PI ** 2) / 6);
    expect(sums(100_000, 2)).toBeCloseTo((0.25 * Math.PI ** 2) / 6, 4);
  });

  test('A03-05 inverse time decay: α / (1 + decay k / steps)', () => {
    const [lr, decayRate, decaySteps] = [0.1, 0.5, 20];
    const rate = optim.schedules.inverseTime(lr, decayRate / decaySteps);
    for (const k of [0, 1, 10, 20, 1000])
      expect(rate(k)).toBeCloseTo(lr / (1 + (decayRate * k) / decaySteps), 12);
    expect(rate(tensor(20)).item()).toBeCloseTo(0.1 / 1.5, 6);
  });

  test('A03-06 momentum: u ← βu + α∇, θ ← θ - u, is the same as m ← βm - α∇, θ ← θ + m', () => {
    const [alpha, beta] = [0.05, 0.8];
    const library = pathOf((p) => new optim.SGD(p, { lr: alpha, momentum: beta }));
    const first = pathBy((p, g, s) => {
      s.u = beta * (s.u ?? 0) + alpha * g;
      return p - s.u;
    });
    const second = pathBy((p, g, s) => {
      s.m = beta * (s.m ?? 0) - alpha * g;
      return p + s.m;
    });
    same(library, first);
    same(first, second);
  });

  test('A03-07 Nesterov: the gradient is taken at w + βm', () => {
    const [eta, beta] = [0.05, 0.8];
    const library = pathOf((p) => new optim.SGD(p, { lr: eta, momentum: beta, nesterov: true }));
    let w = [4, 3];
    let m = [0, 0];
    // The library's parameters are the points w + βm at which the gradient is taken next.
    const ahead = [[4, 3]];
    for (let t = 0; t < 20; t++) {
      const g = slopeOf(ahead[t]);
      m = m.map((v, i) => beta * v - eta * g[i]);
      w = w.map((v, i) => v + m[i]);
      ahead.push(w.map((v, i) => v + beta * m[i]));
    }
    same(library, ahead);
  });

  test('A03-08 AdaGrad: each coordinate divided by the root of the sum of its squared gradients', () => {
    same(
      pathOf((p) => new optim.Adagrad(p, { lr: 0.5 })),
      pathBy((p, g, s) => {
        s.sum = (s.sum ?? 0) + g * g;
        return p - (0.5 * g) / (Math.sqrt(s.sum) + 1e-10);
      }),
    );
  });

  test('A03-09 Adadelta: steps in the units of the parameter, no rate to choose', () => {
    const [rho, eps] = [0.9, 1e-6];
    same(
      pathOf((p) => new optim.Adadelta(p)),
      pathBy((p, g, s) => {
        s.v = rho * (s.v ?? 0) + (1 - rho) * g * g;
        const delta = (Math.sqrt((s.u ?? 0) + eps) / Math.sqrt(s.v + eps)) * g;
        s.u = rho * (s.u ?? 0) + (1 - rho) * delta * delta;
        return p - delta;
      }),
    );
  });

  test('A03-10 RMSProp: divided by the root of the decaying mean square', () => {
    same(
      pathOf((p) => new optim.RMSprop(p, { lr: 0.1, alpha: 0.9 })),
      pathBy((p, g, s) => {
        s.v = 0.9 * (s.v ?? 0) + 0.1 * g * g;
        return p - (0.1 * g) / (Math.sqrt(s.v) + 1e-8);
      }),
    );
  });

  const adam = (lr: number, nesterov: boolean) => {
    const psi = 4e-3;
    const mu = (t: number) => 0.9 * (1 - 0.5 * 0.96 ** (t * psi));
    return (p: number, g: number, s: Record<string, number>, t: number): number => {
      s.m = 0.9 * (s.m ?? 0) + 0.1 * g;
      s.v = 0.999 * (s.v ?? 0) + 0.001 * g * g;
      const root = Math.sqrt(s.v / (1 - 0.999 ** t)) + 1e-8;
      if (!nesterov) return p - (lr * (s.m / (1 - 0.9 ** t))) / root;
      s.product = (s.product ?? 1) * mu(t);
      const ahead = (mu(t + 1) * s.m) / (1 - s.product * mu(t + 1));
      return p - (lr * (ahead + ((1 - mu(t)) * g) / (1 - s.product))) / root;
    };
  };

  test('A03-11 Adam: momentum and RMSProp, corrected for their start; the first step is lr · sign(g)', () => {
    const path = pathOf((p) => new optim.Adam(p, { lr: 0.1 }));
    same(path, pathBy(adam(0.1, false)));
    const g = slopeOf([4, 3]);
    expectClose(path[1], [4 - 0.1 * Math.sign(g[0]), 3 - 0.1 * Math.sign(g[1])], { atol: 1e-8 });
  });

  test('A03-12 Nadam: Adam with the momentum of the next step', () => {
    same(
      pathOf((p) => new optim.NAdam(p, { lr: 0.1 })),
      pathBy(adam(0.1, true)),
    );
  });

  test('A03-13 optimizers compared: ways on a saddle, and learning curves on digits of changing brightness', async () => {
    const saddle = (p: Tensor) => p.at(0).square().sub(p.at(1).square().mul(0.5));
    const start = [1, 1e-4];
    const ways = {
      SGD: optim.descentPath(saddle, start, (p) => new optim.SGD(p, { lr: 0.05 }), 60),
      momentum: optim.descentPath(saddle, start, (p) => new optim.SGD(p, { lr: 0.05, momentum: 0.9 }), 60),
      RMSProp: optim.descentPath(saddle, start, (p) => new optim.RMSprop(p, { lr: 0.05 }), 60),
      Adam: optim.descentPath(saddle, start, (p) => new optim.Adam(p, { lr: 0.05 }), 60),
    };
    // Plain gradient descent is stuck at the saddle; those that rescale or remember leave it.
    const end = (name: keyof typeof ways) => ways[name].points[60];
    expect(Math.hypot(...end('SGD'))).toBeLessThan(0.05);
    for (const name of ['momentum', 'RMSProp', 'Adam'] as const) {
      expect(Math.abs(end(name)[1]), name).toBeGreaterThan(0.05);
      expect(ways[name].values[60], name).toBeLessThan(ways.SGD.values[60]);
    }
    expect(ways.SGD.points).toHaveLength(61);
    expect(ways.SGD.points[1][0]).toBeCloseTo(0.9, 6);
    const svg = optim.drawPaths(saddle, ways, { x: [-1.5, 1.5], y: [-1, 3] });
    expect(svg).toMatch(/^<svg [^>]*width="360" height="480"/);
    expect([...svg.matchAll(/<title>(\w+)</g)].map(([, name]) => name)).toEqual(Object.keys(ways));
    const line = svg.match(/<title>SGD<\/title><polyline [^>]*points="([^"]*)"/)?.[1].split(' ') as string[];
    expect(line).toHaveLength(61);
    expect(line[0]).toBe('300,359.99');
    // Darkest where it is lowest: far up on the y axis.
    const shade = (x: number, y: number) => {
      const row = Math.floor(((3 - y) / 4) * 48);
      const column = Math.floor(((x + 1.5) / 3) * 48);
      return Number(svg.match(/<rect [^>]*>/g)?.[row * 48 + column].match(/rgb\((\d+)/)?.[1]);
    };
    expect(shade(0, 2.9)).toBe(70);
    expect(shade(1.4, 0)).toBe(245);
    expect(() => optim.drawPaths(saddle, ways, { x: [1, 1], y: [0, 1] })).toThrow('from < to');
    expect(() => optim.descentPath(saddle, start, (p) => new optim.SGD(p), -1)).toThrow('steps');

    // Like house numbers: each picture has its own brightness and contrast. Logistic regression, the same rate for all.
    const { train } = digits({ train: 600, test: 0 });
    const dim = (set: Dataset): Dataset => ({
      ...set,
      images: set.images.map((v, i) => {
        const picture = Math.floor(i / 784);
        return ((picture * 37) % 80) + (v * (90 + ((picture * 53) % 80))) / 255;
      }),
    });
    const curves = (data: Dataset, epochs: number) => {
      const positions = Array.from({ length: data.count }, (_, i) => i);
      const cut = Math.floor(0.75 * data.count);
      const [first, rest] = [positions.slice(0, cut), positions.slice(cut)].map((part) => subset(data, part));
      const by = (make: (model: nn.Module) => optim.Optimizer) => () => {
        const model = new nn.Sequential(new nn.Flatten(), new nn.Linear(784, 10));
        return { model, optimizer: make(model) };
      };
      return compareTrainings(
        {
          SGD: by((m) => new optim.SGD(m, { lr: 1e-3 })),
          RMSProp: by((m) => new optim.RMSprop(m, { lr: 1e-3 })),
          Adam: by((m) => new optim.Adam(m, { lr: 1e-3 })),
        },
        {
          data: () => loader(first, { batchSize: 25, shuffle: true }),
          validation: () => loader(rest, { batchSize: 150 }),
          ...{ loss: nn.crossEntropy, metrics: { accuracy }, epochs },
        },
      );
    };
    const sets = [dim(train)];
    if (process.env.NABLA_DATA) sets.push(take((await mnist({ dir: process.env.NABLA_DATA })).train, 800));
    for (const set of sets) {
      const { histories, table } = await curves(set, 5);
      const last = (name: string) => histories[name].epochs[4];
      expect(histories.Adam.steps).toBe(histories.SGD.steps);
      expect(last('Adam').validationAccuracy).toBeGreaterThan(last('SGD').validationAccuracy + 0.1);
      expect(last('RMSProp').validationAccuracy).toBeGreaterThan(last('SGD').validationAccuracy + 0.1);
      expect(last('Adam').loss).toBeLessThan(last('SGD').loss);
      const rows = table('validationAccuracy')
        .split('\n')
        .map((row) => row.trim().split(/ +/));
      expect(rows[0]).toEqual(['epoch', 'SGD', 'RMSProp', 'Adam']);
      expect(rows).toHaveLength(6);
      expect(rows[5][3]).toBe(last('Adam').validationAccuracy.toFixed(4));
    }
  });

  test('A03-14 decay of a rate or of ε: from 1.0 to .01, from 1.0 to .05', () => {
    for (const end of [0.01, 0.05]) {
      const line = optim.schedules.polynomial(1, 1000, { end });
      const curve = optim.schedules.exponential(1, end ** (1 / 1000));
      for (const schedule of [line, curve]) {
        expect(schedule(0)).toBe(1);
        expect(schedule(1000)).toBeCloseTo(end, 12);
        for (let k = 1; k <= 1000; k++) expect(schedule(k)).toBeLessThan(schedule(k - 1));
      }
      expect(line(500)).toBeCloseTo((1 + end) / 2, 12);
      expect(line(5000)).toBe(end);
      expect(curve(500)).toBeCloseTo(Math.sqrt(end), 12);
    }
    // The same schedule decides how often an agent explores.
    const epsilon = optim.schedules.polynomial(1, 100, { end: 0.05 });
    const explores = (k: number) =>
      random
        .uniform([4000], { key: random.key(k) })
        .lt(epsilon(k))
        .cast('float32')
        .mean()
        .item();
    for (const k of [0, 50, 100, 200]) expect(Math.abs(explores(k) - epsilon(k))).toBeLessThan(0.04);
  });

  test('A03-24 gradients clipped by value and by norm', () => {
    const parameters = [new Variable(double([0, 0])), new Variable(double([0]))];
    const grads = new Map(parameters.map((p, i) => [p, double([[-3, 0.5], [12]][i])]));
    const byValue = optim.clipGradValue(grads, 1);
    expect(parameters.map((p) => list(byValue.get(p) as Tensor))).toEqual([[-1, 0.5], [1]]);
    const norm = Math.hypot(-3, 0.5, 12);
    const byNorm = optim.clipGradNorm(grads, 2);
    const clipped = parameters.flatMap((p) => list(byNorm.get(p) as Tensor));
    // All by one factor, so that the direction stays.
    expectClose(
      clipped,
      [-3, 0.5, 12].map((g) => (g * 2) / norm),
      { rtol: 1e-6 },
    );
    expect(Math.hypot(...clipped)).toBeCloseTo(2, 5);
    const small = optim.clipGradNorm(grads, 100);
    expect(parameters.flatMap((p) => list(small.get(p) as Tensor))).toEqual([-3, 0.5, 12]);
    // A cliff that throws an unclipped step far away.
    const cliff = (p: Tensor) => p.mul(10).exp().sum();
    const step = (clip: boolean) => {
      const p = new Variable(tensor([1]));
      const optimizer = new optim.SGD(p, { lr: 0.1 });
      const g = valueAndGrad(() => cliff(p.value), [p])[1];
      optimizer.update(clip ? optim.clipGradNorm(g, 1) : g);
      return p.value.item();
    };
    expect(step(false)).toBeLessThan(-1000);
    expect(step(true)).toBeCloseTo(0.9, 5);
  });
});
