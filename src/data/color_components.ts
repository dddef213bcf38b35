import { eigh } from '../core/linalg.ts';
import { tensor } from '../core/tensor.ts';
import { DataError, type Dataset } from './dataset.ts';

/** The main directions of the colours of images. */
export interface ColorComponents {
  /** Standard deviation of colours along each component, the largest first, for channels from 0 to 1. */
  readonly eigenvalues: readonly number[];
  /** Components as columns: `eigenvectors[channel][component]`, orthonormal. */
  readonly eigenvectors: readonly (readonly number[])[];
}

/**
 * Principal components of the colours of a dataset's pixels, for `pcaColor(colorComponents(train))`: eigenvectors of the covariance of the
 * channels, and the square roots of its eigenvalues, as the constants that the implementations of AlexNet's augmentation share.
 *
 * @throws DataError if there are no images, or only one channel
 */
export function colorComponents(dataset: Dataset): ColorComponents {
  const { images, shape, count, name } = dataset;
  const channels = shape[2];
  const pixels = images.length / channels;
  if (count === 0 || channels < 2)
    throw new DataError(
      `colorComponents: ${name} has ${count} images of ${channels} channels; colours need more`,
    );
  const sums = new Float64Array(channels);
  const products = new Float64Array(channels * channels);
  for (let p = 0; p < images.length; p += channels)
    for (let a = 0; a < channels; a++) {
      const value = images[p + a];
      sums[a] += value;
      for (let b = 0; b <= a; b++) products[a * channels + b] += value * images[p + b];
    }
  const covariance = Array.from({ length: channels }, (_, a) =>
    Array.from({ length: channels }, (_, b) => {
      const product = products[Math.max(a, b) * channels + Math.min(a, b)];
      return (product / pixels - (sums[a] / pixels) * (sums[b] / pixels)) / 255 ** 2;
    }),
  );
  const [values, vectors] = eigh(tensor(covariance, { dtype: 'float64' }));
  const rising = [...values.dataSync()];
  const columns = vectors.toArray() as number[][];
  const order = rising.map((_, i) => channels - 1 - i);
  return {
    // Rounding can make the variance of a direction without colours a little negative.
    eigenvalues: order.map((i) => Math.sqrt(Math.max(0, rising[i]))),
    eigenvectors: columns.map((row) => order.map((i) => row[i])),
  };
}
