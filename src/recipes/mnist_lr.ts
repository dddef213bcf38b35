import { mnist } from '../data/mnist.ts';
import { Linear } from '../nn/linear.ts';
import { Sequential } from '../nn/sequential.ts';
import { Flatten } from '../nn/shape_layers.ts';
import { Adam } from '../optim/adam.ts';
import type { Recipe } from './recipe.ts';

/** Multinomial logistic regression on MNIST: the first rung of the ladder, 7,850 parameters. */
export const mnistLr: Recipe = {
  name: 'mnist-lr',
  summary: 'logistic regression on MNIST: 7,850 parameters, about 92 % right',
  defaults: () => ({ epochs: 12, batchSize: 100, lr: 1e-3, seed: 0 }),
  data: (dir) => mnist({ dir }),
  model: () => new Sequential(new Flatten(), new Linear(784, 10)),
  optimizer: (model, lr) => new Adam(model, { lr }),
};
