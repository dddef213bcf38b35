import { ReLU } from '../nn/activation_layers.ts';
import { Conv2d } from '../nn/convolution.ts';
import { Dropout } from '../nn/dropout.ts';
import { Linear } from '../nn/linear.ts';
import type { Layer } from '../nn/module.ts';
import { MaxPool2d } from '../nn/pooling.ts';
import { Sequential } from '../nn/sequential.ts';
import { Flatten } from '../nn/shape_layers.ts';
import { Adam } from '../optim/adam.ts';
import { handwriting } from './pictures.ts';
import type { TrainingRecipe } from './recipe.ts';

/** What the convolutional rungs of the ladder share. c: convolution, p: pooling, f: fully connected, d: dropout. */
const rung = (name: string, summary: string, epochs: number, model: () => Layer): TrainingRecipe => ({
  ...handwriting,
  name,
  summary,
  defaults: () => ({ epochs, batchSize: 100, lr: 1e-3, seed: 0 }),
  model,
  optimizer: (layers, lr) => new Adam(layers, { lr }),
  rate: (lr, done) => lr * (1 - done),
});

/** 64 filters of 5x5, ReLU, and a linear classifier: 503,434 parameters. */
export const mnistCnnCf = rung(
  'mnist-cnn-cf',
  'one convolution and a linear layer on digits: 503,434 parameters, about 98.6 % right on MNIST',
  5,
  () =>
    new Sequential(
      new Conv2d(1, 64, 5, { padding: 'same' }),
      new ReLU(),
      new Flatten(),
      new Linear(28 * 28 * 64, 10),
    ),
);

/** Two convolutions with pooling, then 1024 hidden units: 3,274,634 parameters. */
const twoConvolutions = (dropout: number): Layer =>
  new Sequential(
    new Conv2d(1, 32, 5, { padding: 'same' }),
    new ReLU(),
    new MaxPool2d(2),
    new Conv2d(32, 64, 5, { padding: 'same' }),
    new ReLU(),
    new MaxPool2d(2),
    new Flatten(),
    new Linear(7 * 7 * 64, 1024),
    new ReLU(),
    ...(dropout > 0 ? [new Dropout(dropout)] : []),
    new Linear(1024, 10),
  );

export const mnistCnnCpcpff = rung(
  'mnist-cnn-cpcpff',
  'two convolutions with pooling and a hidden layer on digits: 3,274,634 parameters, about 99 % right on MNIST',
  5,
  () => twoConvolutions(0),
);

export const mnistCnnCpcpffDropout = rung(
  'mnist-cnn-cpcpff-dropout',
  'the same with dropout before the last layer, about 99.2 % right on MNIST',
  8,
  () => twoConvolutions(0.5),
);
