import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { jit, type Tensor, tensor, Variable, valueAndGrad, zeros } from '../../src/index.ts';
import * as nn from '../../src/nn/index.ts';
import * as optim from '../../src/optim/index.ts';

interface Clipping {
  normType: number | 'inf';
  maxNorm: number;
  gradients: number[][];
  norm: number;
  clipped: number[][];
}
const { clipping }: { clipping: Clipping[] } = JSON.parse(
  readFileSync(new URL('../fixtures/torch_schedules.json', import.meta.url), 'utf8'),
);

describe('clipping', () => {
  test.each(clipping)('PyTorch clips to the same: norm $normType to $maxNorm', (torch) => {
    const normType = torch.normType === 'inf' ? Infinity : torch.normType;
    const variables = torch.gradients.map((g) => new Variable(zeros(tensor(g).shape, { dtype: 'float64' })));
    const run = jit((parts: Tensor[]) => {
      const grads = new Map(variables.map((v, i) => [v, parts[i]]));
      const clipped = optim.clipGradNorm(grads, torch.maxNorm, { normType });
      return [optim.gradNorm(grads, { normType }), ...clipped.values()];
    });
    const [norm, ...clipped] = run(torch.gradients.map((g) => tensor(g, { dtype: 'float64' })));
    expect(norm.item()).toBeCloseTo(torch.norm, 12);
    clipped.forEach((part, i) => {
      const expected = tensor(torch.clipped[i], { dtype: 'float64' }).dataSync();
      part.dataSync().forEach((v, k) => {
        expect(v).toBeCloseTo(expected[k], 12);
      });
    });
  });

  test('zeros stay zeros, values are bounded, wrong bounds are refused', () => {
    const x = new Variable(zeros([2]));
    const clip = (g: Tensor) => [...optim.clipGradNorm(new Map([[x, g]]), 1).values()][0].toArray();
    expect(clip(tensor([0, 0]))).toEqual([0, 0]);
    const values = optim.clipGradValue(new Map([[x, tensor([-3, 0.5])]]), 1).get(x);
    expect(values?.toArray()).toEqual([-1, 0.5]);
    expect(optim.clipGradNorm(new Map(), 1).size).toBe(0);
    expect(() => optim.gradNorm(new Map())).toThrow(/there are no gradients/);
    expect(() => optim.clipGradNorm(new Map(), -1)).toThrow(/maxNorm must be a number from 0 on/);
    expect(() => optim.gradNorm(new Map([[x, tensor([1, 1])]]), { normType: 0 })).toThrow(/above 0/);
  });
});

describe('GradientAccumulator', () => {
  const x = tensor([[1, 2], [3, 4], [5, -6], [0.5, 1], [2, 2]]); // biome-ignore format: a table
  const y = tensor([[1], [-1], [2], [0], [1]]);

  test('parts of different size give the gradient of the whole batch, jitted, more than once', () => {
    const model = new nn.Linear(2, 1);
    const gradients = (from: number, to: number) =>
      valueAndGrad(() => nn.mseLoss(model.forward(x.slice([from, to])), y.slice([from, to])), model)[1];
    const accumulator = new optim.GradientAccumulator(model);
    const [first, second] = [
      jit(() => accumulator.add(gradients(0, 2), 2)),
      jit((weight: Tensor) => accumulator.add(gradients(2, 5), weight)),
    ];
    const take = jit(() => {
      const grads = accumulator.take();
      return model.parameters().map((p) => grads.get(p) as Tensor);
    });
    const expected = model.parameters().map((p) => gradients(0, 5).get(p) as Tensor);
    for (let round = 0; round < 2; round++) {
      first();
      second(tensor(3));
      take().forEach((mean, i) => {
        mean.dataSync().forEach((v, k) => {
          expect(v).toBeCloseTo(expected[i].dataSync()[k], 5);
        });
      });
    }
    expect(accumulator.take().get(model.weight)?.toArray()).toEqual([[0, 0]]);
  });

  test('says which gradient is missing or foreign', () => {
    const [a, b] = [new Variable(tensor(1), { name: 'a' }), new Variable(tensor(1), { name: 'b' })];
    const accumulator = new optim.GradientAccumulator([a]);
    expect(() => accumulator.add(new Map([[b, tensor(1)]]))).toThrow(/'b' \[\], which it was not made for/);
    expect(() => accumulator.add(new Map())).toThrow(/no gradient for 'a'/);
    expect(() => new optim.GradientAccumulator([])).toThrow(/no variables/);
  });
});

describe('averages of weights', () => {
  const path = [3, -1, 4, 1, -5];
  /** The average after each value of the path. */
  function averages(make: (x: Variable) => optim.WeightAverage, jitted: boolean): number[] {
    const x = new Variable(tensor(0, { dtype: 'float64' }));
    let average = make(x);
    const step = (value: Tensor) => {
      x.assign(value);
      average.update();
    };
    let run = jitted ? jit(step) : step;
    return path.map((value, i) => {
      if (i === 3) {
        const state = average.stateDict();
        average = make(x);
        average.loadStateDict(state);
        run = jitted ? jit(step) : step;
      }
      run(tensor(value, { dtype: 'float64' }));
      const found = average.use(() => x.value.item());
      expect(x.value.item()).toBe(value);
      return found;
    });
  }

  test.each([true, false])('follow their formulas (jitted: %s), and continue from a state dict', (jitted) => {
    let ema = path[0];
    const expected = path.map((v, i) => {
      if (i > 0) ema = 0.8 * ema + 0.2 * v;
      return ema;
    });
    averages((x) => new optim.ExponentialAverage(x, 0.8), jitted).forEach((v, i) => {
      expect(v).toBeCloseTo(expected[i], 12);
    });
    averages((x) => new optim.StochasticWeightAverage(x), jitted).forEach((v, i) => {
      expect(v).toBeCloseTo(path.slice(0, i + 1).reduce((a, b) => a + b) / (i + 1), 12);
    });
  });

  test('use puts the parameters back, also after errors and promises; copyTo keeps the averages', async () => {
    const x = new Variable(tensor(1));
    const average = new optim.ExponentialAverage({ x }, 0.5);
    average.update();
    x.assign(tensor(3));
    average.update();
    expect(() =>
      average.use(() => {
        throw new Error('stop');
      }),
    ).toThrow('stop');
    expect(x.value.item()).toBe(3);
    const later = average.use(async () => {
      await Promise.resolve();
      return x.value.item();
    });
    expect(await later).toBe(2);
    expect(x.value.item()).toBe(3);
    average.copyTo();
    expect(x.value.item()).toBe(2);
    expect(() => average.loadStateDict({ x: zeros([2]), z: zeros([]) })).toThrow(
      /missing: updates; x has shape \[2\], needed is \[\]; unexpected: z/,
    );
    expect(() => new optim.ExponentialAverage(x, 2)).toThrow(/decay must be a number from 0 to 1/);
  });
});
