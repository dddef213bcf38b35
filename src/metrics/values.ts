import { fromData, Tensor } from '../core/tensor.ts';

/** Numbers of any shape: a tensor, a list or typed array of numbers, or lists of lists. */
export type Values = Tensor | ArrayLike<number> | readonly Values[];

/** Numbers in row-major order, and their shape. */
export interface Numbers {
  readonly data: ArrayLike<number>;
  readonly shape: readonly number[];
}

const written = (shape: readonly number[]): string => `[${shape.join(', ')}]`;

/**
 * Values as a flat list with a shape.
 *
 * @throws RangeError if nested lists are ragged
 */
export function read(name: string, values: Values): Numbers {
  if (values instanceof Tensor) return { data: values.dataSync(), shape: values.shape };
  if (values.length === 0 || typeof values[0] === 'number')
    return { data: values as ArrayLike<number>, shape: [values.length] };
  const rows = Array.from(values as readonly Values[], (row) => read(name, row));
  const inner = rows[0].shape;
  const odd = rows.findIndex((row) => String(row.shape) !== String(inner));
  if (odd >= 0)
    throw new RangeError(
      `${name}: lists must be of equal lengths; [0] has shape ${written(inner)}, [${odd}] has ${written(rows[odd].shape)}`,
    );
  const data = new Float64Array(rows.length * inner.reduce((a, b) => a * b, 1));
  let at = 0;
  for (const row of rows) for (let i = 0; i < row.data.length; i++) data[at++] = row.data[i];
  return { data, shape: [rows.length, ...inner] };
}

/** @throws RangeError unless both have the same shape */
export function requireSameShape(name: string, outputs: Numbers, targets: Numbers): void {
  if (String(outputs.shape) !== String(targets.shape))
    throw new RangeError(
      `${name}: outputs ${written(outputs.shape)} and targets ${written(targets.shape)} must have the same shape`,
    );
}

/**
 * Weights of `count` examples, or null where all count alike.
 *
 * @throws RangeError if there are more or less of them, or one is negative or not finite
 */
export function readWeights(
  name: string,
  weights: Values | undefined,
  count: number,
): ArrayLike<number> | null {
  if (weights === undefined) return null;
  const { data, shape } = read(name, weights);
  if (data.length !== count)
    throw new RangeError(`${name}: weights ${written(shape)}, expected one for each of ${count} examples`);
  for (let i = 0; i < count; i++)
    if (!(data[i] >= 0 && data[i] < Infinity))
      throw new RangeError(`${name}: weights must be finite and not negative; weight ${i} is ${data[i]}`);
  return data;
}

/** The number with the largest value of each row; of equal ones the first, as `accuracy` has it. */
function largest(data: ArrayLike<number>, rows: number, columns: number): Int32Array {
  const out = new Int32Array(rows);
  for (let row = 0, at = 0; row < rows; row++, at += columns) {
    for (let j = 1; j < columns; j++) if (data[at + j] > data[at + out[row]]) out[row] = j;
  }
  return out;
}

/** How outputs become predicted classes. */
export interface ClassOptions {
  /** Outputs are scores of class 1, which is predicted above this number. Default: outputs are classes, or scores of each. */
  readonly threshold?: number;
}

/**
 * Predicted and true classes. Outputs have the labels' shape and are class numbers (or scores of class 1, with a threshold), or
 * have one axis more, with a score for each class, of which the largest counts.
 *
 * @throws RangeError if the shapes do not fit or something is not a class number
 */
export function readClasses(
  name: string,
  outputs: Values,
  targets: Values,
  { threshold }: ClassOptions,
  ignored?: number,
): { predicted: ArrayLike<number>; labels: ArrayLike<number> } {
  const labels = read(name, targets);
  const scores = read(name, outputs);
  let predicted = scores.data;
  if (String(scores.shape) !== String(labels.shape)) {
    const classes = scores.shape.at(-1) ?? 0;
    if (String(scores.shape.slice(0, -1)) !== String(labels.shape) || classes === 0)
      throw new RangeError(
        `${name}: outputs ${written(scores.shape)} do not fit labels ${written(labels.shape)}; there must be a class number ` +
          `for each label, or a last axis with a score for each class`,
      );
    predicted = largest(scores.data, labels.data.length, classes);
  } else if (threshold !== undefined) {
    predicted = Uint8Array.from({ length: scores.data.length }, (_, i) =>
      scores.data[i] > threshold ? 1 : 0,
    );
  }
  for (let i = 0; i < predicted.length; i++) {
    if (labels.data[i] === ignored) continue;
    if (!isClass(labels.data[i]) || !isClass(predicted[i]))
      throw new RangeError(
        `${name}: example ${i} has label ${labels.data[i]} and prediction ${predicted[i]}; both must be class numbers, ` +
          `integers from 0 on${Number.isInteger(labels.data[i]) ? ' (scores of class 1 need the option threshold)' : ''}`,
      );
  }
  return { predicted, labels: labels.data };
}

const isClass = (value: number): boolean => Number.isInteger(value) && value >= 0;

/**
 * Decisions and truths of several labels per example: both [..., labels], outputs above the threshold (default 0.5) being yes.
 *
 * @throws RangeError if the shapes differ, or a truth is neither 0 nor 1
 */
export function readMultilabel(
  name: string,
  outputs: Values,
  targets: Values,
  { threshold = 0.5 }: ClassOptions,
): { predicted: Uint8Array; labels: ArrayLike<number>; rows: number; columns: number } {
  const scores = read(name, outputs);
  const labels = read(name, targets);
  requireSameShape(name, scores, labels);
  if (labels.shape.length < 2)
    throw new RangeError(
      `${name}: several labels per example need targets [examples, labels], got ${written(labels.shape)}`,
    );
  for (let i = 0; i < labels.data.length; i++)
    if (labels.data[i] !== 0 && labels.data[i] !== 1)
      throw new RangeError(`${name}: targets of several labels must be 0 or 1, got ${labels.data[i]}`);
  const columns = labels.shape.at(-1)!;
  return {
    predicted: Uint8Array.from({ length: scores.data.length }, (_, i) =>
      scores.data[i] > threshold ? 1 : 0,
    ),
    labels: labels.data,
    rows: columns === 0 ? 0 : labels.data.length / columns,
    columns,
  };
}

/** A list of numbers that grows; twice as large each time it is full. */
export class Growing {
  #data = new Float64Array(64);
  #length = 0;

  /** Appends all of them. */
  push(values: ArrayLike<number>): void {
    if (this.#length + values.length > this.#data.length) {
      const larger = new Float64Array(Math.max(2 * this.#data.length, this.#length + values.length));
      larger.set(this.values);
      this.#data = larger;
    }
    this.#data.set(values, this.#length);
    this.#length += values.length;
  }

  /** What was appended; a view that the next `push` may leave behind. */
  get values(): Float64Array {
    return this.#data.subarray(0, this.#length);
  }

  /** How many numbers there are. */
  get length(): number {
    return this.#length;
  }

  /** Forgets all. */
  clear(): void {
    this.#length = 0;
  }

  /** The numbers as an array of their own. */
  stateDict(): Tensor {
    return fromData(this.values.slice(), [this.#length], 'float64');
  }

  /** Puts back what `stateDict` gave. */
  loadStateDict(state: Tensor): void {
    this.clear();
    this.push(state.dataSync() as ArrayLike<number>);
  }
}
