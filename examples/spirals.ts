import { pathToFileURL } from 'node:url';
import { jit, random, type Tensor, tensor, valueAndGrad } from '../src/index.ts';
import { accuracy } from '../src/metrics/index.ts';
import * as nn from '../src/nn/index.ts';
import * as optim from '../src/optim/index.ts';

/**
 * A small network learns which of two spirals a point of the plane lies on, and draws what it learnt:
 *
 *     node examples/spirals.ts        (Node 22.18 or newer, which runs TypeScript as it is)
 *
 * In a project of your own, import from 'nabla', 'nabla/nn', 'nabla/optim' and 'nabla/metrics'.
 */

/** `count` points of each spiral, x [2 count, 2], with the number of their spiral. */
export function spirals(count: number, noise = 0.02): { x: Tensor; y: Tensor } {
  const points: number[][] = [];
  const labels: number[] = [];
  for (let i = 0; i < count; i++)
    for (const spiral of [0, 1]) {
      const radius = 0.15 + 0.85 * (i / count);
      const angle = 3.5 * radius * Math.PI + spiral * Math.PI;
      points.push([radius * Math.cos(angle), radius * Math.sin(angle)]);
      labels.push(spiral);
    }
  const x = tensor(points);
  return { x: x.add(random.normal(x.shape, { std: noise })), y: tensor(labels, { dtype: 'int32' }) };
}

/** Trains on all points at once; returns the losses and the model. */
export function train(steps = 400, seed = 0) {
  random.seed(seed);
  const { x, y } = spirals(100);
  const model = new nn.Sequential(
    new nn.Linear(2, 32),
    new nn.Tanh(),
    new nn.Linear(32, 32),
    new nn.Tanh(),
    new nn.Linear(32, 2),
  );
  const optimizer = new optim.Adam(model, { lr: 0.01 });
  const step = jit((x: Tensor, y: Tensor) => {
    const [loss, grads] = valueAndGrad(() => nn.crossEntropy(model.forward(x), y), model);
    optimizer.update(grads);
    return loss;
  });
  const losses = Array.from({ length: steps }, () => step(x, y).item());
  return { losses, model, accuracy: accuracy(model.forward(x), y).item() };
}

/** The plane as text: which spiral each place belongs to. */
export function draw(model: nn.Layer, columns = 61, rows = 31): string {
  const points: number[][] = [];
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++)
      points.push([(2.2 * j) / (columns - 1) - 1.1, 1.1 - (2.2 * i) / (rows - 1)]);
  const classes = model.forward(tensor(points)).argmax(1).reshape([rows, columns]).toArray() as number[][];
  return classes.map((line) => line.map((spiral) => (spiral === 0 ? '#' : '.')).join('')).join('\n');
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { losses, model, accuracy } = train();
  losses.forEach((loss, i) => {
    if ((i + 1) % 50 === 0) console.log(`step ${String(i + 1).padStart(3)}   loss ${loss.toFixed(4)}`);
  });
  console.log(`accuracy ${accuracy.toFixed(4)}\n\n${draw(model)}`);
}
