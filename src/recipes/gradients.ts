import { zeros } from '../core/create.ts';
import { foldIn, key, normal } from '../core/random.ts';
import type { Tensor } from '../core/tensor.ts';
import { grad, valueAndGrad } from '../core/transforms.ts';
import { Variable } from '../core/variable.ts';
import { clipGradNorm } from '../optim/clipping.ts';
import { SGD } from '../optim/sgd.ts';
import type { Demonstration, Page } from './recipe.ts';
import { choice, integer, number, type Values } from './settings.ts';

/** A stack of layers `h <- activation(W h)`, all as wide as the input. */
export interface Stack {
  readonly depth: number;
  readonly width: number;
  readonly activation: 'linear' | 'sigmoid' | 'tanh' | 'relu';
  /** Weights have variance gain² / width: with 1 (2 for ReLU, squared √2) a linear layer keeps the length of what passes it. */
  readonly gain: number;
  /** Whether all layers have the same weights, as the steps of a recurrent network do. */
  readonly shared?: boolean;
  readonly seed: number;
}

const activations: Readonly<Record<Stack['activation'], (x: Tensor) => Tensor>> = {
  linear: (x) => x,
  sigmoid: (x) => x.sigmoid(),
  tanh: (x) => x.tanh(),
  relu: (x) => x.relu(),
};

/** Examples that pass the stack at once. */
const batch = 16;

/** The stack's weights [width, width], rows in, columns out. */
function weightsOf({ depth, width, gain, shared = false, seed }: Stack): Tensor[] {
  return Array.from({ length: depth }, (_, i) =>
    normal([width, width], { key: foldIn(key(seed), shared ? 0 : i) }).mul(gain / Math.sqrt(width)),
  );
}

/** What goes in, or a direction in which to look at what comes out. */
const vectors = ({ depth, width, seed }: Stack, which: 0 | 1): Tensor =>
  normal([batch, width], { key: foldIn(key(seed), depth + which) });

/**
 * Lengths of the gradient of a random linear function of the outputs by the activations of each layer, from the input (0) to the outputs (`depth`);
 * float64, so that what vanishes can still be seen.
 */
export function gradientNorms(stack: Stack): number[] {
  const activate = activations[stack.activation];
  const weights = weightsOf(stack).map((w) => w.cast('float64'));
  const [x, direction] = [vectors(stack, 0).cast('float64'), vectors(stack, 1).cast('float64')];
  // Added to the activations: the gradient by these zeros is the gradient by the activations.
  const nudges = weights.map(() => zeros([batch, stack.width], { dtype: 'float64' }));
  const gradients = grad((added: Tensor[]) => {
    const out = weights.reduce((h, w, i) => activate(h.matmul(w)).add(added[i + 1]), x.add(added[0]));
    return out.mul(direction).sum();
  })([...nudges, zeros([batch, stack.width], { dtype: 'float64' })]);
  return gradients.map((g) => Math.sqrt(g.square().sum().item()));
}

/** The slope of log10 of the gradient's length per layer on the way back from the outputs: below 0 it vanishes, above it explodes. */
export function slopeOfNorms(norms: readonly number[]): number {
  const points = norms.map((norm, i): [number, number] => [norms.length - 1 - i, Math.log10(norm)]);
  const mean = (k: 0 | 1): number => points.reduce((sum, point) => sum + point[k], 0) / points.length;
  const [mx, my] = [mean(0), mean(1)];
  return (
    points.reduce((sum, [x, y]) => sum + (x - mx) * (y - my), 0) /
    points.reduce((sum, [x]) => sum + (x - mx) * (x - mx), 0)
  );
}

/**
 * One step of gradient descent on the mean square of the stack's outputs: the loss before and after it, and after a step along the
 * gradient cut to a length.
 */
export function stepOnSquares(
  stack: Stack,
  rate: number,
  clip: number,
): { before: number; after: number; clipped: number } {
  const x = vectors(stack, 0);
  const activate = activations[stack.activation];
  const afterStep = (isClipped: boolean): [before: number, after: number] => {
    const weights = weightsOf(stack).map((w) => new Variable(w));
    const loss = (): Tensor =>
      weights
        .reduce((h, w) => activate(h.matmul(w.value)), x)
        .square()
        .mean();
    const [value, gradients] = valueAndGrad(loss, weights);
    new SGD(weights, { lr: rate }).update(isClipped ? clipGradNorm(gradients, clip) : gradients);
    return [value.item(), loss().item()];
  };
  const [before, after] = afterStep(false);
  return { before, after, clipped: afterStep(true)[1] };
}

/** Prints the gradients of several stacks side by side, from the outputs to the input. */
function compare(page: Page, stacks: readonly (Stack & { readonly name: string })[]): void {
  const columns = stacks.map(gradientNorms);
  const row = (name: string, cells: readonly string[]): void =>
    page.print(`${name.padEnd(8)}${cells.map((text) => text.padStart(13)).join('')}`);
  page.print('length of the gradient by the activations of each layer, outputs first');
  row(
    'layer',
    stacks.map(({ name }) => name),
  );
  const { depth } = stacks[0];
  for (let layer = depth; layer >= 0; layer -= Math.max(1, Math.round(depth / 20)))
    row(
      String(layer),
      columns.map((norms) => norms[layer].toExponential(2)),
    );
  row(
    'factor',
    columns.map((norms) => (10 ** slopeOfNorms(norms)).toFixed(3)),
  );
  page.print('(factor: what a layer multiplies the gradient by, fitted to all of them)');
}

const settings = {
  depth: integer('layers', 20, [2, 200]),
  width: integer('units of each layer', 64, [1, 512]),
  weights: choice('whether layers have weights of their own, or all the same ones as in time', [
    'own',
    'shared',
  ]),
  seed: integer('of the weights', 0, [0, 2 ** 31]),
};

/** What becomes of gradients on their way back through many layers that shrink them. */
export const vanishingGradient: Demonstration<Values<typeof settings>> = {
  name: 'vanishing-gradient',
  summary: 'gradients that shrink from layer to layer: halving, logistic and tanh layers beside ReLU',
  settings,
  demonstrate: ({ depth, width, weights, seed }, page) => {
    const common = { depth, width, seed, shared: weights === 'shared' };
    compare(page, [
      { ...common, name: 'linear / 2', activation: 'linear', gain: 0.5 },
      { ...common, name: 'logistic', activation: 'sigmoid', gain: 1 },
      { ...common, name: 'tanh', activation: 'tanh', gain: 1 },
      { ...common, name: 'ReLU', activation: 'relu', gain: Math.SQRT2 },
    ]);
  },
};

const explodingSettings = {
  ...settings,
  gain: number('how much larger the weights are than those that keep lengths', 2, [1, 10]),
  clip: number('the length to which the gradient is cut', 1, [1e-6, 1e6]),
};

/** What becomes of gradients that grow, and what cutting them to a length does. */
export const explodingGradient: Demonstration<Values<typeof explodingSettings>> = {
  name: 'exploding-gradient',
  summary: 'gradients that grow from layer to layer where weights are too large, and what clipping does',
  settings: explodingSettings,
  demonstrate: ({ depth, width, weights, seed, gain, clip }, page) => {
    const common = { depth, width, seed, shared: weights === 'shared' };
    const linear: Stack = { ...common, activation: 'linear', gain };
    compare(page, [
      { ...linear, name: `linear x ${gain}` },
      { ...common, name: `ReLU x ${gain}`, activation: 'relu', gain: gain * Math.SQRT2 },
      { ...common, name: `tanh x ${gain}`, activation: 'tanh', gain },
    ]);
    page.print();
    page.print('the linear stack: mean square of its outputs, before and after a step of gradient descent,');
    page.print(`and after one along the gradient cut to length ${clip}`);
    page.print(`${'rate'.padEnd(8)}${['before', 'after', 'cut'].map((text) => text.padStart(13)).join('')}`);
    for (const rate of [1e-6, 1e-3]) {
      const { before, after, clipped } = stepOnSquares(linear, rate, clip);
      const cells = [before, after, clipped].map((value) => value.toExponential(2).padStart(13));
      page.print(`${String(rate).padEnd(8)}${cells.join('')}`);
    }
  },
};
