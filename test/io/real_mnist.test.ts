import { expect, test } from 'vitest';
import { mnist } from '../../src/data/index.ts';
import { concat, jit, type Tensor, tensor } from '../../src/index.ts';
import { loadTensors, loadTorch, loadTorchState } from '../../src/io/index.ts';
import * as nn from '../../src/nn/index.ts';
import { correct, describeReal, realData, realPath } from './real_data.ts';

/** The network of burn's example of importing from PyTorch. */
class BurnMnist extends nn.Module {
  readonly conv1 = new nn.Conv2d(1, 8, 3);
  readonly conv2 = new nn.Conv2d(8, 16, 3);
  readonly conv3 = new nn.Conv2d(16, 24, 3);
  readonly norm1 = new nn.BatchNorm2d(24);
  readonly fc1 = new nn.Linear(24 * 22 * 22, 32);
  readonly fc2 = new nn.Linear(32, 10);
  readonly norm2 = new nn.BatchNorm1d(10);

  forward(x: Tensor): Tensor {
    const convolved = [this.conv1, this.conv2, this.conv3].reduce((y, conv) => conv.forward(y).relu(), x);
    const hidden = this.fc1.forward(this.norm1.forward(convolved).flatten(1)).relu();
    return this.norm2.forward(this.fc2.forward(hidden));
  }
}

describeReal('the MNIST networks of burn: two trainings, one saved by PyTorch, one as safetensors', () => {
  const flattened = { fc1: [24, 22, 22] };
  const folder = ['weights', 'mnist-burn'];

  // PyTorch counts as many with the same files.
  test.each([
    ['mnist.pt', 9915],
    ['mnist.safetensors', 9917],
  ])('%s gets %i of 10,000 test images right', { timeout: 600_000 }, async (name, right) => {
    const { test: split } = await mnist({ dir: realData });
    const model = new BurnMnist().eval();
    const path = realPath(...folder, name);
    if (name.endsWith('.pt')) await loadTorch(model, path, { flattened });
    else loadTorchState(model, (await loadTensors(path)).tensors, { flattened }, path);
    const forward = jit((x: Tensor) => model.forward(x.sub(0.1307).div(0.3081)));
    const pixels = Float32Array.from(split.images, (byte) => byte / 255);
    const images = tensor(pixels, { shape: [10_000, 28, 28, 1] });
    const size = 500;
    const logits = Array.from({ length: 10_000 / size }, (_, i) =>
      forward(images.slice([size * i, size * (i + 1)])),
    );
    expect(correct(concat(logits), split.labels)).toBe(right);
  });
});
