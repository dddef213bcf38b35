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
  /** What they are called, by label. Absent: by their numbers. */
  readonly classNames?: readonly string[];
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

/**
 * The examples at these positions, in this order, copied: `subset(data, kFolds(data.count)[0].train)`.
 *
 * @throws DataError when one does not exist
 */
export function subset(dataset: Dataset, positions: ArrayLike<number>): Dataset {
  const size = dataset.shape[0] * dataset.shape[1] * dataset.shape[2];
  const images = new Uint8Array(positions.length * size);
  const labels = new Uint8Array(positions.length);
  for (let i = 0; i < positions.length; i++) {
    const at = positions[i];
    if (!Number.isInteger(at) || at < 0 || at >= dataset.count)
      throw new DataError(`subset: ${dataset.name} has no example ${at}; it has ${dataset.count}`);
    images.set(dataset.images.subarray(at * size, (at + 1) * size), i * size);
    labels[i] = dataset.labels[at];
  }
  return { ...dataset, count: positions.length, images, labels };
}

/**
 * Datasets of one kind as one, copied.
 *
 * @throws DataError when there are none, or images or numbers of classes differ
 */
export function concatDatasets(datasets: readonly Dataset[]): Dataset {
  if (datasets.length === 0) throw new DataError('concatDatasets: there are no datasets');
  const [first] = datasets;
  const count = datasets.reduce((sum, dataset) => sum + dataset.count, 0);
  const images = new Uint8Array(count * first.shape[0] * first.shape[1] * first.shape[2]);
  const labels = new Uint8Array(count);
  let [image, label] = [0, 0];
  for (const dataset of datasets) {
    if (dataset.shape.join() !== first.shape.join() || dataset.classes !== first.classes)
      throw new DataError(
        `concatDatasets: ${dataset.name} has images [${dataset.shape.join(', ')}] of ${dataset.classes} classes, ${first.name} has ` +
          `[${first.shape.join(', ')}] of ${first.classes}`,
      );
    images.set(dataset.images, image);
    labels.set(dataset.labels, label);
    image += dataset.images.length;
    label += dataset.labels.length;
  }
  return { ...first, name: datasets.map((dataset) => dataset.name).join(' + '), count, images, labels };
}
