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
