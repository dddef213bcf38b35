import { keyOf } from '../core/threefry.ts';
import { Draws } from '../data/draws.ts';
import { drawPlane } from './plane.ts';
import type { Demonstration } from './recipe.ts';
import { integer, number, type Values } from './settings.ts';

/** A threshold logic unit: 1 where `w·x + b >= 0`, else 0 (McCulloch and Pitts 1943, Rosenblatt 1957). */
export interface ThresholdUnit {
  readonly weights: readonly number[];
  readonly bias: number;
}

/** What a unit says of inputs. */
export const fires = ({ weights, bias }: ThresholdUnit, inputs: readonly number[]): 0 | 1 =>
  weights.reduce((sum, w, i) => sum + w * inputs[i], bias) >= 0 ? 1 : 0;

/** What {@link learnPerceptron} has found. */
export interface LearnedUnit extends ThresholdUnit {
  /** Mistakes in each pass over the examples; the last is 0 if all are right. */
  readonly mistakes: readonly number[];
}

/**
 * Rosenblatt's learning rule: from zero, after each mistake `w += rate (y - ŷ) x` and `b += rate (y - ŷ)`, until a pass is without mistakes.
 * If a line with margin γ separates the classes and all (x, 1) are shorter than R, there are at most (R / γ)² mistakes in all (Novikoff,
 * 1962); if none does, it never ends, so `passes` ends it.
 *
 * @param labels 0 or 1
 * @param options.rate default 1
 * @param options.passes the most passes over the examples, default 1000
 */
export function learnPerceptron(
  inputs: readonly (readonly number[])[],
  labels: readonly number[],
  { rate = 1, passes = 1000 } = {},
): LearnedUnit {
  if (inputs.length !== labels.length || inputs.length === 0)
    throw new RangeError(
      `learnPerceptron: ${inputs.length} inputs and ${labels.length} labels; there must be one for each, and at least one`,
    );
  const weights = inputs[0].map(() => 0);
  let bias = 0;
  const mistakes: number[] = [];
  for (let pass = 0; pass < passes; pass++) {
    let wrong = 0;
    inputs.forEach((x, i) => {
      const error = labels[i] - fires({ weights, bias }, x);
      if (error === 0) return;
      wrong++;
      for (let k = 0; k < weights.length; k++) weights[k] += rate * error * x[k];
      bias += rate * error;
    });
    mistakes.push(wrong);
    if (wrong === 0) break;
  }
  return { weights, bias, mistakes };
}

/** Points of the square from -1 to 1, labelled by a random line from which they keep a distance. */
export function separablePoints(
  count: number,
  margin: number,
  seed: number,
): { inputs: [number, number][]; labels: number[]; line: ThresholdUnit } {
  const draws = new Draws(keyOf(seed), 0);
  let [a, b] = [0, 0];
  while (a * a + b * b < 0.1) [a, b] = [draws.between(-1, 1), draws.between(-1, 1)];
  const length = Math.sqrt(a * a + b * b);
  const c = draws.between(-0.3, 0.3);
  const inputs: [number, number][] = [];
  const labels: number[] = [];
  while (inputs.length < count) {
    const [x, y] = [draws.between(-1, 1), draws.between(-1, 1)];
    const distance = (a * x + b * y) / length + c;
    if (Math.abs(distance) < margin) continue;
    inputs.push([x, y]);
    labels.push(distance > 0 ? 1 : 0);
  }
  return { inputs, labels, line: { weights: [a / length, b / length], bias: c } };
}

/** Novikoff's bound on the mistakes, (R / γ)², in the space of (x, 1), for the margin that this unit keeps. */
export function novikoffBound(
  { weights, bias }: ThresholdUnit,
  inputs: readonly (readonly number[])[],
): number {
  const square = (values: readonly number[]): number => values.reduce((sum, v) => sum + v * v, 0);
  const reach = Math.max(...inputs.map((x) => square(x) + 1));
  const margin = Math.min(
    ...inputs.map((x) => Math.abs(weights.reduce((sum, w, i) => sum + w * x[i], bias))),
  );
  return (reach * (square(weights) + bias * bias)) / (margin * margin);
}

const settings = {
  points: integer('points to learn from', 60, [2, 10_000]),
  margin: number('their distance from the line that separates them', 0.1, [0.01, 0.5]),
  rate: number('how far a mistake moves the weights', 1, [1e-6, 1e6]),
  seed: integer('of the points and the line', 0, [0, 2 ** 31]),
};

/** The perceptron learns points that a line separates. */
export const perceptron: Demonstration<Values<typeof settings>> = {
  name: 'perceptron',
  summary:
    "Rosenblatt's learning rule on points that a line separates: the mistakes of each pass, and a picture",
  settings,
  demonstrate: ({ points, margin, rate, seed }, page) => {
    const { inputs, labels, line } = separablePoints(points, margin, seed);
    const unit = learnPerceptron(inputs, labels, { rate });
    const total = unit.mistakes.reduce((sum, n) => sum + n, 0);
    page.print(`mistakes in each pass: ${unit.mistakes.join(' ')}`);
    page.print(
      `${total} mistakes in all; Novikoff's theorem allows ${Math.floor(novikoffBound(line, inputs))}`,
    );
    page.print(
      `fires where ${unit.weights.map((w, i) => `${w.toFixed(3)} ${'xy'[i]}`).join(' + ')} + ${unit.bias.toFixed(3)} >= 0`,
    );
    page.print();
    drawPlane(
      page,
      [-1, 1],
      [-1, 1],
      (places) => places.map((place) => (fires(unit, place) ? '.' : ' ')),
      inputs.map(([x, y], i) => ({ x, y, sign: String(labels[i]) })),
    );
  },
};
