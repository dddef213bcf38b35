import { describe, expect, test } from 'vitest';
import { random, tensor, zeros } from '../../src/index.ts';
import * as nn from '../../src/nn/index.ts';
import { casesOf, checkLayer } from './torch_layers.ts';

describe('Embedding', () => {
  test.each(casesOf('Embedding').map((given) => [given.name, given] as const))(
    '%s as in PyTorch',
    (_, given) => {
      const [count, dim, options] = given.arguments as unknown as [number, number, { paddingIndex?: number }];
      const layer = new nn.Embedding(count, dim, options);
      checkLayer(given, layer, ([indices]) => [layer.forward(indices)]);
    },
  );

  test('maps indices of any shape to vectors', () => {
    const layer = new nn.Embedding(7, 4);
    expect(layer.forward(tensor(3, { dtype: 'int32' })).shape).toEqual([4]);
    expect(layer.forward(zeros([2, 3, 5], { dtype: 'int32' })).shape).toEqual([2, 3, 5, 4]);
  });

  test('begins as a standard normal distribution, with zeros for padding', () => {
    random.seed(1);
    const table = new nn.Embedding(100, 50, { paddingIndex: 3 }).weight.value;
    expect(table.at(3).toArray()).toEqual(zeros([50]).toArray());
    expect(table.mean().item()).toBeCloseTo(0, 1);
    expect(table.std().item()).toBeCloseTo(1, 1);
  });

  test('names what does not fit', () => {
    expect(() => new nn.Embedding(0, 4)).toThrow(/Embedding: count must be a positive integer, got 0/);
    expect(() => new nn.Embedding(5, 4, { paddingIndex: 5 })).toThrow(
      /paddingIndex must be an integer from 0 to 4/,
    );
    expect(() => new nn.Embedding(5, 4).forward(zeros([2]))).toThrow(/indices must be int32, got float32/);
  });
});
