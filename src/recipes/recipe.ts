import type { Parts } from '../data/mnist.ts';
import type { Layer } from '../nn/module.ts';
import type { Optimizer } from '../optim/optimizer.ts';

/** What a user can choose about a run. */
export interface RecipeSettings {
  /** Passes over the training set. */
  epochs: number;
  /** Examples per step. */
  batchSize: number;
  /** Learning rate. */
  lr: number;
  /** Of the parameters' first values, of dropout and of the order of the examples. */
  seed: number;
}

/** A system that can be trained by name: `nabla train lenet5`. */
export interface Recipe {
  /** As users type it. */
  readonly name: string;
  /** One line for `nabla list`. */
  readonly summary: string;
  /**
   * Settings for what the user leaves open.
   *
   * @param dir the folder of data that the user named, if any
   */
  defaults(dir: string | undefined): RecipeSettings;
  /**
   * Training and test set.
   *
   * @throws DataError if they cannot be read
   */
  data(dir: string | undefined): Promise<Parts>;
  /** The untrained model; draws its first parameters from the default generator. */
  model(): Layer;
  optimizer(model: Layer, lr: number): Optimizer;
  /**
   * The learning rate after a share of the training, from 0 to below 1, of one that begins with `lr`. Absent: it stays.
   */
  rate?(lr: number, done: number): number;
}
