import { lenet5 } from './lenet5.ts';
import { mnistCnnCf, mnistCnnCpcpff, mnistCnnCpcpffDropout } from './mnist_cnn.ts';
import { mnistLr } from './mnist_lr.ts';
import type { Recipe } from './recipe.ts';

export type { Recipe, RecipeSettings } from './recipe.ts';

/** Every system that `nabla train` knows. */
export const recipes: readonly Recipe[] = [
  lenet5,
  mnistLr,
  mnistCnnCf,
  mnistCnnCpcpff,
  mnistCnnCpcpffDropout,
];
