import { checkOptions } from '../core/options.ts';
import { fromData, Tensor } from '../core/tensor.ts';
import { flatten } from '../core/tree.ts';
import { type TypedArray, viewOf } from '../graph/dtype.ts';
import { isHalf } from '../graph/half.ts';
import { type Plan, type PlanOptions, planOf, planOptions } from './batch_loader.ts';
import { DataError } from './dataset.ts';
import { EpochLoader } from './epochs.ts';

/** An array, or several of them in lists or by name. */
export type ArrayTree = Tensor | readonly ArrayTree[] | { readonly [name: string]: ArrayTree };

/** One of the arrays of a {@link TensorLoader}, on the host. */
interface Rows {
  readonly data: TypedArray;
  readonly shape: readonly number[];
  readonly dtype: Tensor['dtype'];
  /** Elements of one example. */
  readonly size: number;
}

const isTensor = (value: unknown): value is Tensor => value instanceof Tensor;

/**
 * Batches of arrays in memory, whose first axes are the examples, as often as it is iterated: `for (const [x, y] of tensorLoader([images,
 * labels], { batchSize: 32, shuffle: true }))`. A batch is a tree like that of the arrays.
 */
export class TensorLoader<T extends ArrayTree> extends EpochLoader<T> {
  /** How many examples there are. */
  readonly count: number;
  readonly batchSize: number;
  readonly #plan: Plan;
  readonly #arrays: readonly Tensor[];
  readonly #rebuild: (leaves: readonly Tensor[]) => unknown;
  #rows: readonly Rows[] | null = null;

  /**
   * @throws DataError if there are no arrays or examples, or the arrays have different numbers of them
   * @throws Error if an option is unknown or out of range
   */
  constructor(arrays: T, options: PlanOptions = {}) {
    super();
    checkOptions('tensorLoader', options, planOptions);
    const { leaves, rebuild } = flatten(arrays, isTensor, 'tensorLoader');
    this.count = examplesOf('tensorLoader', leaves);
    this.#arrays = leaves;
    this.#rebuild = rebuild;
    this.#plan = planOf('tensorLoader', 'the data', this.count, options);
    this.batchSize = this.#plan.batchSize;
  }

  override get length(): number {
    return this.#plan.length;
  }

  override plan(epoch: number): readonly Int32Array[] {
    return this.#plan.batches(epoch);
  }

  protected override *produce(plan: readonly Int32Array[]): Generator<T> {
    this.#rows ??= this.#arrays.map((array) => ({
      data: isHalf(array.dtype) ? array.bits() : array.dataSync(),
      shape: array.shape.slice(1),
      dtype: array.dtype,
      size: array.size / this.count,
    }));
    for (const positions of plan) yield this.#rebuild(this.#rows.map((rows) => taken(rows, positions))) as T;
  }
}

/** {@link TensorLoader} without `new`. */
export const tensorLoader = <const T extends ArrayTree>(
  arrays: T,
  options: PlanOptions = {},
): TensorLoader<T> => new TensorLoader(arrays, options);

/**
 * The common number of examples of arrays.
 *
 * @throws DataError if they differ, one has no axes, or there are no arrays
 */
export function examplesOf(name: string, arrays: readonly Tensor[]): number {
  if (arrays.length === 0) throw new DataError(`${name}: the data has no arrays; make them with tensor()`);
  const shapes = (): string => arrays.map((array) => `[${array.shape.join(', ')}]`).join(', ');
  const [count] = arrays.map((array) => array.shape[0]);
  if (arrays.some((array) => array.ndim === 0 || array.shape[0] !== count))
    throw new DataError(
      `${name}: the first axis of every array is that of the examples, and must have one size; got ${shapes()}`,
    );
  return count;
}

function taken({ data, shape, dtype, size }: Rows, positions: Int32Array): Tensor {
  const length = positions.length * size;
  const out = viewOf(dtype, new ArrayBuffer(length * data.BYTES_PER_ELEMENT), 0, length);
  positions.forEach((position, i) => {
    if (size === 1) out[i] = data[position];
    else out.set(data.subarray(position * size, (position + 1) * size), i * size);
  });
  return fromData(out, [positions.length, ...shape], dtype);
}
