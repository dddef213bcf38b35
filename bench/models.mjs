// The models of the benchmark workloads. They only define: inputs, losses and timing are the benchmark's.
import * as nn from '../dist/nn/index.js';

/** @typedef {import('../dist/core/tensor.js').Tensor} Tensor */

/** Linear layers of the given sizes with relu between them: [batch, sizes[0]] to [batch, last size]. */
export class Mlp extends nn.Module {
  /** @param {readonly number[]} sizes */
  constructor(sizes) {
    super();
    this.layers = sizes.slice(1).map((outputs, i) => new nn.Linear(sizes[i], outputs));
  }

  /** @param {Tensor} x */
  forward(x) {
    return this.layers.reduce((y, layer, i) => layer.forward(i === 0 ? y : y.relu()), x);
  }
}

/** conv32 - pool - conv64 - pool - fc1024 - fc10, 5x5 kernels: images [batch, 28, 28, 1] to logits [batch, 10]. */
export class ConvNet extends nn.Module {
  conv1 = new nn.Conv2d(1, 32, 5, { padding: 2 });
  conv2 = new nn.Conv2d(32, 64, 5, { padding: 2 });
  fc1 = new nn.Linear(7 * 7 * 64, 1024);
  fc2 = new nn.Linear(1024, 10);

  /** @param {Tensor} x */
  forward(x) {
    x = nn.maxPool2d(this.conv1.forward(x).relu(), 2);
    x = nn.maxPool2d(this.conv2.forward(x).relu(), 2).flatten(1);
    return this.fc2.forward(this.fc1.forward(x).relu());
  }
}

/** A character model: embedding, LSTM, logits. int32 [batch, time] to [batch, time, symbols]. */
export class CharLstm extends nn.Module {
  /** @param {{ symbols?: number, hidden?: number }} options */
  constructor({ symbols = 67, hidden = 256 } = {}) {
    super();
    this.embedding = new nn.Embedding(symbols, hidden);
    this.lstm = new nn.LSTM(hidden, hidden);
    this.head = new nn.Linear(hidden, symbols);
  }

  /** @param {Tensor} symbols */
  forward(symbols) {
    const [output] = this.lstm.forward(this.embedding.forward(symbols));
    return this.head.forward(output);
  }
}

/**
 * A decoder-only transformer: int32 [batch, length] to logits [batch, length, symbols]. Blocks normalize first and
 * have a gelu network of four times the width; positions are learned; no dropout.
 */
export class Gpt extends nn.Module {
  /** @param {{ layers?: number, width?: number, heads?: number, context?: number, symbols?: number }} options */
  constructor({ layers = 4, width = 128, heads = 4, context = 64, symbols = 67 } = {}) {
    super();
    this.embedding = new nn.Embedding(symbols, width);
    this.positions = new nn.LearnedPositions(context, width);
    // With preNorm, the encoder ends in a normalization.
    this.blocks = new nn.TransformerEncoder(layers, width, heads, 4 * width, {
      dropout: 0,
      activation: 'gelu',
      preNorm: true,
    });
    this.head = new nn.Linear(width, symbols);
  }

  /** @param {Tensor} symbols */
  forward(symbols) {
    const x = this.positions.forward(this.embedding.forward(symbols));
    return this.head.forward(this.blocks.forward(x, { causal: true }));
  }
}

/** Two 3x3 convolutions, added to their input; where sizes change, a 1x1 convolution brings it along. */
class BasicBlock extends nn.Module {
  /** @param {number} inputs @param {number} outputs @param {number} stride */
  constructor(inputs, outputs, stride) {
    super();
    const conv = (from, kernel, options) => new nn.Conv2d(from, outputs, kernel, { ...options, bias: false });
    this.conv1 = conv(inputs, 3, { stride, padding: 1 });
    this.bn1 = new nn.BatchNorm2d(outputs);
    this.conv2 = conv(outputs, 3, { padding: 1 });
    this.bn2 = new nn.BatchNorm2d(outputs);
    this.downsample =
      stride === 1 && inputs === outputs
        ? null
        : new nn.Sequential(conv(inputs, 1, { stride }), new nn.BatchNorm2d(outputs));
  }

  /** @param {Tensor} x */
  forward(x) {
    const y = this.bn1.forward(this.conv1.forward(x)).relu();
    const shortcut = this.downsample === null ? x : this.downsample.forward(x);
    return this.bn2.forward(this.conv2.forward(y)).add(shortcut).relu();
  }
}

/**
 * ResNet-18 as torchvision has it: images [batch, height, width, 3] to logits [batch, classes]. He, Zhang, Ren, Sun
 * (2015).
 */
export class ResNet18 extends nn.Module {
  /** @param {{ classes?: number, width?: number }} options width: channels of the first stage */
  constructor({ classes = 1000, width = 64 } = {}) {
    super();
    this.conv1 = new nn.Conv2d(3, width, 7, { stride: 2, padding: 3, bias: false });
    this.bn1 = new nn.BatchNorm2d(width);
    this.stages = [1, 2, 4, 8].map((factor, stage) => {
      const [inputs, outputs] = [width * (stage === 0 ? 1 : factor / 2), width * factor];
      return [new BasicBlock(inputs, outputs, stage === 0 ? 1 : 2), new BasicBlock(outputs, outputs, 1)];
    });
    this.fc = new nn.Linear(8 * width, classes);
  }

  /** @param {Tensor} x */
  forward(x) {
    const stem = this.bn1.forward(this.conv1.forward(x)).relu();
    const pooled = nn.maxPool2d(stem, 3, { stride: 2, padding: 1 });
    const features = this.stages.flat().reduce((y, block) => block.forward(y), pooled);
    return this.fc.forward(nn.globalAvgPool2d(features));
  }
}
