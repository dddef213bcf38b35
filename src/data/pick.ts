import { checkOptions } from '../core/options.ts';
import { Tensor, tensor } from '../core/tensor.ts';
import { DataError, type Dataset, subset } from './dataset.ts';
import { Examples } from './examples.ts';
import { type Labels, type SplitOptions, splitBy, splitOptions } from './splits.ts';

/** Data that can be divided: images with labels, {@link Examples}, an array of anything, or arrays `{ x, y }` along their first axes. */
export type Divisible =
  | Dataset
  | Examples<unknown>
  | readonly unknown[]
  | { readonly [name: string]: Tensor };

const isDataset = (data: Divisible): data is Dataset =>
  'images' in data && !((data as Dataset).images instanceof Tensor) && 'labels' in data;

/**
 * The number of examples.
 *
 * @throws DataError when arrays have different ones
 */
export function countOf(data: Divisible): number {
  if (data instanceof Examples || Array.isArray(data)) return data.length;
  if (isDataset(data)) return data.count;
  const arrays = Object.entries(data as { readonly [name: string]: Tensor });
  const wrong = arrays.find(([, array]) => !(array instanceof Tensor) || array.ndim === 0);
  if (arrays.length === 0 || wrong !== undefined)
    throw new DataError(
      `pick: data must be a Dataset, Examples, an array, or an object of arrays such as { x, y }${wrong === undefined ? '' : `; ${wrong[0]} is none`}`,
    );
  const counts = arrays.map(([, array]) => array.shape[0]);
  if (counts.some((count) => count !== counts[0]))
    throw new DataError(
      `pick: first axes differ: ${arrays.map(([name, array]) => `${name} [${array.shape.join(', ')}]`).join(', ')}`,
    );
  return counts[0];
}

/**
 * The examples at these positions, in this order, as data of the same kind: `pick(data, kFolds(countOf(data))[0].train)`. Of arrays
 * `{ x, y }` the rows.
 *
 * @throws DataError when one does not exist
 */
export function pick<Data extends Divisible>(data: Data, positions: ArrayLike<number>): Data;
export function pick(data: Divisible, positions: ArrayLike<number>): Divisible {
  const count = countOf(data);
  const list = Array.from(positions);
  const wrong = list.find((at) => !Number.isInteger(at) || at < 0 || at >= count);
  if (wrong !== undefined) throw new DataError(`pick: there is no example ${wrong} of ${count}`);
  if (data instanceof Examples) return data.subset(list);
  if (Array.isArray(data)) return list.map((at) => data[at]);
  if (isDataset(data)) return subset(data, list);
  const rows = tensor(list, { dtype: 'int32' });
  return Object.fromEntries(
    Object.entries(data as { readonly [name: string]: Tensor }).map(([name, array]) => [
      name,
      array.take(rows, 0),
    ]),
  );
}

/** Options of {@link trainValidationTestSplit}. */
export interface DataSplitOptions extends Omit<SplitOptions, 'stratify'> {
  /** Shares of training, validation and test. Default 60, 20 and 20 %. */
  readonly fractions?: readonly [train: number, validation: number, test: number];
  /** As in {@link SplitOptions}; `true` for the labels of a Dataset, or the integers y of `{ x, y }`. */
  readonly stratify?: Labels | true;
}

/** Three parts of data. */
export interface DataSplit<Data> {
  readonly train: Data;
  readonly validation: Data;
  readonly test: Data;
}

/**
 * Divides data at random into training, validation and test set, 60, 20 and 20 % of it: every example is in exactly one (if the fractions
 * sum to 1), and the same seed gives the same parts.
 *
 * ```ts
 * const { train, validation, test } = trainValidationTestSplit(data, { seed: 1, stratify: true });
 * ```
 *
 * @throws DataError when fractions make no sense, a part would be empty, or labels are missing
 */
export function trainValidationTestSplit<Data extends Divisible>(
  data: Data,
  options: DataSplitOptions = {},
): DataSplit<Data> {
  const name = 'trainValidationTestSplit';
  checkOptions(name, options, [...splitOptions, 'fractions']);
  const { fractions = [0.6, 0.2, 0.2], stratify, ...rest } = options;
  if (fractions.length !== 3)
    throw new DataError(
      `${name}: fractions are three, of training, validation and test; got [${fractions.join(', ')}]`,
    );
  const labels = stratify === true ? labelsOf(name, data) : stratify;
  const parts = splitBy(
    name,
    countOf(data),
    fractions,
    labels === undefined ? rest : { ...rest, stratify: labels },
  );
  const [train, validation, test] = parts.map((positions) => pick(data, positions));
  return { train, validation, test };
}

function labelsOf(name: string, data: Divisible): Labels {
  if (!(data instanceof Examples) && !Array.isArray(data)) {
    if (isDataset(data)) return data.labels;
    const { y } = data as { readonly [name: string]: Tensor };
    if (y instanceof Tensor && y.ndim === 1 && !y.dtype.includes('float')) return y.dataSync();
  }
  throw new DataError(
    `${name}: the data has no labels by itself; give stratify a list with the class of each example`,
  );
}
