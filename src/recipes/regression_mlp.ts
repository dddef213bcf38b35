import { keyOf } from '../core/threefry.ts';
import { Draws } from '../data/draws.ts';
import { ReLU, SELU } from '../nn/activation_layers.ts';
import { Linear } from '../nn/linear.ts';
import { huberLoss, mseLoss } from '../nn/losses/index.ts';
import type { Layer } from '../nn/module.ts';
import { Sequential } from '../nn/sequential.ts';
import { Adam } from '../optim/adam.ts';
import type { TrainingRecipe } from './recipe.ts';
import type { Samples } from './samples.ts';
import { choice, integer, number, type Values } from './settings.ts';

const settings = {
  layers: integer('hidden layers', 2, [1, 5]),
  units: integer('units of each', 50, [10, 100]),
  activation: choice('what hidden units do', ['relu', 'selu']),
  loss: choice('what is made small', ['mse', 'huber']),
  outliers: number('share of the training targets that are far off', 0, [0, 0.5]),
};

const width = 5;

/**
 * Friedman's first function of five numbers from 0 to 1 (Multivariate adaptive regression splines, 1991), standardized: `10 sin(π x1 x2) + 20 (x3 -
 * ½)² + 10 x4 + 5 x5`, minus its mean 14.4 and over its deviation 4.9; with noise of a fifth of that.
 */
function samples(name: string, count: number, outliers: number, draws: Draws): Samples {
  const inputs = new Float32Array(width * count);
  const targets = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    const x = Array.from({ length: width }, () => draws.between(0, 1));
    inputs.set(x, width * i);
    const value = 10 * Math.sin(Math.PI * x[0] * x[1]) + 20 * (x[2] - 0.5) ** 2 + 10 * x[3] + 5 * x[4];
    targets[i] = (value + draws.bell(1) - 14.4) / 4.9;
    if (draws.between(0, 1) < outliers) targets[i] += draws.between(-20, 20);
  }
  return { name, count, width, inputs, targets, outputs: 1 };
}

/**
 * The usual network for regression (Géron: Hands-On Machine Learning, table 10-1): one output for each number to be predicted, without an
 * activation; one to five hidden layers of 10 to 100 units with ReLU or SELU; mean squared error, or Huber's loss where there are outliers.
 */
export const regressionMlp: TrainingRecipe<Values<typeof settings>> = {
  name: 'regression-mlp',
  summary: 'a network for regression with the usual choices, on a noisy function of five numbers',
  settings,
  task: () => 'regression',
  loss: ({ loss }) => (loss === 'mse' ? mseLoss : huberLoss),
  defaults: () => ({ epochs: 20, batchSize: 32, lr: 3e-3, seed: 0 }),
  data: async (_, { outliers }) => ({
    train: samples('friedman train', 2000, outliers, new Draws(keyOf(0), 0)),
    test: samples('friedman test', 500, 0, new Draws(keyOf(0), 1)),
  }),
  model: ({ layers, units, activation }) => {
    const hidden = Array.from({ length: layers }, (_, i): Layer[] => [
      new Linear(i === 0 ? width : units, units),
      activation === 'relu' ? new ReLU() : new SELU(),
    ]);
    return new Sequential(...hidden.flat(), new Linear(units, 1));
  },
  optimizer: (model, lr) => new Adam(model, { lr }),
  rate: (lr, done) => lr * (1 - done),
};
