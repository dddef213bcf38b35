import { describe, expect, test } from 'vitest';
import { grad, random, type Tensor, tensor, valueAndGrad, zeros } from '../../src/index.ts';
import * as nn from '../../src/nn/index.ts';
import { expectClose } from '../support/close.ts';

const draw = (shape: number[], seed = 0): Tensor => random.normal(shape, { key: random.key(seed) });
const numbers = (x: Tensor): number[] => [...x.dataSync()].map(Number);
const count = (model: nn.Module): number =>
  model.parameters().reduce((sum, parameter) => sum + parameter.value.size, 0);

describe('A04', () => {
  test('A04-30 batch normalization: γ (x − μ) / √(σ² + ε) + β of the batch in training, of moving averages after it', () => {
    const layer = new nn.BatchNorm1d(2, { eps: 1e-3, momentum: 0.1 });
    layer.loadStateDict({ ...layer.stateDict(), weight: tensor([2, 0.5]), bias: tensor([1, -1]) });
    const batch = [
      [1, 10],
      [3, 30],
      [5, 80],
    ];
    const column = (k: number) => batch.map((row) => row[k]);
    const mean = (values: number[]) => values.reduce((a, b) => a + b) / values.length;
    const spread = (values: number[], divisor: number) =>
      values.reduce((sum, v) => sum + (v - mean(values)) ** 2, 0) / divisor;
    const [gamma, beta] = [
      [2, 0.5],
      [1, -1],
    ];
    layer.train();
    const normalized = batch.map((row) =>
      row.map(
        (v, k) => (gamma[k] * (v - mean(column(k)))) / Math.sqrt(spread(column(k), 3) + 1e-3) + beta[k],
      ),
    );
    expectClose(numbers(layer.forward(tensor(batch))), normalized.flat(), { rtol: 1e-5, atol: 1e-5 });
    // The averages move a tenth of the way from 0 and 1; their variance is that of the sample.
    const moved = [0, 1].map((k) => [0.1 * mean(column(k)), 0.9 + 0.1 * spread(column(k), 2)]);
    expectClose(numbers(layer.runningMean!.value), [moved[0][0], moved[1][0]], { rtol: 1e-6 });
    expectClose(numbers(layer.runningVar!.value), [moved[0][1], moved[1][1]], { rtol: 1e-6 });
    layer.eval();
    const fixed = batch.map((row) =>
      row.map((v, k) => (gamma[k] * (v - moved[k][0])) / Math.sqrt(moved[k][1] + 1e-3) + beta[k]),
    );
    expectClose(numbers(layer.forward(tensor(batch))), fixed.flat(), { rtol: 1e-5, atol: 1e-5 });
    // After training an example alone gives what it gives among others; while training it does not.
    expectClose(numbers(layer.forward(tensor([batch[1]]))), fixed[1], { rtol: 1e-5 });
    // Whatever shift and positive scale comes in, the same goes out, but for ε.
    layer.train();
    const x = draw([64, 2], 5);
    expectClose(numbers(layer.forward(x.mul(7).add(3))), numbers(layer.forward(x)), { atol: 5e-3 });
  });

  test('A04-31 layer normalization: over the features of each example and step, before the activation of an RNN', () => {
    const layer = new nn.LayerNorm(6);
    const x = draw([3, 4, 6], 1).mul(5).add(2);
    const y = layer.forward(x);
    expectClose(numbers(y.mean(-1)), Array(12).fill(0), { atol: 1e-5 });
    expectClose(numbers(y.square().mean(-1)), Array(12).fill(1), { atol: 1e-4 });
    // Each step of each example on its own: no batch is needed, and training is as evaluation.
    expectClose(numbers(layer.forward(x.slice([1, 2], [2, 3]))), numbers(y.slice([1, 2], [2, 3])), {
      atol: 1e-6,
    });
    layer.eval();
    expect(numbers(layer.forward(x))).toEqual(numbers(y));
    // A recurrence whose weights are far too large: it saturates without, and goes on with normalization.
    const [input, recurrent] = [draw([6, 6], 2).mul(10), draw([6, 6], 3).mul(10)];
    const run = (normalize: (a: Tensor) => Tensor): number => {
      let h = zeros([3, 6]);
      for (let t = 0; t < 4; t++) h = normalize(x.at(t, 1).matmul(input).add(h.matmul(recurrent))).tanh();
      return h.abs().gt(0.999).cast('float32').mean().item();
    };
    expect(run((a) => a)).toBeGreaterThan(0.8);
    expect(run((a) => layer.forward(a))).toBeLessThan(0.1);
  });

  test('A04-32 local response normalization divides by the squares of neighbouring channels', () => {
    const x = [1, 2, -3, 0.5, 4];
    const [size, alpha, beta, k] = [3, 0.2, 0.75, 2];
    const byHand = x.map((v, i) => {
      const squares = [i - 1, i, i + 1].reduce((sum, c) => sum + (x[c] ?? 0) ** 2, 0);
      return v / (k + (alpha / size) * squares) ** beta;
    });
    const layer = new nn.LocalResponseNorm(size, { alpha, beta, k });
    expect(count(layer)).toBe(0);
    expectClose(numbers(layer.forward(tensor(x).reshape([1, 1, 1, 5]))), byHand, { rtol: 1e-6 });
    // Only the channels of the same pixel count.
    const two = tensor([...x, ...x.map((v) => 9 * v)]).reshape([1, 2, 1, 5]);
    expectClose(numbers(layer.forward(two)).slice(0, 5), byHand, { rtol: 1e-6 });
  });

  test('A04-33 residual block: zero F is the identity; a projection where shapes change; or joined instead of added', () => {
    const inner = () =>
      new nn.Sequential(
        new nn.Conv2d(4, 4, 3, { padding: 'same' }),
        new nn.ReLU(),
        new nn.Conv2d(4, 4, 3, { padding: 'same' }),
      );
    const x = draw([2, 5, 5, 4]);
    const block = new nn.Residual(inner());
    const f = block.inner as nn.Sequential;
    expectClose(numbers(block.forward(x)), numbers(f.forward(x).add(x)), { atol: 1e-6 });
    nn.initialize(block, { weightInit: nn.init.zeros, biasInit: nn.init.zeros });
    expect(numbers(block.forward(x))).toEqual(numbers(x));
    // The gradient goes around as well: zero weights do not stop it.
    expect(numbers(grad((input: Tensor) => block.forward(input).sum())(x))).toEqual(Array(200).fill(1));
    const down = new nn.Conv2d(4, 8, 3, { stride: 2, padding: 1 });
    expect(() => new nn.Residual(down).forward(x)).toThrow(/give a shortcut/);
    const shortcut = new nn.Conv2d(4, 8, 1, { stride: 2 });
    const projected = new nn.Residual(down, { shortcut }).forward(x);
    expectClose(numbers(projected), numbers(down.forward(x).add(shortcut.forward(x))), { atol: 1e-6 });
    const joined = new nn.Concatenate().forward(x, f.forward(x));
    expect(joined.shape).toEqual([2, 5, 5, 8]);
    expect(numbers(joined.slice(null, null, null, [4, 8]))).toEqual(Array(200).fill(0));
  });

  test('A04-34 squeeze and excitation: a factor from 0 to 1 for each channel, by the means of all', () => {
    const layer = new nn.SqueezeExcitation(16, 4);
    expect(count(layer)).toBe(16 * 4 + 4 + 4 * 16 + 16);
    const x = draw([2, 5, 6, 16]);
    const factors = layer.forward(x).div(x);
    const first = factors.slice(null, [0, 1], [0, 1]);
    expectClose(numbers(factors.sub(first).abs().max()), [0], { atol: 1e-4 });
    expect(factors.min().item()).toBeGreaterThan(0);
    expect(factors.max().item()).toBeLessThan(1);
    const means = x.mean([1, 2]);
    const byHand = layer.excite.forward(layer.squeeze.forward(means).relu()).sigmoid();
    expectClose(numbers(first.reshape([2, 16])), numbers(byHand), { atol: 1e-4 });
    nn.initialize(layer, { weightInit: nn.init.zeros, biasInit: nn.init.zeros });
    expect(numbers(layer.forward(x))).toEqual(numbers(x.mul(0.5)));
  });

  test('A04-35 SimpleRNN, LSTM, GRU: gates by number of weights, stacked, in both directions; TimeDistributed, RepeatVector', () => {
    const x = draw([3, 7, 5], 1);
    // A cell of g gates: g (h i + h h) weights and, as in PyTorch, two biases.
    for (const [make, gates] of [
      [(o: object) => new nn.SimpleRNN(5, 4, o), 1],
      [(o: object) => new nn.LSTM(5, 4, o), 4],
      [(o: object) => new nn.GRU(5, 4, o), 3],
    ] as const) {
      const cell = (inputs: number) => gates * (4 * inputs + 4 * 4 + 2 * 4);
      expect(count(make({}))).toBe(cell(5));
      expect(count(make({ layers: 3 }))).toBe(cell(5) + 2 * cell(4));
      const both = make({ layers: 2, bidirectional: true });
      expect(count(both)).toBe(2 * cell(5) + 2 * cell(8));
      expect((both.forward(x) as [Tensor, unknown])[0].shape).toEqual([3, 7, 8]);
    }
    // h <- tanh(W x + U h + b), step by step.
    const rnn = new nn.SimpleRNN(5, 4);
    const [outputs] = rnn.forward(x);
    const { weightIh, weightHh, biasIh, biasHh } = rnn.cells[0];
    let h = zeros([3, 4]);
    for (let t = 0; t < 7; t++) {
      h = x
        .at(t, 1)
        .matmul(weightIh.value.transpose())
        .add(h.matmul(weightHh.value.transpose()))
        .add(biasIh!.value)
        .add(biasHh!.value)
        .tanh();
      expectClose(numbers(outputs.at(t, 1)), numbers(h), { atol: 1e-5 });
    }
    // The second half of a bidirectional layer's features is the sequence read from its end.
    const both = new nn.GRU(5, 4, { bidirectional: true });
    const backwards = new nn.GRU(5, 4);
    const state = both.stateDict();
    const own = Object.keys(backwards.stateDict());
    const reverse = Object.keys(state).filter((name) => !own.includes(name));
    backwards.loadStateDict(Object.fromEntries(own.map((name, i) => [name, state[reverse[i]]])));
    const [read] = backwards.forward(x.flip(1));
    expectClose(numbers(both.forward(x)[0].slice(null, null, [4, 8])), numbers(read.flip(1)), { atol: 1e-5 });
    const dense = new nn.Linear(5, 2);
    const distributed = new nn.TimeDistributed(dense).forward(x);
    expect(distributed.shape).toEqual([3, 7, 2]);
    expectClose(numbers(distributed.at(4, 1)), numbers(dense.forward(x.at(4, 1))), { atol: 1e-6 });
    const repeated = new nn.RepeatVector(6).forward(x.at(0, 1));
    expect(repeated.shape).toEqual([3, 6, 5]);
    for (let t = 0; t < 6; t++) expect(numbers(repeated.at(t, 1))).toEqual(numbers(x.at(0, 1)));
  });

  test('A04-36 gating: a second map of the input decides how much of the first passes', () => {
    const x = draw([3, 5]);
    const layer = new nn.GatedLinear(5, 2);
    expectClose(
      numbers(layer.forward(x)),
      numbers(layer.value.forward(x).mul(layer.gate.forward(x).sigmoid())),
      { atol: 1e-6 },
    );
    const gateAt = (bias: number) =>
      layer.loadStateDict({
        ...layer.stateDict(),
        'gate.weight': zeros([2, 5]),
        'gate.bias': tensor([bias, bias]),
      });
    gateAt(100);
    expectClose(numbers(layer.forward(x)), numbers(layer.value.forward(x)), { atol: 1e-6 });
    gateAt(-100);
    expectClose(numbers(layer.forward(x)), Array(6).fill(0), { atol: 1e-6 });
    // A highway: what does not pass the transformation goes around it.
    const highway = new nn.Highway(5, { gateBias: -100 });
    expectClose(numbers(highway.forward(x)), numbers(x), { atol: 1e-6 });
  });

  test('A04-37 noisy dense layer: noise in training until it is drawn anew, with a size that is learned; none after', () => {
    random.seed(0);
    const layer = new nn.NoisyLinear(6, 3);
    expect(count(layer)).toBe(2 * (6 * 3 + 3));
    const x = draw([4, 6]);
    layer.train();
    const first = numbers(layer.forward(x));
    expect(numbers(layer.forward(x))).toEqual(first);
    layer.resample();
    expect(numbers(layer.forward(x))).not.toEqual(first);
    // On the mean over many draws it is the layer without noise.
    layer.eval();
    const still = numbers(layer.forward(x));
    expectClose(still, numbers(x.matmul(layer.weight.value.transpose()).add(layer.bias.value)), {
      atol: 1e-6,
    });
    layer.train();
    const sums = still.map(() => 0);
    for (let i = 0; i < 400; i++) {
      layer.resample();
      numbers(layer.forward(x)).forEach((v, k) => {
        sums[k] += v / 400;
      });
    }
    expectClose(sums, still, { atol: 0.15 });
    const [, grads] = valueAndGrad(() => layer.forward(x).square().sum(), layer);
    expect(grads.get(layer.weightSigma)!.abs().sum().item()).toBeGreaterThan(0);
  });
});
