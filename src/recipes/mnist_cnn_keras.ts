import { oneHot } from '../core/free_indexing.ts';
import type { Tensor } from '../core/tensor.ts';
import { split } from '../data/dataset.ts';
import { ReLU } from '../nn/activation_layers.ts';
import { Conv2d } from '../nn/convolution.ts';
import { Dropout } from '../nn/dropout.ts';
import { Linear } from '../nn/linear.ts';
import { crossEntropy } from '../nn/losses/index.ts';
import { MaxPool2d } from '../nn/pooling.ts';
import { Sequential } from '../nn/sequential.ts';
import { Flatten } from '../nn/shape_layers.ts';
import { RMSprop } from '../optim/adaptive.ts';
import { kerasStart } from './mnist_mlp.ts';
import { handwriting } from './pictures.ts';
import type { TrainingRecipe } from './recipe.ts';
import { isImages } from './samples.ts';

/** A convolution that keeps the size, and ReLU. */
const convolution = (from: number, to: number): [Conv2d, ReLU] => [
  new Conv2d(from, to, 3, { padding: 'same', ...kerasStart }),
  new ReLU(),
];

/**
 * The convolutional network of many a Keras notebook: pixels scaled to 0..1, a tenth of the training set split off for validation,
 * labels as one-hot vectors, then twice convolution, pooling and dropout, and a hidden layer with more dropout, by RMSprop.
 */
export const mnistCnnKeras: TrainingRecipe = {
  ...handwriting,
  name: 'mnist-cnn-keras',
  summary:
    'convolutions, pooling and dropout by RMSprop on digits, as in Keras notebooks: above 99 % right on MNIST',
  defaults: () => ({ epochs: 12, batchSize: 128, lr: 1e-3, seed: 0 }),
  data: async (dir, own) => {
    const { train, test } = await handwriting.data(dir, own);
    if (!isImages(train)) throw new TypeError('mnist-cnn-keras: the data must be pictures');
    const [first, validation] = split(train, Math.round(train.count * 0.9));
    return { train: first, validation, test };
  },
  model: () =>
    new Sequential(
      ...convolution(1, 32),
      new MaxPool2d(2),
      ...convolution(32, 64),
      new MaxPool2d(2),
      new Dropout(0.25),
      new Flatten(),
      new Linear(7 * 7 * 64, 128, kerasStart),
      new ReLU(),
      new Dropout(0.5),
      new Linear(128, 10, kerasStart),
    ),
  optimizer: (model, lr) => new RMSprop(model, { lr, alpha: 0.9 }),
  rate: (lr, done) => lr * (1 - done),
  loss: () => (logits: Tensor, labels: Tensor) => crossEntropy(logits, oneHot(labels, 10).cast('float32')),
};
