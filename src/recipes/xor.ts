import { tensor } from '../core/tensor.ts';
import { keyOf } from '../core/threefry.ts';
import { Draws } from '../data/draws.ts';
import { Tanh } from '../nn/activation_layers.ts';
import { Linear } from '../nn/linear.ts';
import { Sequential } from '../nn/sequential.ts';
import { Adam } from '../optim/adam.ts';
import { fires, type ThresholdUnit } from './perceptron.ts';
import { drawPlane } from './plane.ts';
import type { Demonstration, TrainingRecipe } from './recipe.ts';
import type { Samples } from './samples.ts';
import { integer, number, type Values } from './settings.ts';

/** The four inputs of a function of two bits. */
export const corners = [
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
] as const;

/** Not both: 1 unless both inputs are 1. Every Boolean function can be built of it. */
export const nand: ThresholdUnit = { weights: [-2, -2], bias: 3 };

/** Exclusive or of four NANDs, in three layers. */
export function xorOfNands(a: number, b: number): 0 | 1 {
  const neither = fires(nand, [a, b]);
  return fires(nand, [fires(nand, [a, neither]), fires(nand, [neither, b])]);
}

/** A unit that computes a function of two bits, or the proof that there is none. */
export type Verdict =
  | { readonly unit: ThresholdUnit }
  /** Multipliers λ >= 0, not all 0, of the four inequalities `s (w·x + b) > 0`, whose weighted sum reads 0 > 0. */
  | { readonly multipliers: readonly number[] };

/**
 * Whether one threshold unit can compute a function of two bits, by exhaustion: a unit of integer weights and bias, or multipliers that
 * refute all units of any weights (Gordan's theorem: exactly one of both exists).
 *
 * @param outputs of (0, 0), (0, 1), (1, 0) and (1, 1)
 */
export function decide(outputs: readonly number[]): Verdict {
  const range = [-3, -2, -1, 0, 1, 2, 3];
  for (const w of range)
    for (const v of range)
      for (const bias of range) {
        const unit = { weights: [w, v], bias };
        if (corners.every((corner, i) => fires(unit, corner) === outputs[i])) return { unit };
      }
  const signs = outputs.map((output) => (output === 1 ? 1 : -1));
  for (let mask = 1; mask < 16; mask++) {
    const multipliers = corners.map((_, i) => (mask >> i) & 1);
    // The sums of λ s x1, λ s x2 and λ s, the coefficients of both weights and the bias.
    const sums = corners.reduce(
      ([a, b, c], [x, y], i) => {
        const factor = multipliers[i] * signs[i];
        return [a + factor * x, b + factor * y, c + factor];
      },
      [0, 0, 0],
    );
    if (sums.every((sum) => sum === 0)) return { multipliers };
  }
  throw new Error(`decide: [${outputs.join(', ')}] is not a function of two bits`);
}

/** What a single unit can compute, and what it takes to go beyond. */
export const xorNand: Demonstration = {
  name: 'xor-nand',
  summary: 'threshold units: which functions of two bits one can compute, why not XOR, and XOR of four NANDs',
  demonstrate: (_, page) => {
    page.print('x y  NAND  XOR of four NANDs');
    for (const [x, y] of corners)
      page.print(`${x} ${y}  ${String(fires(nand, [x, y])).padStart(4)}  ${xorOfNands(x, y)}`);
    page.print();
    page.print('00 01 10 11   one threshold unit');
    let possible = 0;
    for (let code = 0; code < 16; code++) {
      const outputs = corners.map((_, i) => (code >> (3 - i)) & 1);
      const verdict = decide(outputs);
      const bits = outputs.map((bit) => ` ${bit}`).join(' ');
      if ('unit' in verdict) {
        possible++;
        const { weights, bias } = verdict.unit;
        page.print(`${bits}   fires where ${weights[0]} x + ${weights[1]} y + ${bias} >= 0`);
      } else
        page.print(
          `${bits}   impossible: the four conditions on w x + v y + b, added up as they are, say 0 > 0`,
        );
    }
    page.print();
    page.print(`${possible} of 16 functions are possible; XOR and its opposite are not.`);
  },
};

const settings = {
  hidden: integer('hidden units', 4, [1, 256]),
  noise: number('how far the examples lie from the corners, at most', 0.2, [0, 0.5]),
};

/** Corners of the square with noise, labelled by exclusive or. */
function xorSamples(name: string, count: number, noise: number, draws: Draws): Samples {
  const inputs = new Float32Array(2 * count);
  const targets = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    const [x, y] = corners[i % 4];
    inputs.set([x + draws.between(-noise, noise), y + draws.between(-noise, noise)], 2 * i);
    targets[i] = x === y ? 0 : 1;
  }
  return { name, count, width: 2, inputs, targets, outputs: 1 };
}

/** Exclusive or, learned: what one unit cannot do, a hidden layer can. */
export const xorMlp: TrainingRecipe<Values<typeof settings>> = {
  name: 'xor-mlp',
  summary: 'a network with one hidden layer learns exclusive or, which no single unit can',
  settings,
  defaults: () => ({ epochs: 15, batchSize: 20, lr: 0.05, seed: 0 }),
  task: () => 'binary',
  data: async (_, { noise }) => ({
    train: xorSamples('xor train', 800, noise, new Draws(keyOf(0), 0)),
    test: xorSamples('xor test', 200, noise, new Draws(keyOf(0), 1)),
  }),
  model: ({ hidden }) => new Sequential(new Linear(2, hidden), new Tanh(), new Linear(hidden, 1)),
  optimizer: (model, lr) => new Adam(model, { lr }),
  show: (model, page) => {
    const probabilities = (places: readonly (readonly [number, number])[]): ArrayLike<number> =>
      model
        .forward(tensor(places.map(([x, y]) => [x, y])))
        .sigmoid()
        .dataSync();
    page.print();
    page.print('x y  probability of 1');
    const at = probabilities(corners);
    corners.forEach(([x, y], i) => {
      page.print(`${x} ${y}  ${at[i].toFixed(4)}`);
    });
    page.print();
    drawPlane(
      page,
      [-0.5, 1.5],
      [-0.5, 1.5],
      (places) => Array.from(probabilities(places), (p) => (p > 0.5 ? '.' : ' ')),
      corners.map(([x, y]) => ({ x, y, sign: x === y ? '0' : '1' })),
    );
  },
};
