import { tensor } from '../core/tensor.ts';
import { keyOf } from '../core/threefry.ts';
import { Draws } from '../data/draws.ts';
import { ReLU } from '../nn/activation_layers.ts';
import { Linear } from '../nn/linear.ts';
import { Sequential } from '../nn/sequential.ts';
import { Adam } from '../optim/adam.ts';
import { drawPlane } from './plane.ts';
import type { TrainingRecipe } from './recipe.ts';
import type { Samples } from './samples.ts';
import { choice, integer, type Values } from './settings.ts';

const settings = {
  task: choice('one answer, several at once, or one of several', ['multiclass', 'binary', 'multilabel']),
  hidden: integer('units of each of the two hidden layers', 32, [1, 1024]),
};
type Own = Values<typeof settings>;

/** Discs of the plane: middle and radius. */
const discs = [
  [-0.35, 0.3, 0.55],
  [0.35, 0.3, 0.55],
  [0, -0.3, 0.55],
] as const;

const isIn = ([x, y, radius]: (typeof discs)[number], px: number, py: number): boolean =>
  (px - x) * (px - x) + (py - y) * (py - y) < radius * radius;

/** What is to be said of a point: whether it is in any disc; in which ones; or whose middle is the nearest. */
function truth(task: Own['task'], x: number, y: number): number[] {
  const inside = discs.map((disc) => (isIn(disc, x, y) ? 1 : 0));
  switch (task) {
    case 'binary':
      return [Math.max(...inside)];
    case 'multilabel':
      return inside;
    case 'multiclass': {
      const distances = discs.map(([cx, cy]) => (x - cx) * (x - cx) + (y - cy) * (y - cy));
      return [distances.indexOf(Math.min(...distances))];
    }
  }
}

const outputsOf = { binary: 1, multilabel: 3, multiclass: 3 } as const;
const labels = ['left disc', 'right disc', 'lower disc'];

function samples(name: string, count: number, task: Own['task'], draws: Draws): Samples {
  const inputs = Float32Array.from({ length: 2 * count }, () => draws.between(-1, 1));
  const targets = Array.from({ length: count }, (_, i) =>
    truth(task, inputs[2 * i], inputs[2 * i + 1]),
  ).flat();
  return {
    name,
    count,
    width: 2,
    inputs,
    targets: task === 'multiclass' ? Int32Array.from(targets) : Float32Array.from(targets),
    outputs: outputsOf[task],
    names: { inputs: ['x', 'y'], outputs: task === 'binary' ? ['in a disc'] : labels },
  };
}

/**
 * The three kinds of classification and what each needs (Géron: Hands-On Machine Learning, table 10-2; see `tasks`): one logistic output, one for
 * each label, or a softmax over the classes. The same points and hidden layers serve all three.
 */
export const classificationMlp: TrainingRecipe<Own> = {
  name: 'classification-mlp',
  summary:
    'binary, multilabel and multiclass classification (--task) of points, each with its outputs and loss',
  settings,
  task: ({ task }) => task,
  defaults: () => ({ epochs: 20, batchSize: 32, lr: 5e-3, seed: 0 }),
  data: async (_, { task }) => ({
    train: samples('points train', 2000, task, new Draws(keyOf(0), 0)),
    test: samples('points test', 500, task, new Draws(keyOf(0), 1)),
  }),
  model: ({ task, hidden }) =>
    new Sequential(
      new Linear(2, hidden),
      new ReLU(),
      new Linear(hidden, hidden),
      new ReLU(),
      new Linear(hidden, outputsOf[task]),
    ),
  optimizer: (model, lr) => new Adam(model, { lr }),
  rate: (lr, done) => lr * (1 - done),
  show: (model, page, { task }) => {
    page.print();
    page.print(
      task === 'multiclass'
        ? "the class of each place, '0' to '2'"
        : task === 'binary'
          ? "'1' where it says yes"
          : 'in how many discs each place is',
    );
    drawPlane(page, [-1, 1], [-1, 1], (places) => {
      const outputs = model.forward(tensor(places.map(([x, y]) => [x, y])));
      const said = task === 'multiclass' ? outputs.argmax(-1) : outputs.gt(0).cast('int32').sum(-1);
      return Array.from(said.dataSync(), (n) => (n === 0 && task !== 'multiclass' ? ' ' : String(n)));
    });
  },
};
