import { classificationMlp } from './classification_mlp.ts';
import { shallowVsDeep } from './depth.ts';
import { digitsCnn } from './digits_cnn.ts';
import { fashionCnn } from './fashion_cnn.ts';
import { explodingGradient, vanishingGradient } from './gradients.ts';
import { irisMlp } from './iris_mlp.ts';
import { lenet5 } from './lenet5.ts';
import { mnistCnnCf, mnistCnnCpcpff, mnistCnnCpcpffDropout } from './mnist_cnn.ts';
import { mnistCnnKeras } from './mnist_cnn_keras.ts';
import { mnistLr } from './mnist_lr.ts';
import { mnistMlp, mnistNetwork } from './mnist_mlp.ts';
import { perceptron } from './perceptron.ts';
import type { Recipe } from './recipe.ts';
import { regressionMlp } from './regression_mlp.ts';
import { xorMlp, xorNand } from './xor.ts';

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
  mnistNetwork,
  mnistMlp,
  mnistCnnCf,
  mnistCnnCpcpff,
  mnistCnnCpcpffDropout,
  mnistCnnKeras,
  fashionCnn,
  irisMlp,
  classificationMlp,
  regressionMlp,
  xorMlp,
  xorNand,
  perceptron,
  vanishingGradient,
  explodingGradient,
  shallowVsDeep,
];
