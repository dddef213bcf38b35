import { ReLU } from '../nn/activation_layers.ts';
import { Conv2d } from '../nn/convolution.ts';
import { Dropout } from '../nn/dropout.ts';
import { heNormal, zeros } from '../nn/init.ts';
import { Linear } from '../nn/linear.ts';
import type { Layer } from '../nn/module.ts';
import { MaxPool2d } from '../nn/pooling.ts';
import { Sequential } from '../nn/sequential.ts';
import { Flatten } from '../nn/shape_layers.ts';
import { Adam } from '../optim/adam.ts';
import { clothing } from './pictures.ts';
import type { TrainingRecipe } from './recipe.ts';
import { integer, type Values } from './settings.ts';

const settings = {
  filters: integer(
    'filters of the first convolution; the later ones have two and four times as many',
    16,
    [1, 256],
  ),
};

/** First values for layers before ReLU; with the usual smaller ones the signal shrinks from layer to layer, and the first epoch is lost. */
const start = { weightInit: heNormal, biasInit: zeros };

/** Two convolutions of 3x3 that keep the size, and pooling. */
const stage = (from: number, to: number): Layer[] => [
  new Conv2d(from, to, 3, { padding: 'same', ...start }),
  new ReLU(),
  new Conv2d(to, to, 3, { padding: 'same', ...start }),
  new ReLU(),
  new MaxPool2d(2),
];

/**
 * The plain convolutional network that Géron builds for Fashion-MNIST (Hands-On Machine Learning, chapter 14): a 7x7 convolution, two pairs of
 * 3x3, pooling between them, then two hidden layers with dropout. His has 64 filters first; 16 are enough for 91 %.
 */
export const fashionCnn: TrainingRecipe<Values<typeof settings>> = {
  ...clothing,
  name: 'fashion-cnn',
  summary: 'a plain convolutional network on clothing: about 91 % right on Fashion-MNIST',
  settings,
  defaults: () => ({ epochs: 8, batchSize: 100, lr: 1.5e-3, seed: 0 }),
  model: ({ filters }) =>
    new Sequential(
      new Conv2d(1, filters, 7, { padding: 'same', ...start }),
      new ReLU(),
      new MaxPool2d(2),
      ...stage(filters, 2 * filters),
      ...stage(2 * filters, 4 * filters),
      new Flatten(),
      new Linear(3 * 3 * 4 * filters, 128, start),
      new ReLU(),
      new Dropout(0.4),
      new Linear(128, 64, start),
      new ReLU(),
      new Linear(64, 10),
    ),
  optimizer: (model, lr) => new Adam(model, { lr }),
  rate: (lr, done) => lr * (1 - done),
};
