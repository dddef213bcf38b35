import { digitsCnn } from './digits_cnn.ts';
import { lenet5 } from './lenet5.ts';
import { mnistCnnCf, mnistCnnCpcpff, mnistCnnCpcpffDropout } from './mnist_cnn.ts';
import { mnistLr } from './mnist_lr.ts';
import type { Recipe } from './recipe.ts';

export {
  type Demonstration,
  isDemonstration,
  type Page,
  type Recipe,
  type RecipeData,
  type RecipeSettings,
  type TrainingRecipe,
} from './recipe.ts';
export { batches, isImages, type Part, type Samples } from './samples.ts';
export { type AnyValues, objection, readValue, type Setting, type Settings, valuesOf } from './settings.ts';
export { measuresOf, type Task, type TaskName, tasks } from './tasks.ts';

/** Every system that `nabla train` knows. */
export const recipes: readonly Recipe[] = [
  lenet5,
  digitsCnn,
  mnistLr,
  mnistCnnCf,
  mnistCnnCpcpff,
  mnistCnnCpcpffDropout,
];
