import { describe, expect, test } from 'vitest';
import { grad, jit, ones, random, stack, type Tensor, vmap } from '../../src/index.ts';
import * as nn from '../../src/nn/index.ts';
import { expectSame } from '../support/example_loop.ts';

const normal = (shape: readonly number[], seed: number): Tensor =>
  random.normal(shape, { key: random.key(seed) });
const each = (n: number, f: (i: number) => Tensor): Tensor =>
  stack(Array.from({ length: n }, (_, i) => f(i)));

describe('layers under vmap', () => {
  class Network extends nn.Module {
    convolution = new nn.Conv2d(1, 3, 3, { padding: 1 });
    last = new nn.Linear(48, 4);
    forward(x: Tensor): Tensor {
      return this.last.forward(nn.maxPool2d(this.convolution.forward(x).relu(), 2).flatten(1));
    }
  }

  test('the gradients of each example by the parameters of a convolutional network', () => {
    const network = new Network();
    const [x, y] = [normal([5, 8, 8, 1], 1), random.randint([5], 0, 4, { key: random.key(2) })];
    const gradients = (image: Tensor, label: Tensor) =>
      grad(() => nn.crossEntropy(network.forward(image.unsqueeze(0)), label.unsqueeze(0)), network);
    const all = vmap(gradients);
    for (const run of [all, jit(all)]) {
      const together = run(x, y);
      expect([...together.keys()]).toEqual(network.parameters());
      const alone = [0, 1, 2, 3, 4].map((i) => gradients(x.at(i), y.at(i)));
      for (const [variable, gradient] of together)
        expectSame(
          gradient,
          each(5, (i) => alone[i].get(variable)!),
          1e-5,
          variable.name,
        );
    }
  });

  test('an LSTM, an embedding and attention', () => {
    const lstm = new nn.LSTM(3, 4);
    const attention = new nn.MultiHeadAttention(4, 2);
    const embedding = new nn.Embedding(10, 3);
    const f = (words: Tensor) => {
      const [states] = lstm.forward(embedding.forward(words).unsqueeze(0));
      return attention.forward(states).at(0);
    };
    const sentences = random.randint([4, 6], 0, 10, { key: random.key(3) });
    expectSame(
      vmap(f)(sentences),
      each(4, (i) => f(sentences.at(i))),
      1e-5,
    );
  });

  test('normalization: its own statistics of an example, and none that differ for the running ones', () => {
    const norm = new nn.BatchNorm1d(3);
    const x = normal([4, 6, 3], 4);
    expect(() => vmap((rows: Tensor) => norm.forward(rows))(x)).toThrow(
      /assigned Variable 'runningMean' a value that differs between the examples/,
    );
    norm.eval();
    expectSame(
      vmap((rows: Tensor) => norm.forward(rows))(x),
      norm.forward(x.reshape([24, 3])).reshape([4, 6, 3]),
      1e-6,
    );
    const layer = new nn.LayerNorm([3]);
    expectSame(vmap((rows: Tensor) => layer.forward(rows))(x), layer.forward(x), 1e-5);
  });

  test('dropout without keys drops the same of every example', () => {
    random.seed(1);
    const dropout = new nn.Dropout(0.5);
    const out = vmap((row: Tensor) => dropout.forward(row))(ones([3, 64]));
    for (const i of [1, 2]) expect(out.at(i).toArray()).toEqual(out.at(0).toArray());
    expect(out.at(0).sum().item()).toBeGreaterThan(0);
    expect(out.at(0).eq(0).sum().item()).toBeGreaterThan(0);
  });
});
