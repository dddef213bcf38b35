import { expect, test } from 'vitest';
import { concat, jit, type Tensor } from '../../src/index.ts';
import { loadNpy, loadTorch } from '../../src/io/index.ts';
import * as nn from '../../src/nn/index.ts';
import { cifarTest, correct, describeReal, realPath } from './real_data.ts';

/** Two convolutions and a shortcut: every second pixel with channels of zeros where the shape changes (option A of the paper). */
class Block extends nn.Module {
  readonly conv1: nn.Conv2d;
  readonly bn1: nn.BatchNorm2d;
  readonly conv2: nn.Conv2d;
  readonly bn2: nn.BatchNorm2d;
  readonly #stride: number;

  constructor(inputs: number, outputs: number, stride: number) {
    super();
    this.#stride = stride;
    this.conv1 = new nn.Conv2d(inputs, outputs, 3, { stride, padding: 1, bias: false });
    this.bn1 = new nn.BatchNorm2d(outputs);
    this.conv2 = new nn.Conv2d(outputs, outputs, 3, { padding: 1, bias: false });
    this.bn2 = new nn.BatchNorm2d(outputs);
  }

  forward(x: Tensor): Tensor {
    const y = this.bn2.forward(this.conv2.forward(this.bn1.forward(this.conv1.forward(x)).relu()));
    if (this.#stride === 1) return y.add(x).relu();
    const channels = x.shape[3] / 2;
    const less = x.slice(null, [null, null, 2], [null, null, 2]);
    return y
      .add(
        less.pad([
          [0, 0],
          [0, 0],
          [0, 0],
          [channels, channels],
        ]),
      )
      .relu();
  }
}

/** The residual networks for CIFAR-10 of He et al. (2015), section 4.2, of 6 n + 2 layers. */
class CifarResNet extends nn.Module {
  readonly conv1 = new nn.Conv2d(3, 16, 3, { padding: 1, bias: false });
  readonly bn1 = new nn.BatchNorm2d(16);
  readonly layer1: Block[];
  readonly layer2: Block[];
  readonly layer3: Block[];
  readonly linear = new nn.Linear(64, 10);

  constructor(depth: number) {
    super();
    const stage = (inputs: number, outputs: number, stride: number) =>
      Array.from({ length: (depth - 2) / 6 }, (_, i) =>
        i === 0 ? new Block(inputs, outputs, stride) : new Block(outputs, outputs, 1),
      );
    this.layer1 = stage(16, 16, 1);
    this.layer2 = stage(16, 32, 2);
    this.layer3 = stage(32, 64, 2);
  }

  forward(x: Tensor): Tensor {
    const y = [...this.layer1, ...this.layer2, ...this.layer3].reduce(
      (z, block) => block.forward(z),
      this.bn1.forward(this.conv1.forward(x)).relu(),
    );
    return this.linear.forward(y.mean([1, 2]));
  }
}

describeReal('the residual networks of CIFAR-10, from their legacy pickles', () => {
  test.each([
    [20, '12fca82f', 915],
    [32, 'd509ac18', 928],
    [44, '014dd654', 933],
    [56, '4bfd9763', 926],
  ])('ResNet-%i', { timeout: 600_000 }, async (depth, hash, right) => {
    const { images, labels } = await cifarTest([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);
    const model = new CifarResNet(depth).eval();
    const name = `resnet${depth}-${hash}.th`;
    await loadTorch(model, realPath('cifar10-resnet', name));
    const forward = jit((x: Tensor) => model.forward(x));
    const parts = Array.from({ length: 10 }, (_, i) => forward(images.slice([100 * i, 100 * (i + 1)])));
    const logits = concat(parts);
    expect(correct(logits, labels)).toBe(right);
    if (depth !== 20 && depth !== 56) return;
    const reference = await loadNpy(realPath('reference', `${name}.logits.npy`));
    expect(reference.shape).toEqual([1000, 10]);
    expect(logits.sub(reference).abs().max().item()).toBeLessThan(1e-3);
  });
});
