import { expect, test } from 'vitest';
import { random, type Tensor } from '../../src/index.ts';
import * as nn from '../../src/nn/index.ts';
import { LeNet5 } from '../../src/recipes/lenet5.ts';

test('LeNet-5: 61,706 parameters, output shapes and operations of every layer', () => {
  const { layers, parameters, flops } = nn.summarize(new LeNet5(), [1, 28, 28, 1]);
  expect(parameters).toBe(61_706);
  expect(layers.map(({ name, output, parameters: p }) => [name, output, p])).toEqual([
    ['conv1', [1, 28, 28, 6], 156],
    ['conv2', [1, 10, 10, 16], 2416],
    ['fc1', [1, 120], 48_120],
    ['fc2', [1, 84], 10_164],
    ['fc3', [1, 10], 850],
    ['', [1, 10], 0],
  ]);
  // Two for each of the kernel's products, one for adding the bias.
  expect(layers[0].flops).toBe(28 * 28 * 6 * (2 * 5 * 5 + 1));
  expect(layers[1].flops).toBe(10 * 10 * 16 * (2 * 5 * 5 * 6 + 1));
  expect(layers[4].flops).toBe(10 * (2 * 84 + 1));
  // Outside of layers: relu and the comparisons of max pooling.
  expect(layers[5].flops).toBe(2 * 28 * 28 * 6 + 2 * 10 * 10 * 16 + 120 + 84);
  expect(flops).toBe(layers.reduce((sum, layer) => sum + layer.flops, 0));
});

test('the table has a line for each layer and totals; frozen parameters are told', () => {
  const model = new LeNet5();
  model.conv1.freeze();
  const text = nn.summary(model, [2, 28, 28, 1]);
  expect(text).toMatch(/conv2 \(Conv2d\)\s+\[2, 10, 10, 16\]\s+2,416\s+963,200/);
  expect(text).toMatch(/total\s+61,706/);
  expect(text).toContain('156 are frozen');
});

test('leaves the model, its mode and the generator as they were', () => {
  const model = new nn.Sequential(new nn.Linear(2, 2), new nn.Dropout(0.5).eval());
  const before = random.state().value.toArray();
  const text = nn.summary(model, [1, 2]);
  expect(text).toContain('1 (Dropout)');
  expect(random.state().value.toArray()).toEqual(before);
  expect(model.training).toBe(true);
  expect((model.layers[1] as nn.Dropout).training).toBe(false);
  expect(Object.keys(model.layers[0])).toEqual(['weight', 'bias']);
});

test('a shared layer counts its parameters once and its operations each time', () => {
  class Twice extends nn.Module {
    layer = new nn.Linear(3, 3, { bias: false });
    forward(x: Tensor): Tensor {
      return this.layer.forward(this.layer.forward(x));
    }
  }
  expect(nn.summarize(new Twice(), [1, 3])).toMatchObject({ parameters: 9, flops: 2 * 2 * 9 });
});

test('a model that is a single layer has one line', () => {
  expect(nn.summarize(new nn.Linear(3, 2), [1, 3]).layers).toHaveLength(1);
});
