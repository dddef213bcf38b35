import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { jit, random, type Tensor, valueAndGrad } from '../../src/index.ts';
import * as nn from '../../src/nn/index.ts';
import * as optim from '../../src/optim/index.ts';
import { restoreState, saveState } from '../../src/train/index.ts';

/** Loops by hand that are saved to a file and go on in new objects: every optimizer, schedules, averages, accumulation. */

const { schedules } = optim;
const optimizers: Record<string, (model: nn.Layer) => optim.Optimizer> = {
  'SGD with momentum': (model) => new optim.SGD(model, { lr: 0.05, momentum: 0.9, nesterov: true }),
  Adam: (model) => new optim.Adam(model, { lr: 0.02, amsgrad: true }),
  AdamW: (model) => new optim.AdamW(model, { lr: 0.02 }),
  RMSprop: (model) => new optim.RMSprop(model, { lr: 0.01, momentum: 0.5, centered: true }),
  Adagrad: (model) => new optim.Adagrad(model, { lr: 0.1 }),
  Adadelta: (model) => new optim.Adadelta(model),
  Adamax: (model) => new optim.Adamax(model, { lr: 0.02 }),
  NAdam: (model) => new optim.NAdam(model, { lr: 0.02 }),
  RAdam: (model) => new optim.RAdam(model, { lr: 0.02 }),
  Lion: (model) => new optim.Lion(model, { lr: 0.01 }),
  LAMB: (model) => new optim.LAMB(model, { lr: 0.02 }),
  'a schedule': (model) =>
    new optim.Adam(model, { lr: schedules.warmup(3, schedules.cosineRestarts(0.05, 4)) }),
  'groups with rates of their own': (model) =>
    new optim.SGD(
      [
        { params: (model as nn.Sequential).layers[0] as nn.Layer, lr: schedules.oneCycle(0.1, 20) },
        { params: (model as nn.Sequential).layers[1] as nn.Layer },
        { params: (model as nn.Sequential).layers[3] as nn.Layer, lr: 0.01 },
      ],
      { lr: 0.05, momentum: 0.8 },
    ),
};

function setUp(make: (model: nn.Layer) => optim.Optimizer, seed: number) {
  random.seed(seed);
  const model = new nn.Sequential(
    new nn.Linear(3, 4),
    new nn.BatchNorm1d(4),
    new nn.Dropout(0.3),
    new nn.Linear(4, 2),
  );
  const optimizer = make(model);
  const accumulator = new optim.GradientAccumulator(model);
  const average = new optim.ExponentialAverage(model, 0.8);
  const add = jit((x: Tensor, y: Tensor) => {
    accumulator.add(valueAndGrad(() => nn.mseLoss(model.forward(x), y), model)[1]);
  });
  const update = jit(() => {
    optimizer.update(optim.clipGradNorm(accumulator.take(), 1));
    average.update();
  });
  return { parts: { model, optimizer, accumulator, average }, add, update };
}

const batch = (i: number): [Tensor, Tensor] => [
  random.normal([5, 3], { key: random.key(2 * i) }),
  random.normal([5, 2], { key: random.key(2 * i + 1) }),
];
/** Three parts of a batch make one update. */
const parts = (from: number, to: number, { add, update }: ReturnType<typeof setUp>): void => {
  for (let i = from; i < to; i++) {
    add(...batch(i));
    if (i % 3 === 2) update();
  }
};
const numbers = (state: Readonly<Record<string, Tensor>>) =>
  Object.fromEntries(Object.entries(state).map(([name, tensor]) => [name, tensor.toArray()]));

describe('a loop goes on in the middle of an accumulation', () => {
  test.each(Object.entries(optimizers))('%s', async (_, make) => {
    const file = join(mkdtempSync(join(tmpdir(), 'nabla-optim-')), 'state.safetensors');
    const first = setUp(make, 1);
    parts(0, 10, first);
    await saveState(file, first.parts);
    parts(10, 18, first);
    const second = setUp(make, 2);
    await restoreState(file, second.parts);
    parts(10, 18, second);
    for (const name of ['model', 'optimizer', 'accumulator', 'average'] as const)
      expect(numbers(second.parts[name].stateDict()), name).toEqual(numbers(first.parts[name].stateDict()));
  });

  test('L-BFGS', async () => {
    const file = join(mkdtempSync(join(tmpdir(), 'nabla-optim-')), 'state.safetensors');
    const make = (seed: number) => {
      random.seed(seed);
      const model = new nn.Linear(3, 2);
      const optimizer = new optim.LBFGS(model, { maxIter: 3, lineSearch: 'strongWolfe' });
      const [x, y] = batch(0);
      const evaluate = () => valueAndGrad(() => nn.mseLoss(model.forward(x).tanh(), y), model);
      return { model, optimizer, once: () => optimizer.update(evaluate) };
    };
    const first = make(1);
    first.once();
    first.once();
    await saveState(file, { model: first.model, optimizer: first.optimizer });
    const rest = [first.once(), first.once()];
    const second = make(2);
    await restoreState(file, { model: second.model, optimizer: second.optimizer });
    expect([second.once(), second.once()]).toEqual(rest);
    expect(numbers(second.model.stateDict())).toEqual(numbers(first.model.stateDict()));
  });

  test('an accumulator of another model is refused', () => {
    const accumulator = new optim.GradientAccumulator(new nn.Linear(3, 2));
    const other = new optim.GradientAccumulator(new nn.Linear(3, 4));
    expect(() => accumulator.loadStateDict(other.stateDict())).toThrow(
      /weight.sum has shape \[.*\], needed is \[.*\]; bias.sum has shape \[4\], needed is \[2\]/,
    );
    expect(() => accumulator.loadStateDict({})).toThrow(
      'missing: weight.sum; missing: bias.sum; missing: weight',
    );
  });
});
