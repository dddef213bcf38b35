import { expect, test } from 'vitest';
import type { Tensor } from '../../src/index.ts';
import { loadNpz, loadTfjs } from '../../src/io/index.ts';
import * as nn from '../../src/nn/index.ts';
import { describeReal, realPath } from './real_data.ts';

/** Outputs and kernel of each convolution of Tiny Darknet (Redmon); 0 stands for pooling. */
const plan = [...[16, 0, 32, 0, 16, 128, 16, 128, 0, 32, 256, 32, 256, 0, 64, 512, 64, 512, 128, 1000]];
const kernels = [3, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 1];

describeReal('Tiny Darknet, from its TensorFlow.js files', () => {
  test('the logits of the reference', { timeout: 600_000 }, async () => {
    const { weights } = await loadTfjs(realPath('weights', 'tiny-darknet-tfjs', 'model.json'));
    expect(Object.values(weights).reduce((sum, { size }) => sum + size, 0)).toBe(1_046_488);
    const { input_nhwc: input, logits } = await loadNpz(realPath('reference', 'tiny-darknet-dog.npz'));
    let x: Tensor = input;
    let layer = 0;
    for (const outputs of plan) {
      if (outputs === 0) {
        x = nn.maxPool2d(x, 2);
        continue;
      }
      // TensorFlow's kernels are [height, width, in, out].
      const kernel = weights[`conv2d_${++layer}/kernel`].transpose([3, 0, 1, 2]);
      expect(kernel.shape).toEqual([outputs, kernels[layer - 1], kernels[layer - 1], x.shape[3]]);
      const bias = weights[`conv2d_${layer}/bias`] ?? null;
      x = nn.conv2d(x, kernel, { padding: 'same', bias });
      if (bias !== null) continue;
      const [mean, variance, weight, shift] = ['moving_mean', 'moving_variance', 'gamma', 'beta'].map(
        (part) => weights[`batch_normalization_${layer}/${part}`],
      );
      x = nn.leakyRelu(nn.batchNorm(x, mean, variance, { weight, bias: shift, eps: 1e-3 }), 0.1);
    }
    expect(layer).toBe(16);
    expect(x.mean([1, 2]).sub(logits).abs().max().item()).toBeLessThan(1e-3);
  });
});
