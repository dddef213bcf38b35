import { ReLU } from '../nn/activation_layers.ts';
import { Dropout } from '../nn/dropout.ts';
import { glorotUniform, zeros } from '../nn/init.ts';
import { Linear } from '../nn/linear.ts';
import { Sequential } from '../nn/sequential.ts';
import { Flatten } from '../nn/shape_layers.ts';
import { Adam } from '../optim/adam.ts';
import { handwriting } from './pictures.ts';
import type { TrainingRecipe } from './recipe.ts';
import { integer, type Values } from './settings.ts';

/** First values as Keras draws them. */
export const kerasStart = { weightInit: glorotUniform, biasInit: zeros };

/**
 * The first model of Keras' and TensorFlow's beginners: 784 pixels, 128 hidden units (ReLU) with dropout, ten classes; Adam,
 * batches of 32, five epochs. 101,770 parameters. The softmax is in the loss.
 */
export const mnistMlp: TrainingRecipe = {
  ...handwriting,
  name: 'mnist-mlp',
  summary:
    'a hidden layer with dropout on digits, as Keras teaches it: 101,770 parameters, about 98 % right on MNIST',
  defaults: () => ({ epochs: 5, batchSize: 32, lr: 1e-3, seed: 0 }),
  model: () =>
    new Sequential(
      new Flatten(),
      new Linear(784, 128, kerasStart),
      new ReLU(),
      new Dropout(0.2),
      new Linear(128, 10, kerasStart),
    ),
  optimizer: (model, lr) => new Adam(model, { lr }),
};

const settings = {
  hidden: integer('hidden units; 0: none, which is logistic regression', 100, [0, 4096]),
};

/** From logistic regression (784 to 10: 7,850 parameters) to a network (784 to h to 10): one more layer is all. */
export const mnistNetwork: TrainingRecipe<Values<typeof settings>> = {
  ...handwriting,
  name: 'mnist-network',
  summary: 'logistic regression on digits, turned into a network by a hidden layer (--hidden 0: without it)',
  settings,
  defaults: () => ({ epochs: 6, batchSize: 100, lr: 1e-3, seed: 0 }),
  model: ({ hidden }) =>
    hidden === 0
      ? new Sequential(new Flatten(), new Linear(784, 10))
      : new Sequential(new Flatten(), new Linear(784, hidden), new ReLU(), new Linear(hidden, 10)),
  optimizer: (model, lr) => new Adam(model, { lr }),
};
