import { digits } from '../data/digits.ts';
import { garments } from '../data/garments.ts';
import { fashionMnist, mnist } from '../data/mnist.ts';
import { downloadFashionMnist, downloadMnist } from '../data/mnist_download.ts';
import type { TrainingRecipe } from './recipe.ts';

/** Where the examples of a recipe come from. */
type Source = Pick<TrainingRecipe, 'data' | 'files' | 'download'>;

/** Handwritten digits: MNIST where its folder is given, else generated ones, a sixth as many. */
export const handwriting: Source = {
  data: async (dir) => (dir === undefined ? digits() : mnist({ dir })),
  files: 'mnist/',
  download: downloadMnist,
};

/** Clothing: Fashion-MNIST where its folder is given, else generated silhouettes. */
export const clothing: Source = {
  data: async (dir) => (dir === undefined ? garments() : fashionMnist({ dir })),
  files: 'fashion-mnist/',
  download: downloadFashionMnist,
};
