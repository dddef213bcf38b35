import { describe, expect, test } from 'vitest';
import { random, zeros } from '../../src/index.ts';
import * as nn from '../../src/nn/index.ts';
import { LeNet5 } from '../../src/recipes/lenet5.ts';

describe('A07', () => {
  test('A07-03 LeNet-5 with ReLU and max-pooling has 61,706 parameters', () => {
    const model = new LeNet5();
    const counts = model.parameters().map((parameter) => parameter.value.size);
    expect(counts.reduce((sum, n) => sum + n, 0)).toBe(61_706);
    const layers = nn.summarize(model, [1, 28, 28, 1]).layers.filter((layer) => layer.parameters > 0);
    expect(layers.map(({ name, output, parameters }) => [name, output, parameters])).toEqual([
      ['conv1', [1, 28, 28, 6], 5 * 5 * 1 * 6 + 6],
      ['conv2', [1, 10, 10, 16], 5 * 5 * 6 * 16 + 16],
      ['fc1', [1, 120], 400 * 120 + 120],
      ['fc2', [1, 84], 120 * 84 + 84],
      ['fc3', [1, 10], 84 * 10 + 10],
    ]);
    const logits = model.forward(random.uniform([3, 28, 28, 1], { key: random.key(1) }));
    expect(logits.shape).toEqual([3, 10]);
    expect(logits.dataSync().every(Number.isFinite)).toBe(true);
    // 400 = 16·5·5 needs 32×32 pixels, or padding by 2: without it, 28×28 end as 256.
    const features = new nn.Sequential(
      new nn.Conv2d(1, 6, 5),
      new nn.ReLU(),
      new nn.MaxPool2d(2),
      new nn.Conv2d(6, 16, 5),
      new nn.ReLU(),
      new nn.MaxPool2d(2),
    );
    expect(features.forward(zeros([1, 28, 28, 1])).flatten(1).shape).toEqual([1, 256]);
    expect(features.forward(zeros([1, 32, 32, 1])).flatten(1).shape).toEqual([1, 400]);
  });
});
