import { checkOptions } from '../core/options.ts';
import { fromData, type Tensor } from '../core/tensor.ts';
import { allocate, type DType, type TypedArray } from '../graph/dtype.ts';
import { bucketOf, checkBoundaries } from './buckets.ts';
import { DataError } from './dataset.ts';
import { requirePositive } from './epochs.ts';

/** A sequence: numbers, one for each time, or row-major vectors of `features` numbers. */
export type Sequence = ArrayLike<number>;

/** Options of {@link padSequences}. */
export interface PadOptions {
  /** What fills up. Default 0. */
  readonly value?: number;
  /** Pads to a multiple of it. Default 1: to the longest of the batch. */
  readonly multiple?: number;
  /** Pads to the first of these lengths that the longest fits into, such as those of `bucketSampler`; instead of `multiple`. */
  readonly boundaries?: readonly number[];
  /** Fills up before the sequence instead of after it. Default `after`. */
  readonly side?: 'after' | 'before';
  /** Numbers for each time: then the result has a third axis. Default: one, without that axis. */
  readonly features?: number;
  /** Default `float32`; for tokens `int32`. */
  readonly dtype?: 'float32' | 'float64' | 'int32' | 'uint32';
}

/** Sequences of one length. */
export interface Padded {
  /** [batch, time], or [batch, time, features]. */
  readonly x: Tensor;
  /** int32 [batch]: the lengths before. */
  readonly lengths: Tensor;
  /** bool [batch, time]: true where the sequence is. */
  readonly mask: Tensor;
}

/**
 * Sequences of different lengths as one array: filled up to the longest, to a multiple, or to one of several boundaries, so that
 * compiled steps meet few shapes.
 *
 * @throws DataError when there are no sequences, one is longer than the last boundary or does not consist of whole vectors
 */
export function padSequences(sequences: readonly Sequence[], options: PadOptions = {}): Padded {
  checkOptions('padSequences', options, ['value', 'multiple', 'boundaries', 'side', 'features', 'dtype']);
  const { value = 0, multiple = 1, boundaries, side = 'after', features, dtype = 'float32' } = options;
  requirePositive('padSequences', 'multiple', multiple);
  requirePositive('padSequences', 'features', features ?? 1);
  if (side !== 'after' && side !== 'before')
    throw new Error(`padSequences: side must be 'after' or 'before', got '${String(side)}'`);
  if (sequences.length === 0) throw new DataError('padSequences: there are no sequences');
  const each = features ?? 1;
  const lengths = Int32Array.from(sequences, (sequence, i) => {
    if (sequence.length % each !== 0)
      throw new DataError(
        `padSequences: sequence ${i} has ${sequence.length} numbers, which are no vectors of ${each}`,
      );
    return sequence.length / each;
  });
  const longest = lengths.reduce((a, b) => Math.max(a, b));
  let time = Math.ceil(longest / multiple) * multiple;
  if (boundaries !== undefined) {
    checkBoundaries('padSequences', boundaries);
    time = boundaries[bucketOf('padSequences', longest, boundaries)];
  }
  const data = allocate(dtype, sequences.length * time * each).fill(value);
  const mask = new Uint8Array(sequences.length * time);
  sequences.forEach((sequence, i) => {
    const start = side === 'after' ? 0 : time - lengths[i];
    data.set(sequence, (i * time + start) * each);
    mask.fill(1, i * time + start, i * time + start + lengths[i]);
  });
  const shape = [sequences.length, time, ...(features === undefined ? [] : [features])];
  return {
    x: fromData(data, shape, dtype),
    lengths: fromData(lengths, [sequences.length], 'int32'),
    mask: fromData(mask, [sequences.length, time], 'bool'),
  };
}

/** A number, or an array with its shape; without one it is a vector. */
export type ExampleValue =
  | number
  | ArrayLike<number>
  | { readonly data: ArrayLike<number>; readonly shape: readonly number[] };

const arrayOf = (value: ExampleValue): { data: ArrayLike<number>; shape: readonly number[] } => {
  if (typeof value === 'number') return { data: [value], shape: [] };
  if ('data' in value) return value;
  return { data: value, shape: [value.length] };
};

/**
 * Examples of one shape as one array with a new first axis.
 *
 * @param dtype default float32
 * @throws DataError when there are none, or shapes differ
 */
export function stackExamples(values: readonly ExampleValue[], dtype: DType = 'float32'): Tensor {
  if (values.length === 0) throw new DataError('stackExamples: there are no examples');
  if (dtype === 'float16' || dtype === 'bfloat16')
    throw new TypeError(`stackExamples: makes no ${dtype}; stack float32 and cast the batch`);
  const first = arrayOf(values[0]).shape;
  const size = first.reduce((product, extent) => product * extent, 1);
  const data: TypedArray = allocate(dtype, values.length * size);
  values.forEach((value, i) => {
    const array = arrayOf(value);
    if (array.shape.join() !== first.join() || array.data.length !== size)
      throw new DataError(
        `stackExamples: example ${i} of the batch is [${array.shape.join(', ')}] of ${array.data.length} numbers, the first is ` +
          `[${first.join(', ')}]; padSequences makes them equally long`,
      );
    data.set(array.data, i * size);
  });
  return fromData(data, [values.length, ...first], dtype);
}
