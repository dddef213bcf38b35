/** A file or folder of data that is missing, damaged or not what it should be. The message says which and why. */
export class DataError extends Error {
  override name = 'DataError';
}

/**
 * Labelled images in memory, as stored: one byte a channel, no tensors yet. Loaders turn batches of it into
 * arrays.
 */
export interface Dataset {
  /** What to call it in messages and logs, such as `mnist train`. */
  readonly name: string;
  /** Number of examples. */
  readonly count: number;
  /** Size of one image: `[height, width, channels]`. */
  readonly shape: readonly [height: number, width: number, channels: number];
  /** Number of classes; labels are 0 to `classes - 1`. */
  readonly classes: number;
  /** Pixels 0..255, `count * height * width * channels` of them, row-major with channels last. */
  readonly images: Uint8Array;
  /** One class per example. */
  readonly labels: Uint8Array;
}

/**
 * Examples `start` (inclusive) to `end` (exclusive, default: all that follow) as a view of the same bytes; nothing
 * is copied.
 *
 * @throws DataError when the range is not inside the dataset.
 */
export function slice(dataset: Dataset, start: number, end: number = dataset.count): Dataset {
  if (!Number.isInteger(start) || !Number.isInteger(end) || start < 0 || end < start || end > dataset.count) {
    throw new DataError(
      `slice: examples ${start} to ${end} of ${dataset.name} do not exist; it has ${dataset.count}, ` +
        `so 0 <= start <= end <= ${dataset.count} must hold`,
    );
  }
  const size = dataset.shape[0] * dataset.shape[1] * dataset.shape[2];
  return {
    ...dataset,
    count: end - start,
    images: dataset.images.subarray(start * size, end * size),
    labels: dataset.labels.subarray(start, end),
  };
}

/**
 * The first `count` examples, as a view.
 *
 * @throws DataError when there are fewer.
 */
export const take = (dataset: Dataset, count: number): Dataset => slice(dataset, 0, count);

/**
 * Cuts a dataset in two, in its own order: the first `count` examples and the rest, as views. To hold out a
 * validation set: `const [train, validation] = split(data, 50_000)`.
 *
 * @throws DataError when there are fewer than `count` examples.
 */
export const split = (dataset: Dataset, count: number): [first: Dataset, rest: Dataset] => [
  slice(dataset, 0, count),
  slice(dataset, count),
];
