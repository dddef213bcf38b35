import { compose, randomCrop } from '../data/augment.ts';
import { randomRotation } from '../data/augment_affine.ts';
import { digits } from '../data/digits.ts';
import { ReLU } from '../nn/activation_layers.ts';
import { BatchNorm2d } from '../nn/batch_norm.ts';
import { Conv2d } from '../nn/convolution.ts';
import { Dropout } from '../nn/dropout.ts';
import { Linear } from '../nn/linear.ts';
import { MaxPool2d } from '../nn/pooling.ts';
import { Sequential } from '../nn/sequential.ts';
import { Flatten } from '../nn/shape_layers.ts';
import { AdamW } from '../optim/adam.ts';
import type { TrainingRecipe } from './recipe.ts';

/**
 * A small network with all that makes trainings of today random or stateful: batch normalization, dropout, augmentation, a schedule.
 * 2,000 generated digits, so that it is a matter of seconds. The tests kill it at random moments.
 */
export const digitsCnn: TrainingRecipe = {
  name: 'digits-cnn',
  summary: 'a small network with batch normalization, dropout and augmentation on 2,000 generated digits',
  defaults: () => ({ epochs: 8, batchSize: 50, lr: 5e-3, seed: 0 }),
  data: async () => digits({ train: 2000, test: 500 }),
  augment: compose(randomRotation(10), randomCrop(28, { padding: 2 })),
  model: () =>
    new Sequential(
      new Conv2d(1, 8, 5, { padding: 'same', bias: false }),
      new BatchNorm2d(8),
      new ReLU(),
      new MaxPool2d(2),
      new Conv2d(8, 16, 3, { padding: 'same', bias: false }),
      new BatchNorm2d(16),
      new ReLU(),
      new MaxPool2d(2),
      new Flatten(),
      new Dropout(0.3),
      new Linear(7 * 7 * 16, 10),
    ),
  optimizer: (model, lr) => new AdamW(model, { lr }),
  rate: (lr, done) => lr * (1 - done),
};
