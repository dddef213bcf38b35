import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { realize } from '../../src/core/evaluate.ts';
import { convolution, windows } from '../../src/core/spatial.ts';
import { type Tensor, tensor } from '../../src/core/tensor.ts';
import { valueAndGrad } from '../../src/core/transforms.ts';
import type { DType } from '../../src/graph/dtype.ts';
import { expectClose } from '../support/close.ts';

// LeNet-5 from tensor operations alone against PyTorch's: scripts/fixtures/torch_lenet.py says what is in the fixture.

interface Summary {
  readonly first: readonly number[];
  readonly sum: number;
  readonly magnitude: number;
  readonly mixed: number;
}
interface Formula {
  readonly shape: readonly number[];
  readonly scale: number;
  readonly frequency: number;
  readonly phase: number;
}
const golden: {
  labels: number[];
  images: { shape: number[]; first: number[]; sum: number };
  parameters: Record<string, Formula>;
  logits: number[];
  gradients: Record<string, Summary>;
  losses: number[];
} = JSON.parse(readFileSync(new URL('../fixtures/torch_lenet.json', import.meta.url), 'utf8'));

const generated = (shape: readonly number[], dtype: DType, element: (i: number) => number): Tensor =>
  tensor(
    Array.from({ length: shape.reduce((size, n) => size * n, 1) }, (_, i) => element(i)),
    { dtype },
  ).reshape(shape);

type Parameters = Record<string, Tensor>;

function forward(p: Parameters, images: Tensor): Tensor {
  const block = (x: Tensor, name: string, padding: number): Tensor => {
    const sizes = {
      stride: [1, 1],
      dilation: [1, 1],
      padding: [[padding, padding] as const, [padding, padding] as const],
    };
    const convolved = convolution(name, x, p[`${name}.weight`], { ...sizes, groups: 1 })
      .add(p[`${name}.bias`])
      .relu();
    const pooled = windows(name, convolved, [2, 2], {
      stride: [2, 2],
      dilation: [1, 1],
      padding: [
        [0, 0],
        [0, 0],
      ],
    });
    return pooled.max([-2, -1]);
  };
  const linear = (x: Tensor, name: string): Tensor => x.matmul(p[`${name}.weight`].T).add(p[`${name}.bias`]);
  const features = block(block(images, 'conv1', 2), 'conv2', 0).flatten(1);
  return linear(linear(linear(features, 'fc1').relu(), 'fc2').relu(), 'fc3');
}

test.each([
  ['float64', 1e-7],
  ['float32', 1e-4],
] as const)('logits, loss and every gradient equal PyTorch in %s', (dtype, rtol) => {
  const parameters: Parameters = Object.fromEntries(
    Object.entries(golden.parameters).map(([name, { shape, scale, frequency, phase }]) => [
      name,
      generated(shape, dtype, (i) => scale * Math.sin(frequency * i + phase)),
    ]),
  );
  const images = generated(golden.images.shape, dtype, (i) => 0.5 + 0.5 * Math.sin(0.37 * i + 0.001 * i * i));
  expectClose([images.sum().item()], [golden.images.sum], { rtol: 1e-6 });
  const chosen = tensor(
    golden.labels.map((label) => Array.from({ length: 10 }, (_, i) => (i === label ? 1 : 0))),
    { dtype },
  );
  const lossAndLogits = (p: Parameters): [Tensor, Tensor] => {
    const logits = forward(p, images);
    return [logits.logSoftmax().mul(chosen).sum().neg().div(golden.labels.length), logits];
  };
  const [[value, logits], gradients] = valueAndGrad(lossAndLogits, { hasAux: true })(
    parameters,
  ) as unknown as [[Tensor, Tensor], Parameters];
  realize([value, logits, ...Object.values(gradients)].map((array) => array.node));
  expectClose(logits.dataSync(), golden.logits, { rtol, atol: rtol }, 'logits');
  expectClose([value.item()], [golden.losses[0]], { rtol }, 'loss');
  expect(Object.keys(gradients).sort()).toEqual(Object.keys(golden.gradients).sort());
  for (const [name, summary] of Object.entries(golden.gradients)) {
    const gradient = [...gradients[name].dataSync()];
    const sum = (term: (g: number, i: number) => number): number =>
      gradient.reduce((total, g, i) => total + term(g, i), 0);
    // Sums of terms of both signs are held to the precision of the sum of their magnitudes.
    const atol = rtol * summary.magnitude;
    expectClose(gradient.slice(0, 6), summary.first, { rtol, atol: atol / Math.sqrt(gradient.length) }, name);
    expectClose(
      [sum((g) => g), sum((g) => Math.abs(g)), sum((g, i) => g * Math.cos(i))],
      [summary.sum, summary.magnitude, summary.mixed],
      { atol },
      `sums of the gradient of ${name}`,
    );
  }
});
