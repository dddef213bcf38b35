import { tensor } from '../core/tensor.ts';
import { keyOf } from '../core/threefry.ts';
import { readCsv } from '../data/csv.ts';
import { DataError } from '../data/dataset.ts';
import { Draws } from '../data/draws.ts';
import { ReLU, Tanh } from '../nn/activation_layers.ts';
import { Linear } from '../nn/linear.ts';
import { Sequential } from '../nn/sequential.ts';
import { Adam } from '../optim/adam.ts';
import { nodeModule } from '../runtime/node_modules.ts';
import { drawPlane } from './plane.ts';
import type { RecipeData, TrainingRecipe } from './recipe.ts';
import type { Samples } from './samples.ts';
import { choice, integer, type Values } from './settings.ts';

const settings = {
  hidden: integer('hidden units', 4, [1, 256]),
  activation: choice('what hidden units do', ['tanh', 'relu']),
};

/** A flower: length and width of its petals in cm, and which of three kinds it is. */
type Flower = readonly [length: number, width: number, kind: number];

const kinds = ['setosa', 'versicolor', 'virginica'];

/** Petals like those of Fisher's irises: means and standard deviations of each kind, and how length and width go together. */
const petals = [
  { length: [1.46, 0.17], width: [0.24, 0.1], correlation: 0.33 },
  { length: [4.26, 0.47], width: [1.33, 0.2], correlation: 0.79 },
  { length: [5.55, 0.55], width: [2.03, 0.27], correlation: 0.32 },
] as const;

/** Generated flowers, of all kinds in turn. */
function grow(count: number, draws: Draws): Flower[] {
  return Array.from({ length: count }, (_, i) => {
    const { length, width, correlation } = petals[i % 3];
    const [common, own] = [draws.bell(1), draws.bell(1)];
    const across = correlation * common + Math.sqrt(1 - correlation * correlation) * own;
    return [
      Math.max(0.1, length[0] + length[1] * common),
      Math.max(0.1, width[0] + width[1] * across),
      i % 3,
    ];
  });
}

/** Fisher's flowers from the file. */
async function pick(dir: string): Promise<Flower[]> {
  const { existsSync } = nodeModule('node:fs', 'iris-mlp');
  const { join } = nodeModule('node:path', 'iris-mlp');
  const path = [join(dir, 'tabular', 'iris.csv'), join(dir, 'iris.csv')].find((place) => existsSync(place));
  if (path === undefined)
    throw new DataError(`iris-mlp: ${dir} has neither tabular/iris.csv nor iris.csv (150 flowers, UCI)`);
  const table = await readCsv(path, { header: ['sepalLength', 'sepalWidth', 'length', 'width', 'kind'] });
  const [length, width, kind] = [table.numbers('length'), table.numbers('width'), table.codes('kind').codes];
  return Array.from(length, (value, i): Flower => [value, width[i], kind[i]]);
}

/** Length and width about their means and by their deviations, over all kinds. */
const standardized = (length: number, width: number): [number, number] => [
  (length - 3.76) / 1.76,
  (width - 1.2) / 0.76,
];

const samplesOf = (name: string, flowers: readonly Flower[]): Samples => ({
  name,
  count: flowers.length,
  width: 2,
  inputs: Float32Array.from(flowers.flatMap(([length, width]) => standardized(length, width))),
  targets: Int32Array.from(flowers, ([, , kind]) => kind),
  outputs: 3,
  names: { inputs: ['petal length', 'petal width'], outputs: kinds },
});

/** The perceptron with one hidden layer that Géron draws (Hands-On Machine Learning, figure 10-7): two inputs, four hidden units, three classes. */
export const irisMlp: TrainingRecipe<Values<typeof settings>> = {
  name: 'iris-mlp',
  summary: 'a network of 2-4-3 units, 27 parameters, tells three kinds of irises apart by their petals',
  settings,
  files: 'tabular/iris.csv',
  defaults: () => ({ epochs: 60, batchSize: 10, lr: 0.02, seed: 0 }),
  data: async (dir): Promise<RecipeData> => {
    if (dir === undefined)
      return {
        train: samplesOf('irises train', grow(120, new Draws(keyOf(0), 0))),
        test: samplesOf('irises test', grow(60, new Draws(keyOf(0), 1))),
      };
    const flowers = await pick(dir);
    // The file is sorted by kind: every fifth of each is for the test.
    return {
      train: samplesOf(
        'iris.csv train',
        flowers.filter((_, i) => i % 5 !== 4),
      ),
      test: samplesOf(
        'iris.csv test',
        flowers.filter((_, i) => i % 5 === 4),
      ),
    };
  },
  model: ({ hidden, activation }) =>
    new Sequential(
      new Linear(2, hidden),
      activation === 'relu' ? new ReLU() : new Tanh(),
      new Linear(hidden, 3),
    ),
  optimizer: (model, lr) => new Adam(model, { lr }),
  show: (model, page) => {
    const signs = ['s', 'v', '.'];
    page.print();
    page.print(
      `petal length 0 to 7.5 cm, width 0 to 3 cm: ${kinds.map((kind, i) => `'${signs[i]}' ${kind}`).join(', ')}`,
    );
    drawPlane(page, [0, 7.5], [0, 3], (places) => {
      const classes = model.forward(tensor(places.map(([x, y]) => standardized(x, y)))).argmax(-1);
      return Array.from(classes.dataSync(), (kind) => signs[kind]);
    });
  },
};
