import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { jit, type Tensor, tensor, Variable, vmap } from '../../src/index.ts';
import * as nn from '../../src/nn/index.ts';
import * as optim from '../../src/optim/index.ts';

const { schedules } = optim;
type Schedule = optim.schedules.Schedule;

interface Fixture {
  cases: { name: string; schedule: string; arguments: unknown[]; rates: number[] }[];
  plateaus: { options: optim.ReduceOnPlateauOptions; metrics: number[]; rates: number[] }[];
}
const { cases, plateaus }: Fixture = JSON.parse(
  readFileSync(new URL('../fixtures/torch_schedules.json', import.meta.url), 'utf8'),
);
const makers = schedules as unknown as Record<string, (...args: unknown[]) => Schedule>;

function make({ schedule, arguments: args }: Fixture['cases'][number]): Schedule {
  if (schedule !== 'warmup') return makers[schedule](...args);
  const [steps, { cosine }, options] = args as [number, { cosine: [number, number] }, object];
  return schedules.warmup(steps, schedules.cosine(...cosine), options);
}

describe('PyTorch has the same rates', () => {
  test.each(cases)('$name', (torch) => {
    const schedule = make(torch);
    torch.rates.forEach((rate, step) => {
      expect(Math.abs(schedule(step) - rate)).toBeLessThanOrEqual(1e-9 + 1e-9 * rate);
    });
  });

  test('as arrays, compiled, for all steps at once', () => {
    const all = cases.map(make);
    const run = jit((steps: Tensor) => all.map((schedule) => vmap((n: Tensor) => schedule(n))(steps)));
    const steps = Math.max(...cases.map(({ rates }) => rates.length));
    for (const dtype of ['float64', 'float32', 'int32'] as const) {
      const results = run(tensor([...Array(steps).keys()], { dtype }));
      cases.forEach(({ name, rates }, i) => {
        const found = results[i].dataSync();
        rates.forEach((rate, step) => {
          const error = Math.abs(found[step] - rate);
          expect(error, `${name} ${dtype} ${step}`).toBeLessThanOrEqual(
            (dtype === 'float64' ? 1e-9 : 1e-6) * 0.5,
          );
        });
      });
    }
  });
});

describe('formulas', () => {
  test('constant, inverse time, and what comes after the last step', () => {
    expect([0, 7].map((n) => schedules.constant(0.3)(n))).toEqual([0.3, 0.3]);
    expect(schedules.inverseTime(0.5, 0.25)(4)).toBe(0.25);
    expect(schedules.inverseTime(0.5, 0.25, 0.5)(12)).toBe(0.25);
    expect(schedules.polynomial(0.5, 6, { end: 0.1 })(100)).toBeCloseTo(0.1, 12);
    expect(schedules.cosine(0.5, 8, 0.1)(9)).toBeCloseTo(0.1, 12);
    expect(schedules.oneCycle(1, 20)(50)).toBeCloseTo(1 / 25 / 1e4, 12);
    const joined = schedules.sequence([schedules.constant(1), schedules.exponential(0.5, 0.5)], [2]);
    expect([0, 1, 2, 3, 4].map((n) => joined(n))).toEqual([1, 1, 0.5, 0.25, 0.125]);
    expect([0, 1, 2, 3].map((n) => schedules.warmup(2, schedules.constant(1))(n))).toEqual([0, 0.5, 1, 1]);
    expect(schedules.exponential(0.5, 0)(tensor(0)).item()).toBe(0.5);
    expect(schedules.exponential(0.5, 0)(tensor(3)).item()).toBe(0);
  });

  test('inverse time fulfils the conditions of Robbins and Monro, an exponential fall and a constant do not', () => {
    /** Sums of the rates, or of their squares, over blocks of doubling length: steps from 2^k to 2^(k+1). */
    const blocks = (schedule: Schedule, power: number) =>
      Array.from({ length: 15 }, (_, k) => {
        let sum = 0;
        for (let n = 2 ** k; n < 2 ** (k + 1); n++) sum += schedule(n) ** power;
        return sum;
      });
    for (const power of [1, 0.75]) {
      const schedule = schedules.inverseTime(1, 0.5, power);
      const rates = blocks(schedule, 1);
      const squares = blocks(schedule, 2);
      // Blocks that do not get smaller diverge; blocks that fall by a factor each converge like a geometric series.
      for (let k = 1; k < 15; k++) expect(rates[k]).toBeGreaterThan(rates[k - 1] * 0.999);
      for (let k = 8; k < 15; k++) expect(squares[k]).toBeLessThan(squares[k - 1] * 0.8);
    }
    expect(blocks(schedules.exponential(1, 0.9), 1)[14]).toBeLessThan(1e-9);
    expect(blocks(schedules.constant(1), 2)[14]).toBe(2 ** 14);
  });

  test('as the rate of an optimizer, in jit without compiling again', () => {
    const schedule = schedules.warmup(3, schedules.cosine(0.5, 6));
    const x = new Variable(tensor(0, { dtype: 'float64' }));
    const optimizer = new optim.SGD(x, { lr: schedule });
    let traces = 0;
    const step = jit((g: Tensor) => {
      traces++;
      optimizer.update(new Map([[x, g]]));
    });
    let sum = 0;
    for (let n = 0; n < 12; n++) {
      expect(optimizer.lr).toBeCloseTo(schedule(n), 12);
      step(tensor(-1, { dtype: 'float64' }));
      sum += schedule(n);
      expect(x.value.item()).toBeCloseTo(sum, 12);
    }
    expect(traces).toBe(1);
  });

  test('explains wrong use', () => {
    expect(() => schedules.step(1, 0)).toThrow(/schedules.step: every must be a positive number, got 0/);
    expect(() => schedules.oneCycle(1, 1)).toThrow(/steps must be an integer from 2 on, got 1/);
    expect(() => schedules.oneCycle(1, 9, { peak: 1 } as object)).toThrow(/unknown option 'peak'/);
    expect(() => schedules.sequence([schedules.constant(1)], [3])).toThrow(/need 0 milestones/);
    expect(() => schedules.cosineRestarts(1, 3, { factor: 0.5 })).toThrow(/factor must be a number from 1/);
    expect(() => schedules.warmup(3, ((n: number) => n) as Schedule)).toThrow(
      /made by functions of optim.schedules/,
    );
    expect(() => schedules.cyclic(0, 1, { mode: 'up' as 'triangular' })).toThrow(/'triangular2'/);
  });
});

describe('ReduceOnPlateau', () => {
  test.each(plateaus)('PyTorch reduces at the same steps: $options', ({ options, metrics, rates }) => {
    const optimizer = new optim.SGD(new Variable(tensor(0)), { lr: 0.5 });
    let plateau = new optim.ReduceOnPlateau(optimizer, options);
    metrics.forEach((metric, i) => {
      if (i === 9) {
        const state = JSON.parse(JSON.stringify(plateau.stateDict()));
        plateau = new optim.ReduceOnPlateau(optimizer, options);
        plateau.loadStateDict(state);
      }
      const before = optimizer.lr;
      expect(plateau.step(metric)).toBe(rates[i] !== (rates[i - 1] ?? before));
      expect(optimizer.lr).toBeCloseTo(rates[i], 12);
    });
  });

  test('groups fall together; NaN is no improvement; wrong options', () => {
    const [a, b] = [new Variable(tensor(0)), new Variable(tensor(0))];
    const optimizer = new optim.SGD([{ params: a }, { params: b, lr: 0.1 }], { lr: 1 });
    const plateau = new optim.ReduceOnPlateau(optimizer, { patience: 0, factor: 0.5 });
    expect([Number.NaN, 1, Number.NaN].map((metric) => plateau.step(metric))).toEqual([true, false, true]);
    expect(optimizer.groups.map((group) => group.lr)).toEqual([0.25, 0.025]);
    expect(() => new optim.ReduceOnPlateau(optimizer, { factor: 1 })).toThrow(
      /factor must be from 0 to below 1/,
    );
    expect(() => new optim.ReduceOnPlateau(optimizer, { mode: 'low' as 'min' })).toThrow(/'min' or 'max'/);
  });
});

describe('findLearningRate', () => {
  test('suggests where the loss falls fastest', () => {
    const fall = (rate: number) => 1 / (1 + Math.exp(4 * Math.log10(rate / 1e-3))) + rate;
    const { rates, losses, smoothed, suggestion } = optim.findLearningRate(fall, { smoothing: 0, to: 100 });
    expect(rates[0]).toBe(1e-7);
    expect(rates[1] / rates[0]).toBeCloseTo(1e9 ** (1 / 99), 9);
    expect(losses).toEqual(rates.map(fall));
    expect(smoothed).toEqual(losses);
    expect(Math.abs(Math.log10((suggestion as number) / 1e-3))).toBeLessThan(0.1);
    expect(rates.length).toBeLessThan(100);
    expect(losses.at(-1)).toBeLessThanOrEqual(4 * Math.min(...losses));
  });

  test('on a model: stops at divergence, restores model and optimizer', () => {
    const model = new nn.Linear(2, 1);
    const optimizer = new optim.SGD(model, { lr: 0.123, momentum: 0.5 });
    const before = model.stateDict().weight.toArray();
    const x = tensor([
      [1, 2],
      [3, -1],
    ]);
    const y = tensor([[5], [-3]]);
    const result = optim.findLearningRate(
      (rate) => {
        optimizer.lr = rate;
        const loss = nn.mseLoss(model.forward(x), y).item();
        const residual = model.forward(x).sub(y);
        optimizer.update(
          new Map<Variable, Tensor>([
            [model.weight, residual.transpose().matmul(x)],
            [model.bias as Variable, residual.sum(0)],
          ]),
        );
        return loss;
      },
      { from: 1e-4, to: 10, steps: 60, smoothing: 0.5, restore: [model, optimizer] },
    );
    expect(result.rates.length).toBeLessThan(60);
    expect(result.suggestion).toBeGreaterThan(1e-3);
    expect(result.suggestion).toBeLessThan(1);
    expect(model.stateDict().weight.toArray()).toEqual(before);
    expect(optimizer.lr).toBe(0.123);
    expect(optimizer.stateDict()['weight.step'].item()).toBe(0);
  });

  test('a loss that only rises gives no suggestion; wrong options', () => {
    expect(optim.findLearningRate((rate) => 1 + rate).suggestion).toBeNull();
    expect(optim.findLearningRate(() => Number.NaN).rates).toEqual([]);
    expect(() => optim.findLearningRate(() => 1, { from: 0 })).toThrow(/rates must be positive and rise/);
    expect(() => optim.findLearningRate(() => 1, { steps: 2 })).toThrow(/steps must be an integer from 3 on/);
  });
});
