import { fromData } from '../core/tensor.ts';
import type { Augmentation } from '../data/augment.ts';
import { type BatchLoader, batchLoader } from '../data/batch_loader.ts';
import type { Dataset } from '../data/dataset.ts';
import { Examples } from '../data/examples.ts';
import { type Batch, type Loader, loader } from '../data/loader.ts';

/** Examples in memory that are rows of numbers: what recipes that are not about images train on. */
export interface Samples {
  /** What to call it in messages and logs. */
  readonly name: string;
  /** Number of examples. */
  readonly count: number;
  /** Numbers of one example. */
  readonly width: number;
  /** `count * width` numbers. */
  readonly inputs: Float32Array;
  /**
   * What is to be predicted: class numbers (Int32Array, one for each example), else `outputs` numbers for each example.
   */
  readonly targets: Float32Array | Int32Array;
  /** Numbers that are to be predicted for one example, or the number of classes. */
  readonly outputs: number;
  /** Names of the inputs, and of the outputs or classes. */
  readonly names?: { readonly inputs: readonly string[]; readonly outputs: readonly string[] };
}

/** What a recipe can train on and be tested on. */
export type Part = Dataset | Samples;

/** Whether the examples are pictures. */
export const isImages = (part: Part): part is Dataset => 'images' in part;

/** How {@link batches} are made. */
export interface BatchesOptions {
  readonly batchSize: number;
  readonly shuffle?: boolean;
  readonly seed?: number;
  /** Of pictures; there must be none for others. */
  readonly augment?: Augmentation;
}

/** Batches of either kind of examples, pictures scaled to 0..1. */
export function batches(part: Part, options: BatchesOptions): Loader | BatchLoader<number, Batch> {
  return isImages(part) ? loader(part, options) : rows(part, options);
}

/** Rows of numbers: x [batch, width], y int32 [batch] of classes or float32 [batch, outputs]. */
function rows(part: Samples, options: BatchesOptions): BatchLoader<number, Batch> {
  const { inputs, targets, width, outputs } = part;
  return batchLoader(new Examples(part.count, (i) => i), {
    ...options,
    collate: (positions: number[]): Batch => {
      const x = gather(inputs, positions, width, new Float32Array(positions.length * width));
      const count = positions.length;
      return [
        fromData(x, [count, width], 'float32'),
        targets instanceof Int32Array
          ? fromData(gather(targets, positions, 1, new Int32Array(count)), [count], 'int32')
          : fromData(
              gather(targets, positions, outputs, new Float32Array(count * outputs)),
              [count, outputs],
              'float32',
            ),
      ];
    },
  });
}

/** Rows at positions, one after the other, in `to`. */
function gather<A extends Float32Array | Int32Array>(from: A, positions: number[], width: number, to: A): A {
  positions.forEach((position, i) => {
    to.set(from.subarray(position * width, (position + 1) * width), i * width);
  });
  return to;
}
