import { Tensor } from '../core/tensor.ts';
import { flatten } from '../core/tree.ts';
import type { Dataset } from '../data/dataset.ts';
import { Loader, loader } from '../data/loader.ts';
import { type ArrayTree, examplesOf, TensorLoader } from '../data/tensor_loader.ts';

/**
 * Inputs, targets and perhaps weights of examples, whose number is every first axis: `[x, y]`, `[x, y, weights]` or the same by name.
 * A model with several inputs takes a list, whose entries are the arguments of its `forward`; several targets are a list or an object, as
 * the losses need them. Weights say how much each example counts.
 */
export type LabelledArrays =
  | readonly [x: ArrayTree, y: ArrayTree, weights?: ArrayTree]
  | { readonly x: ArrayTree; readonly y: ArrayTree; readonly weights?: ArrayTree };

/** What can be read batch by batch, as often as it is iterated. */
export interface Placed {
  /** Number of batches, if known. */
  readonly length?: number;
  /** Set by `fit` before each pass: orders depend on it. */
  epoch?: number;
  /** The place after the last batch given out, as plain JSON. */
  state?(): unknown;
  /** Lets the next iteration begin at such a place, with the rest of its epoch. */
  restore?(state: never): void;
}

type BatchStream<B> = Iterable<B> | AsyncIterable<B>;

/**
 * Data to train on and to measure with:
 * - a loader, list or other iterable of batches, each `[x, y]`, `[x, y, weights]` or `{ x, y, weights }`; also an asynchronous one, such
 *   as a `stream`;
 * - a function that opens such an iterable for each epoch: `function* () { ... }`;
 * - arrays with all examples, `[x, y]` or `{ x, y }`, which are cut into batches. A list is taken for one such if one of its entries is an
 *   array, else for a list of batches: several inputs and several targets go by name, `{ x: [a, b], y: [c, d] }`;
 * - a dataset of images, such as `digits()` has.
 */
export type Data<B = LabelledArrays> =
  | (BatchStream<B> & Placed)
  | ((epoch: number) => BatchStream<B>)
  | B
  | Dataset;

/** A batch that was read. */
export interface ReadBatch {
  readonly x: ArrayTree;
  readonly y: ArrayTree | null;
  readonly weights: ArrayTree | null;
  /** How many examples there are. */
  readonly examples: number;
}

/** How arrays become batches. */
export interface CuttingOptions {
  readonly batchSize?: number | undefined;
  readonly shuffle?: boolean | undefined;
  readonly seed?: number | undefined;
}

/** Data of any form as batches. */
export interface Source extends Placed {
  /** How many examples a pass has; null if unknown. */
  readonly examples: number | null;
  /** What has the place of the training, if anything has. */
  readonly placed: Placed;
  /** Whether batches are made anew each time, so that nobody else has need of their arrays. */
  readonly isFresh?: boolean;
  /** Begins a pass: that with this number, or the next one. */
  open(epoch: number | null): Iterator<unknown> | AsyncIterator<unknown>;
}

const isTensor = (value: unknown): value is Tensor => value instanceof Tensor;
const isObject = (value: unknown): value is Record<string | symbol, unknown> =>
  typeof value === 'object' && value !== null && !isTensor(value);
const isDataset = (value: unknown): value is Dataset =>
  isObject(value) && value.images instanceof Uint8Array && value.labels instanceof Uint8Array;

/** Arrays of all examples, by name; null for other forms of data. */
function wholeArrays(data: unknown, bare: boolean): Record<string, ArrayTree> | null {
  if (Array.isArray(data) && data.some(isTensor)) {
    const [x, y, weights] = data;
    return named({ x, y, weights });
  }
  if (isTensor(data)) return { x: data };
  if (!isObject(data) || Symbol.iterator in data || Symbol.asyncIterator in data) return null;
  if ('x' in data) return named({ x: data.x, y: data.y, weights: data.weights });
  return bare && !isDataset(data) ? { x: data as ArrayTree } : null;
}

/** Whether data has all examples in memory, not in batches. */
export const isWhole = (data: unknown): boolean => wholeArrays(data, false) !== null || isDataset(data);

const named = (parts: Record<string, unknown>): Record<string, ArrayTree> =>
  Object.fromEntries(
    Object.entries(parts).filter(([, part]) => part !== undefined && part !== null),
  ) as Record<string, ArrayTree>;

/**
 * Opens data of any form.
 *
 * @param name whom messages speak for
 * @param what what the data is called there
 * @param bare whether inputs without targets will do
 * @throws TypeError if it is of none of the forms, Error if options do not go with it
 */
export function openData(
  name: string,
  what: string,
  data: unknown,
  options: CuttingOptions,
  bare = false,
): Source {
  const arrays = wholeArrays(data, bare);
  if (arrays !== null) {
    if (!bare && arrays.y === undefined)
      throw new TypeError(`${name}: ${what} has no targets; give [x, y] or { x, y }`);
    for (const [part, value] of Object.entries(arrays))
      if (leavesOf(name, `${what}.${part}`, value).length === 0) throw noArrays(name, `${what}.${part}`);
    return fromLoader(new TensorLoader(arrays, given(options)));
  }
  if (isDataset(data)) return fromLoader(loader(data, given(options)));
  const extra = Object.entries(options).find(([, value]) => value !== undefined);
  if (extra !== undefined && !(extra[0] === 'shuffle' && extra[1] === false))
    throw new Error(
      `${name}: ${extra[0]} is for arrays; ${what} comes in batches already: leave it out, or set it where they are made`,
    );
  if (typeof data === 'function')
    return { examples: null, placed: {}, open: (epoch) => iteratorOf(name, what, data(epoch ?? 0)) };
  if (isObject(data) && (Symbol.iterator in data || Symbol.asyncIterator in data)) {
    const placed = data as Placed;
    return {
      ...(typeof placed.length === 'number' ? { length: placed.length } : {}),
      examples: countExamples(data),
      placed,
      isFresh: data instanceof Loader,
      open: (epoch) => {
        if (epoch !== null && 'epoch' in placed) placed.epoch = epoch;
        return iteratorOf(name, what, data);
      },
    };
  }
  throw new TypeError(
    `${name}: ${what} must be a loader or other iterable of batches, a function that opens one, arrays [x, y] or { x, y }, or a dataset; got ${kindOf(data)}`,
  );
}

const given = (options: CuttingOptions): CuttingOptions =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));

function fromLoader(source: Loader | TensorLoader<ArrayTree>): Source {
  return {
    length: source.length,
    examples: source instanceof Loader ? source.dataset.count : source.count,
    placed: source,
    isFresh: source instanceof Loader,
    open: (epoch) => {
      if (epoch !== null) source.epoch = epoch;
      return source[Symbol.iterator]();
    },
  };
}

function iteratorOf(name: string, what: string, data: unknown): Iterator<unknown> | AsyncIterator<unknown> {
  const object = data as Partial<Iterable<unknown> & AsyncIterable<unknown>> | null | undefined;
  const iterator = object?.[Symbol.asyncIterator]?.() ?? object?.[Symbol.iterator]?.();
  if (iterator === undefined)
    throw new TypeError(`${name}: ${what} gave ${kindOf(data)}; it must give an iterable of batches`);
  return iterator;
}

/** How many examples lists and loaders have; null where nothing says it. */
function countExamples(data: object): number | null {
  if ('plan' in data && typeof data.plan === 'function') {
    const plan: unknown = data.plan(0);
    if (!Array.isArray(plan)) return null;
    const count = plan.reduce((sum: number, part: ArrayLike<number>) => sum + part.length, 0);
    return Number.isInteger(count) ? count : null;
  }
  if (!Array.isArray(data)) return null;
  let sum = 0;
  for (const batch of data) {
    const x = Array.isArray(batch) ? batch[0] : batch?.x;
    const first = isTensor(x) ? x : isObject(x) ? Object.values(x).find(isTensor) : undefined;
    if (first === undefined || first.ndim === 0) return null;
    sum += first.shape[0];
  }
  return sum;
}

/** Says of what kind a value is that does not belong where it is. */
export const kindOf = (value: unknown): string => {
  if (isTensor(value)) return `an array ${typeOf(value)}`;
  if (Array.isArray(value))
    return `a list of ${value.length}${value.length === 0 ? '' : `, the first being ${kindOf(value[0])}`}`;
  if (isObject(value)) {
    const type = value.constructor?.name;
    return type === undefined || type === 'Object'
      ? `an object with ${Object.keys(value).join(', ') || 'no keys'}`
      : `a ${type}`;
  }
  return value === null || value === undefined ? String(value) : `a ${typeof value}`;
};

/** dtype and shape of arrays, for messages. */
export function typesOf(tree: ArrayTree | null): string {
  if (tree === null) return 'none';
  if (isTensor(tree)) return typeOf(tree);
  if (Array.isArray(tree)) return `[${tree.map(typesOf).join(', ')}]`;
  const entries = Object.entries(tree as Readonly<Record<string, ArrayTree>>);
  return `{ ${entries.map(([key, part]) => `${key}: ${typesOf(part)}`).join(', ')} }`;
}
const typeOf = (x: Tensor): string => `${x.dtype}[${x.shape.join(', ')}]`;

/** The arrays of a tree, in their order. */
export const leavesOf = (name: string, what: string, tree: unknown): Tensor[] =>
  flatten(tree, isTensor, `${name}: ${what}`).leaves;

const noArrays = (name: string, what: string): TypeError =>
  new TypeError(`${name}: ${what} has no arrays; make them with tensor()`);

/**
 * Reads a batch.
 *
 * @param bare whether inputs without targets will do
 * @throws TypeError if it is none, Error if weights do not fit
 */
export function readBatch(name: string, where: string, batch: unknown, bare = false): ReadBatch {
  const form = bare ? 'x, [x, y] or { x, y }' : '[x, y], [x, y, weights] or { x, y, weights }';
  let parts: readonly unknown[];
  if (bare && isTensor(batch)) parts = [batch];
  else if (Array.isArray(batch) && batch.length >= (bare ? 1 : 2) && batch.length <= 3) parts = batch;
  else if (isObject(batch) && 'x' in batch && (bare || 'y' in batch))
    parts = [batch.x, batch.y, batch.weights];
  else throw new TypeError(`${name}: ${where} must be ${form}, got ${kindOf(batch)}`);
  const [x, y = null, weights = null] = parts as [ArrayTree, ArrayTree?, (ArrayTree | null)?];
  const inputs = isTensor(x) ? [x] : leavesOf(name, `x of ${where}`, x);
  if (inputs.length === 0) throw noArrays(name, `x of ${where}`);
  if (!bare && !isTensor(y) && leavesOf(name, `y of ${where}`, y).length === 0)
    throw noArrays(name, `y of ${where}`);
  const examples = inputs[0].ndim === 0 ? 1 : inputs[0].shape[0];
  if (examples === 0) throw new Error(`${name}: ${where} has no examples: x is ${typesOf(x)}`);
  if (weights !== null) {
    const counts = leavesOf(name, `weights of ${where}`, weights);
    if (counts.length === 0) throw noArrays(name, `weights of ${where}`);
    const wrong = counts.find((one) => one.shape[0] !== examples);
    if (wrong !== undefined)
      throw new Error(
        `${name}: weights of ${where} have the type ${typeOf(wrong)}; there must be one for each of its ${examples} examples`,
      );
  }
  return { x, y, weights, examples };
}

/**
 * Cuts the last examples off, to validate on them.
 *
 * @param share of the examples, between 0 and 1
 * @throws if the data is not all in memory, or a part would be empty
 */
export function splitOff(name: string, data: unknown, share: number): [train: unknown, validation: unknown] {
  if (!(share > 0 && share < 1))
    throw new Error(`${name}: validationSplit must be a number between 0 and 1, got ${share}`);
  const arrays = wholeArrays(data, false);
  const count = isDataset(data)
    ? data.count
    : arrays === null
      ? null
      : examplesOf(
          name,
          Object.entries(arrays).flatMap(([part, tree]) => leavesOf(name, part, tree)),
        );
  if (count === null)
    throw new Error(
      `${name}: validationSplit is for arrays and datasets; split what a loader takes, and give the other part as validation`,
    );
  // 1 - 0.9 is a little less than 0.1.
  const first = Math.floor(count * (1 - share) + 1e-9);
  if (first === 0 || first === count)
    throw new Error(`${name}: validationSplit ${share} of ${count} examples leaves a part without any`);
  if (isDataset(data)) return [part(data, 0, first), part(data, first, count)];
  const cut = (from: number, to: number): unknown => {
    const { leaves, rebuild } = flatten(arrays, isTensor, name);
    return rebuild(leaves.map((leaf) => leaf.slice([from, to])));
  };
  return [cut(0, first), cut(first, count)];
}

const part = (dataset: Dataset, from: number, to: number): Dataset => {
  const size = dataset.images.length / dataset.count;
  return {
    ...dataset,
    count: to - from,
    images: dataset.images.subarray(from * size, to * size),
    labels: dataset.labels.subarray(from, to),
  };
};
