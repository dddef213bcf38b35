import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { balancedClassWeights } from '../../src/data/index.ts';
import { type Tensor, tensor } from '../../src/index.ts';
import * as nn from '../../src/nn/index.ts';
import * as optim from '../../src/optim/index.ts';
import { type Callback, type Data, evaluate, fit, nanGuard } from '../../src/train/index.ts';

interface Case {
  losses: number[];
  weight: number[][];
  bias: number[];
  second: number[][];
}
// Made by scripts/fixtures/torch_training.py.
const golden = JSON.parse(
  readFileSync(new URL('../fixtures/torch_training.json', import.meta.url), 'utf8'),
) as Record<string, number[][]> & { cases: Record<string, Case>; labels: number[] };

const x = tensor(golden.x);
const labels = tensor(golden.labels, { dtype: 'int32' });
const weights = tensor(golden.weights);
const values = tensor(golden.values);
const classWeights = [0.5, 2, 3];

function layer(weight: number[][], bias: unknown): nn.Linear {
  const made = new nn.Linear(4, weight.length);
  made.loadStateDict({ weight: tensor(weight), bias: tensor((bias as number[]).slice(0, weight.length)) });
  return made;
}

class Both extends nn.Module {
  label: nn.Linear;
  size = layer(golden.second, golden.secondBias);
  constructor(rows = 3) {
    super();
    this.label = layer(golden.start.slice(0, rows), golden.startBias);
  }
  forward(x: Tensor) {
    return { label: this.label.forward(x), size: this.size.forward(x) };
  }
}

/** Three steps on one batch, or on several that make one update. */
async function train(model: nn.Module, options: { data: Data; loss: unknown } & Record<string, unknown>) {
  const optimizer = new optim.SGD(model, { lr: 0.1, momentum: 0.9 });
  const { epochs } = await fit(model, { optimizer, epochs: 3, ...options } as never);
  return epochs.map(({ loss }) => loss);
}

const close = (actual: readonly number[], expected: readonly number[]) => {
  expect(actual).toHaveLength(expected.length);
  actual.forEach((value, i) => {
    expect(Math.abs(value - expected[i])).toBeLessThan(2e-6 * Math.max(1, Math.abs(expected[i])));
  });
};
const flat = (tree: unknown): number[] => (tree as number[]).flat(9);

/** A case with one output against PyTorch. */
async function compare(name: string, data: Data, loss: unknown, options: Record<string, unknown> = {}) {
  const expected = golden.cases[name];
  const model = layer(golden.start.slice(0, expected.weight.length), golden.startBias);
  const losses = await train(model, { data, loss, ...options });
  close(losses, expected.losses);
  close(flat(model.weight.value.toArray()), flat(expected.weight));
  close(flat(model.bias?.value.toArray()), expected.bias);
}

describe('weighted losses are those of PyTorch and Keras', () => {
  const weighted: Data = [[x, labels, weights]];

  test('classes', async () => {
    await compare('class weights, as Keras', [[x, labels]], nn.crossEntropy, { classWeights });
    await compare('class weights, as Keras', [[x, labels]], nn.crossEntropy, {
      classWeights: { 0: 0.5, 1: 2, 2: 3 },
    });
    const asTorch = { classWeights, weightedMean: true };
    await compare('class weights, as PyTorch', [[x, labels]], nn.crossEntropy, asTorch);
    const rows = tensor(golden.labels.map((label) => [0, 1, 2].map((k) => (k === label ? 1 : 0))));
    await compare('class weights, as Keras', [[x, rows]], nn.crossEntropy, { classWeights });
    const yes = tensor(golden.yes);
    await compare('yes or no', [[x, yes]], nn.binaryCrossEntropyWithLogits, {
      classWeights: { 0: 0.5, 1: 4 },
    });
  });

  test('examples, also with classes', async () => {
    await compare('sample weights, as Keras', weighted, nn.crossEntropy);
    await compare('sample weights, as Keras', [{ x, y: labels, weights }], nn.crossEntropy);
    await compare('sample weights, weighted mean', weighted, nn.crossEntropy, { weightedMean: true });
    await compare('both', weighted, nn.crossEntropy, { classWeights });
    await compare('numbers', [[x, values, weights]], nn.mseLoss);
  });

  test('sequences, and the steps of them', async () => {
    const sequences = tensor(golden.sequences);
    const tokens = tensor(golden.tokens, { dtype: 'int32' });
    await compare('sequences', [[sequences, tokens, weights]], nn.crossEntropy);
    const perToken = tensor(golden.tokenWeights);
    await compare('tokens', [[sequences, tokens, perToken]], nn.crossEntropy, { weightedMean: true });
  });

  test('a loss of which there is only the mean is taken of each example alone', async () => {
    const smooth = (outputs: Tensor, y: Tensor) => nn.crossEntropy(outputs, y, { labelSmoothing: 0 });
    await compare('sample weights, as Keras', weighted, smooth);
    const squares = (outputs: Tensor, y: Tensor) => outputs.sub(y).square().mean();
    await compare('numbers', [[x, values, weights]], squares);
  });

  test('evaluate weighs the same', async () => {
    const model = layer(golden.start, golden.startBias);
    const options = { loss: nn.crossEntropy, classWeights };
    const both = await evaluate(model, weighted, options);
    close([both.loss], [golden.cases.both.losses[0]]);
    const mean = await evaluate(
      model,
      { x, y: labels, weights },
      { loss: nn.crossEntropy, weightedMean: true, batchSize: 3 },
    );
    close([mean.loss], [golden.cases['sample weights, weighted mean'].losses[0]]);
  });
});

describe('several losses', () => {
  const data: Data = [[x, { label: labels, size: values }]];
  const loss = { label: nn.crossEntropy, size: nn.l1Loss };

  test('are added with their factors, and logged', async () => {
    const model = new Both();
    const optimizer = new optim.SGD(model, { lr: 0.1, momentum: 0.9 });
    const lossWeights = { label: 0.7, size: 0.3 };
    const options = { data, loss, lossWeights, optimizer, epochs: 3, validation: data };
    const { epochs } = await fit(model, options);
    const expected = golden.cases['two outputs'];
    close(
      epochs.map((logs) => logs.loss),
      expected.losses,
    );
    close(flat(model.label.weight.value.toArray()), flat(expected.weight));
    close(flat(model.size.weight.value.toArray()), flat(expected.second));
    const names = ['loss', 'labelLoss', 'sizeLoss'];
    expect(Object.keys(epochs[0])).toEqual([
      ...names,
      'validationLoss',
      'validationLabelLoss',
      'validationSizeLoss',
    ]);
    const { labelLoss, sizeLoss } = epochs[2];
    expect(epochs[2].loss).toBeCloseTo(0.7 * labelLoss + 0.3 * sizeLoss, 6);
  });

  test('with weights of examples for all, or for each', async () => {
    const expected = golden.cases['two outputs, weighted'];
    for (const given of [weights, { label: weights, size: weights }]) {
      const model = new Both();
      const lossWeights = { size: 0.5 };
      const losses = await train(model, {
        data: [[x, { label: labels, size: values }, given]],
        loss,
        lossWeights,
      });
      close(losses, expected.losses);
      close(flat(model.size.weight.value.toArray()), flat(expected.second));
    }
  });

  test('in a list, and as one function of trees', async () => {
    const expected = golden.cases['two outputs'];
    class Pair extends Both {
      override forward(x: Tensor): never {
        const { label, size } = super.forward(x);
        return [label, size] as never;
      }
    }
    const pair = new Pair();
    const list = { loss: [nn.crossEntropy, nn.l1Loss], lossWeights: [0.7, 0.3] };
    close(await train(pair, { data: [[x, [labels, values]]], ...list } as never), expected.losses);
    const both = new Both();
    const whole = (o: { label: Tensor; size: Tensor }, y: { label: Tensor; size: Tensor }) =>
      nn.crossEntropy(o.label, y.label).mul(0.7).add(nn.l1Loss(o.size, y.size).mul(0.3));
    close(await train(both, { data, loss: whole }), expected.losses);
  });

  test('say what is missing', async () => {
    const model = new Both();
    const run = (options: Record<string, unknown>) => train(model, { data, loss, ...options } as never);
    await expect(run({ loss: { label: nn.crossEntropy, extent: nn.l1Loss } })).rejects.toThrow(
      'fit: there are losses for label, extent, but the outputs of the model have no extent: got an object with label, size (batch 1 of epoch 1: x float32[8, 4], y { label: int32[8], size: float32[8, 3] })',
    );
    await expect(run({ data: [[x, labels]] })).rejects.toThrow(
      /but the targets have no label: got an array int32\[8\]/,
    );
    await expect(run({ lossWeights: { labels: 1 } })).rejects.toThrow(
      'fit: lossWeights has labels, but the losses are label, size',
    );
    await expect(run({ lossWeights: { label: '1' } })).rejects.toThrow(/lossWeights.label must be a number/);
    await expect(run({ loss: nn.crossEntropy, lossWeights: [1] })).rejects.toThrow(
      /multiply the loss instead/,
    );
    await expect(run({ loss: { label: 1 } })).rejects.toThrow(
      /loss must be a function of outputs and targets/,
    );
    await expect(run({ classWeights: { label: { cat: 1 } } })).rejects.toThrow(
      /'cat', which is no class number/,
    );
    await expect(run({ classWeights: { label: [-1] } })).rejects.toThrow(
      /must be a number from 0 on, got -1/,
    );
    const short = tensor([1, 2]);
    await expect(run({ data: [[x, { label: labels, size: values }, short]] })).rejects.toThrow(
      'fit: weights of batch 1 of epoch 1 have the type float32[2]; there must be one for each of its 8 examples',
    );
  });
});

describe('updates', () => {
  test('bounded gradients and penalties are those of PyTorch', async () => {
    await compare('clip norm', [[x, labels]], nn.crossEntropy, { clipNorm: 0.1 });
    await compare('clip value', [[x, labels]], nn.crossEntropy, { clipValue: 0.05 });
    const model = layer(golden.start, golden.startBias);
    const penalty = () => nn.l2Penalty([model.weight], 0.01);
    close(
      await train(model, { data: [[x, labels]], loss: nn.crossEntropy, penalty }),
      golden.cases.penalty.losses,
    );
    close(flat(model.weight.value.toArray()), flat(golden.cases.penalty.weight));
    expect((await evaluate(model, [[x, labels]], { loss: nn.crossEntropy, penalty })).loss).toBeGreaterThan(
      (await evaluate(model, [[x, labels]], { loss: nn.crossEntropy })).loss,
    );
  });

  test('batches of different sizes that are accumulated make the update of one large batch', async () => {
    const cut = { x, y: labels, weights };
    const options = { batchSize: 3, shuffle: false, accumulate: 3 };
    await compare('plain', [x, labels], nn.crossEntropy, options);
    await compare('plain', [x, labels], nn.crossEntropy, { ...options, batchSize: 2, accumulate: 4 });
    // The last update of an epoch is made of what is left.
    await compare('plain', [x, labels], nn.crossEntropy, { ...options, batchSize: 1, accumulate: 100 });
    await compare('sample weights, as Keras', cut, nn.crossEntropy, options);
    await compare('sample weights, weighted mean', cut, nn.crossEntropy, { ...options, weightedMean: true });
    await compare('clip norm', [x, labels], nn.crossEntropy, { ...options, clipNorm: 0.1 });
  });

  test('the guard against NaN changes nothing where there is none', async () => {
    const callbacks = [nanGuard({ mode: 'skip' })];
    await compare('plain', [[x, labels]], nn.crossEntropy, { callbacks });
    await compare('both', [[x, labels, weights]], nn.crossEntropy, { callbacks, classWeights });
    const options = { callbacks, weightedMean: true, batchSize: 3, shuffle: false, accumulate: 3 };
    await compare('sample weights, weighted mean', { x, y: labels, weights }, nn.crossEntropy, options);
  });

  test('parameters that are frozen and thawed between epochs, with sums of gradients', async () => {
    const run = async (options: Record<string, unknown>) => {
      const model = layer(golden.start, golden.startBias);
      const thaw: Callback = {
        onBegin: () => void model.freeze(),
        onEpochBegin: ({ epoch }) => {
          if (epoch === 0) (model.bias as nn.Parameter).trainable = true;
          if (epoch === 2) model.unfreeze();
        },
      };
      await expect(
        train(model, { data: [x, labels], loss: nn.crossEntropy, callbacks: [thaw] }),
      ).rejects.toThrow('all 2 parameters of the model are frozen');
      (model.bias as nn.Parameter).trainable = true;
      const callbacks = [{ onEpochBegin: thaw.onEpochBegin }];
      const data = [x, labels];
      await train(model, { data, loss: nn.crossEntropy, callbacks, shuffle: false, ...options } as never);
      return model;
    };
    const [whole, parts] = [await run({ batchSize: 8 }), await run({ batchSize: 4, accumulate: 2 })];
    close(flat(parts.weight.value.toArray()), flat(whole.weight.value.toArray()));
    close(flat(parts.bias?.value.toArray()), flat(whole.bias?.value.toArray()));
    expect(flat(parts.weight.value.toArray())).not.toEqual(flat(golden.start));
  });

  test('a batch of padding alone has no weight in a weighted mean', async () => {
    const zeros = tensor(new Array(8).fill(0));
    const data: Data = [
      [x, labels, weights],
      [x, labels, zeros],
    ];
    const model = layer(golden.start, golden.startBias);
    const optimizer = new optim.SGD(model, { lr: 0.1 });
    const options = { loss: nn.crossEntropy, weightedMean: true };
    const { epochs } = await fit(model, { data, optimizer, ...options });
    close([epochs[0].loss], [golden.cases['sample weights, weighted mean'].losses[0]]);
  });

  test('balanced classes', () => {
    expect(balancedClassWeights([0, 0, 0, 1, 3, 3])).toEqual([2 / 3, 2, 1, 1]);
    expect(balancedClassWeights(Uint8Array.of(1))).toEqual([1, 1]);
    expect(() => balancedClassWeights([])).toThrow(/there are no labels/);
    expect(() => balancedClassWeights([0.5])).toThrow(/label 0 is 0.5, which is no class number/);
  });

  test('what comes after an update is part of it', async () => {
    const model = layer(golden.start, golden.startBias);
    const constraint = nn.constraints.maxNorm(0.5);
    await train(model, {
      data: [[x, labels]],
      loss: nn.crossEntropy,
      afterUpdate: () => nn.constrain(model, constraint),
    });
    for (const row of model.weight.value.toArray() as number[][])
      expect(Math.hypot(...row)).toBeLessThanOrEqual(0.5 + 1e-6);
  });
});
