import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { digits, loader } from '../../src/data/index.ts';
import { jit, random, type Tensor, tensor, valueAndGrad, zeros } from '../../src/index.ts';
import { load, save } from '../../src/io/index.ts';
import { accuracy } from '../../src/metrics/index.ts';
import * as nn from '../../src/nn/index.ts';
import * as optim from '../../src/optim/index.ts';
import { evaluate, fit, lambdaCallback, predict, progress, tensorBoard } from '../../src/train/index.ts';
import { expectClose } from '../support/close.ts';
import { readEvents, readerProblem } from '../support/tensorboard_reader.ts';

const draw = (shape: number[], seed = 0): Tensor => random.normal(shape, { key: random.key(seed) });
const numbers = (x: Tensor): number[] => [...x.dataSync()].map(Number);

/** A temporary folder for the time of a function. */
async function inFolder<T>(act: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'nabla-a04-'));
  try {
    return await act(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The first example of the course: 500 inputs, 32 hidden units, 10 classes. */
const example1 = (): nn.Sequential =>
  new nn.Sequential(new nn.Linear(500, 32), new nn.ReLU(), new nn.Linear(32, 10));

/** The second one, on pictures of 32×32×3. */
const example2 = (): nn.Sequential =>
  new nn.Sequential(
    new nn.Conv2d(3, 64, 2, { padding: 'valid' }),
    new nn.ReLU(),
    new nn.MaxPool2d(2),
    new nn.Flatten(),
    new nn.Linear(14_400, 216),
    new nn.ReLU(),
    new nn.Dropout(0.5),
    new nn.Linear(216, 10),
  );

/** Points of three classes, [count, 4]. */
function points(count: number, seed: number): { x: Tensor; y: Tensor } {
  const y = tensor(Int32Array.from({ length: count }, (_, i) => i % 3));
  const centres = tensor([
    [2, 0, 0, 1],
    [0, 2, 0, -1],
    [0, 0, 2, 0],
  ]);
  return { x: centres.take(y, 0).add(draw([count, 4], seed).mul(0.5)), y };
}
const classifier = (): nn.Sequential =>
  new nn.Sequential(new nn.Linear(4, 16), new nn.ReLU(), new nn.Linear(16, 3));

describe('A04', () => {
  test('A04-02 Sequential: layers and functions, one behind the other', () => {
    const [first, last] = [new nn.Linear(4, 8), new nn.Linear(8, 3)];
    const model = new nn.Sequential(first, (x: Tensor) => x.relu(), last);
    const x = draw([5, 4]);
    expect(numbers(model.forward(x))).toEqual(numbers(last.forward(first.forward(x).relu())));
    expect(model.namedParameters().map(([name]) => name)).toEqual([
      '0.weight',
      '0.bias',
      '2.weight',
      '2.bias',
    ]);
    expect(() => model.forward(draw([5, 3]))).toThrow(/Linear\(4, 8\): the last axis of the input must be 4/);
  });

  test('A04-03 a model of two inputs: Dense 16→8 and 32→8, Add, Dense 8→4: 136 + 264 + 36 = 436 parameters', () => {
    const [a, b] = [nn.input('a'), nn.input('b')];
    const [left, right, top] = [new nn.Linear(16, 8), new nn.Linear(32, 8), new nn.Linear(8, 4)];
    const model = new nn.Model([a, b], nn.apply(new nn.Add(), a.to(left), b.to(right)).to(top));
    const { layers, parameters } = nn.summarize(model, [
      [2, 16],
      [2, 32],
    ]);
    expect(layers.map((layer) => layer.parameters).filter((n) => n > 0)).toEqual([136, 264, 36]);
    expect(parameters).toBe(436);
    const [x, y] = [draw([2, 16], 1), draw([2, 32], 2)];
    const out = model.forward(x, y);
    expect(out.shape).toEqual([2, 4]);
    expectClose(numbers(out), numbers(top.forward(left.forward(x).add(right.forward(y)))), { atol: 1e-6 });
    expect(() => model.forward(x)).toThrow();
  });

  /** Trains a model by `fit` and by hand, and compares. */
  async function compareByHand(
    optimizerOf: (model: nn.Module) => optim.Optimizer,
    loss: (outputs: Tensor, targets: Tensor) => Tensor,
  ): Promise<void> {
    const x = draw([64, 4], 1);
    const y = nn.softmax(draw([64, 3], 2).mul(3));
    const made = (): nn.Sequential => {
      random.seed(7);
      return classifier();
    };
    const model = made();
    const meanError = (outputs: Tensor, targets: Tensor) => outputs.sub(targets).abs().mean();
    const { epochs } = await fit(model, {
      data: { x, y },
      loss,
      optimizer: optimizerOf(model),
      metrics: { meanError },
      epochs: 3,
      batchSize: 16,
      shuffle: false,
    });
    const other = made();
    const optimizer = optimizerOf(other);
    const step = jit((images: Tensor, targets: Tensor) => {
      const [[value, outputs], gradients] = valueAndGrad((): [Tensor, Tensor] => {
        const predictions = other.forward(images);
        return [loss(predictions, targets), predictions];
      }, other);
      optimizer.update(gradients);
      return [value, meanError(outputs, targets)];
    });
    for (let epoch = 0; epoch < 3; epoch++) {
      let [total, error] = [0, 0];
      for (let i = 0; i < 64; i += 16) {
        const [value, measured] = step(x.slice([i, i + 16]), y.slice([i, i + 16]));
        total += value.item() / 4;
        error += measured.item() / 4;
      }
      expect(epochs[epoch].loss).toBeCloseTo(total, 6);
      expect(epochs[epoch].meanError).toBeCloseTo(error, 6);
    }
    expect(model.parameters().map((p) => numbers(p.value))).toEqual(
      other.namedParameters().map(([, p]) => numbers(p.value)),
    );
    expect(epochs[2].loss).toBeLessThan(epochs[0].loss);
  }

  test('A04-04 loss, optimizer and metrics are what a loop by hand does: rmsprop with mean squares, adam with cross-entropy of rows', async () => {
    await compareByHand((model) => new optim.RMSprop(model, { lr: 1e-2 }), nn.mseLoss);
    await compareByHand((model) => new optim.Adam(model, { lr: 1e-2 }), nn.crossEntropy);
  });

  test('A04-05 fit(x, y, validation, epochs, batch size, callbacks): “Train on 50000 samples, validate on 10000 samples”', async () => {
    const [train, held] = [points(50_000, 1), points(10_000, 2)];
    let printed = '';
    let steps = 0;
    const model = classifier();
    const { epochs } = await fit(model, {
      data: train,
      validation: held,
      loss: nn.crossEntropy,
      optimizer: new optim.Adam(model, { lr: 1e-2 }),
      metrics: { accuracy },
      epochs: 1,
      batchSize: 1000,
      callbacks: [
        progress({ stream: { write: (text) => (printed += text) } }),
        lambdaCallback({ onStep: () => void steps++ }),
      ],
    });
    expect(printed).toMatch(/^Train on 50000 samples, validate on 10000 samples\nepoch 1\/1 {2}loss /);
    expect(steps).toBe(50);
    expect(Object.keys(epochs[0]).sort()).toEqual([
      'accuracy',
      'loss',
      'validationAccuracy',
      'validationLoss',
    ]);
    // Ten epochs of batches of ten.
    steps = 0;
    const history = await fit(model, {
      data: points(300, 3),
      validation: points(60, 4),
      loss: nn.crossEntropy,
      optimizer: new optim.Adam(model, { lr: 1e-2 }),
      metrics: { accuracy },
      epochs: 10,
      batchSize: 10,
      callbacks: [lambdaCallback({ onStep: () => void steps++ })],
    });
    expect([history.epochs.length, history.steps, steps]).toEqual([10, 300, 300]);
    expect(history.epochs[9].validationAccuracy).toBeGreaterThan(0.95);
  });

  test('A04-06 predict, evaluate, summary', async () => {
    const { x, y } = points(100, 5);
    const model = classifier();
    const outputs = await predict(model, x, { batchSize: 32 });
    expect(outputs.shape).toEqual([100, 3]);
    model.eval();
    expectClose(numbers(outputs), numbers(model.forward(x)), { atol: 1e-6 });
    const results = await evaluate(
      model,
      { x, y },
      { loss: nn.crossEntropy, metrics: { accuracy }, batchSize: 32 },
    );
    expect(results.loss).toBeCloseTo(nn.crossEntropy(outputs, y).item(), 5);
    expect(results.accuracy).toBeCloseTo(outputs.argmax(-1).eq(y).cast('float32').mean().item(), 6);
    expect(nn.summary(model, [1, 4])).toMatch(/total\s+131/);
  });

  test('A04-07 example 1: Dense(32) of 500 inputs and Dense(10): 16,032 + 330 = 16,362 parameters, trained by rmsprop', async () => {
    random.seed(0);
    const model = example1();
    const { layers, parameters } = nn.summarize(model, [1, 500]);
    expect(layers.map((layer) => layer.parameters).filter((n) => n > 0)).toEqual([16_032, 330]);
    expect(parameters).toBe(16_362);
    expect(
      nn
        .softmax(model.forward(draw([3, 500])))
        .sum(-1)
        .toArray(),
    ).toEqual([1, 1, 1].map((v) => expect.closeTo(v, 5)));
    const x = draw([200, 500], 1);
    const y = x.slice(null, [0, 10]).argmax(-1);
    const { epochs } = await fit(model, {
      data: { x, y },
      loss: nn.crossEntropy,
      optimizer: new optim.RMSprop(model),
      metrics: { accuracy },
      epochs: 6,
      batchSize: 20,
    });
    expect(epochs[0].loss).toBeGreaterThan(1.5);
    expect(epochs[5].accuracy).toBeGreaterThan(0.9);
  });

  test('A04-08 example 2 on 32×32×3: convolution 832, 31×31×64, 15×15×64, flat 14,400, dense 3,110,616 and 2,170', async () => {
    random.seed(0);
    const model = example2();
    const { layers, parameters } = nn.summarize(model, [10, 32, 32, 3]);
    expect(layers.map((layer) => [layer.type, layer.output?.slice(1), layer.parameters])).toEqual([
      ['Conv2d', [31, 31, 64], 832],
      ['ReLU', [31, 31, 64], 0],
      ['MaxPool2d', [15, 15, 64], 0],
      ['Flatten', [14_400], 0],
      ['Linear', [216], 3_110_616],
      ['ReLU', [216], 0],
      ['Dropout', [216], 0],
      ['Linear', [10], 2_170],
    ]);
    expect(parameters).toBe(832 + 3_110_616 + 2_170);
    // A batch of ten is learned by heart.
    const data = { x: draw([10, 32, 32, 3], 1), y: tensor(Int32Array.from({ length: 10 }, (_, i) => i)) };
    const loss = async () => (await evaluate(model, data, { loss: nn.crossEntropy })).loss;
    const before = await loss();
    await fit(model, {
      data,
      loss: nn.crossEntropy,
      optimizer: new optim.Adam(model, { lr: 1e-3 }),
      epochs: 8,
      batchSize: 10,
    });
    expect(before).toBeGreaterThan(2);
    expect(await loss()).toBeLessThan(0.5);
  });

  test('A04-40 scalars and histograms of logits over time tell which of two models is learning', async () => {
    const { train } = digits({ train: 200, test: 0, seed: 2 });
    const [sample] = [...loader(train, { batchSize: 100 })];
    const logs = async (folder: string, lr: number) => {
      random.seed(0);
      const model = new nn.Sequential(new nn.Flatten(), new nn.Linear(784, 10));
      await fit(model, {
        data: loader(train, { batchSize: 20, shuffle: true }),
        loss: nn.crossEntropy,
        optimizer: new optim.Adam(model, { lr }),
        metrics: { accuracy },
        epochs: 4,
        callbacks: [
          tensorBoard(folder, {
            histograms: ['outputs'],
            sample: sample as [Tensor, Tensor],
            detailsEvery: 1,
            every: 5,
          }),
        ],
      });
      const file = readdirSync(folder).find((name) => name.includes('tfevents'));
      const bytes = readFileSync(join(folder, file ?? 'no event file'), 'latin1');
      return {
        times: bytes.split('outputs/model').length - 1,
        scalars: bytes.split('epoch/loss').length - 1,
      };
    };
    await inFolder(async (folder) => {
      const [learning, still] = [join(folder, 'learning'), join(folder, 'still')];
      // Once in each of four epochs, and once where the graph is written or the series described.
      for (const place of [learning, still]) {
        const { times, scalars } = await logs(place, place === learning ? 1e-2 : 1e-9);
        expect(times).toBeGreaterThanOrEqual(4);
        expect(scalars).toBeGreaterThanOrEqual(4);
      }
      if (readerProblem !== null) return;
      /** Where the histograms of the logits begin and end, epoch by epoch, as TensorBoard reads them. */
      const spreads = (place: string) =>
        readEvents(place).histograms['outputs/model'].map(([, rows]) => {
          expect(rows.reduce((sum, [, , n]) => sum + n, 0)).toBe(1000);
          return Math.max(...rows.map(([, right]) => right)) - Math.min(...rows.map(([left]) => left));
        });
      const [wide, constant] = [spreads(learning), spreads(still)];
      expect([wide.length, constant.length]).toEqual([4, 4]);
      expect(wide[3]).toBeGreaterThan(1.3 * wide[0]);
      expect(wide[0]).toBeGreaterThan(2 * constant[0]);
      expect(constant[3]).toBeCloseTo(constant[0], 3);
      const losses = readEvents(learning).scalars['epoch/loss'].map(([, value]) => value);
      expect(losses[3]).toBeLessThan(losses[0]);
    });
  });

  test('A04-41 the summary: a line for each layer with its output shape and parameters', () => {
    const lines = nn.summary(example2(), [10, 32, 32, 3]).split('\n');
    const line = (layer: string) => lines.find((text) => text.includes(layer)) ?? '';
    expect(line('(Conv2d)')).toMatch(/\[10, 31, 31, 64\]\s+832\s/);
    expect(line('(MaxPool2d)')).toMatch(/\[10, 15, 15, 64\]\s+0\s/);
    expect(line('(Flatten)')).toMatch(/\[10, 14400\]\s+0\s/);
    expect(line('4 (Linear)')).toMatch(/\[10, 216\]\s+3,110,616\s/);
    expect(line('7 (Linear)')).toMatch(/\[10, 10\]\s+2,170\s/);
    expect(line('total')).toMatch(/3,113,618/);
  });

  test('A04-43 weights are saved and read exactly, carried over to another model, and frozen there', async () => {
    await inFolder(async (folder) => {
      random.seed(1);
      const first = classifier();
      const path = join(folder, 'first.safetensors');
      await save(first, path);
      const copy = classifier();
      expect(numbers(copy.parameters()[0].value)).not.toEqual(numbers(first.parameters()[0].value));
      await load(copy, path);
      for (const [name, parameter] of first.namedParameters())
        expect(numbers(copy.stateDict()[name])).toEqual(numbers(parameter.value));

      // The same features for another task: the first layer comes along, the last one is new.
      const other = new nn.Sequential(new nn.Linear(4, 16), new nn.ReLU(), new nn.Linear(16, 2));
      expect(() => other.loadStateDict(first.stateDict())).toThrow(/2.weight has shape \[3, 16\]/);
      const features = Object.fromEntries(
        Object.entries(first.stateDict()).filter(([name]) => name.startsWith('0.')),
      );
      expect(other.loadStateDict(features, { strict: false })).toEqual({
        missing: ['2.weight', '2.bias'],
        unexpected: [],
      });
      const layer = other.layers[0] as nn.Linear;
      layer.freeze();
      expect(layer.namedParameters().map(([, p]) => p.trainable)).toEqual([false, false]);
      expect(nn.summarize(other, [1, 4])).toMatchObject({ parameters: 114, trainable: 34 });
      const before = other.namedParameters().map(([, p]) => numbers(p.value));
      const { x } = points(60, 6);
      await fit(other, {
        data: { x, y: x.slice(null, [0, 1]).gt(1).cast('int32').reshape([60]) },
        loss: nn.crossEntropy,
        optimizer: new optim.Adam(other, { lr: 0.01, weightDecay: 0.1 }),
        epochs: 2,
      });
      const after = other.namedParameters().map(([, p]) => numbers(p.value));
      expect(after.slice(0, 2)).toEqual(before.slice(0, 2));
      expect(after[2]).not.toEqual(before[2]);
      expect(after[3]).not.toEqual(before[3]);
      // Unfrozen, it learns again.
      layer.unfreeze();
      const [, grads] = valueAndGrad(
        () => nn.crossEntropy(other.forward(x), zeros([60], { dtype: 'int32' })),
        other,
      );
      expect(grads.has(layer.weight)).toBe(true);
    });
  });
});
