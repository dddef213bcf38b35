import { Linear } from '../nn/linear.ts';
import { Sequential } from '../nn/sequential.ts';
import { Flatten } from '../nn/shape_layers.ts';
import { Adam } from '../optim/adam.ts';
import { handwriting } from './pictures.ts';
import type { TrainingRecipe } from './recipe.ts';

/** Multinomial logistic regression on MNIST: the first rung of the ladder, 7,850 parameters. */
export const mnistLr: TrainingRecipe = {
  ...handwriting,
  name: 'mnist-lr',
  summary: 'logistic regression on digits: 7,850 parameters, about 92 % right on MNIST',
  defaults: () => ({ epochs: 12, batchSize: 100, lr: 1e-3, seed: 0 }),
  model: () => new Sequential(new Flatten(), new Linear(784, 10)),
  optimizer: (model, lr) => new Adam(model, { lr }),
};
