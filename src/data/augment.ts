import { arange, ones } from '../core/create.ts';
import { checkOptions } from '../core/options.ts';
import type { PadMode } from '../core/padding.ts';
import * as random from '../core/random.ts';
import { concat, type Tensor, tensor, where } from '../core/tensor.ts';
import { isFloat } from '../graph/dtype.ts';
import { chained, geometryOf, withGeometry } from './geometry.ts';

/**
 * A random change of images [batch, height, width, channels], each on its own: a function of images and key alone, on any device and
 * inside of `jit`.
 */
export type Augmentation = (images: Tensor, key: random.Key) => Tensor;

/** @throws Error unless images are floats [batch, height, width, channels] with some pixels */
export function checkImages(name: string, images: Tensor, channels?: number): void {
  const found = `${images.dtype}[${images.shape.join(', ')}]`;
  if (images.ndim !== 4 || !isFloat(images.dtype) || images.size === 0)
    throw new Error(`${name}: images must be floats [batch, height, width, channels], got ${found}`);
  if (channels !== undefined && images.shape[3] !== channels)
    throw new Error(`${name}: images must have ${channels} channels, got ${found}`);
}

/** @throws RangeError unless p is a probability */
export function checkProbability(name: string, p: number): void {
  if (!(p >= 0 && p <= 1)) throw new RangeError(`${name}: p must be a probability from 0 to 1, got ${p}`);
}

/** A range [low, high]: a number r stands for [-r, r]. */
export type Range = number | readonly [low: number, high: number];

/** @throws RangeError unless it is one */
export function rangeOf(name: string, option: string, range: Range): readonly [number, number] {
  const [low, high] = typeof range === 'number' ? [-range, range] : range;
  if (!Number.isFinite(low) || !Number.isFinite(high) || low > high)
    throw new RangeError(
      `${name}: ${option} must be a number >= 0 or [low, high], got ${JSON.stringify(range)}`,
    );
  return [low, high];
}

/** One uniform number for each image, [batch, 1, 1, 1]. */
export const perImage = (images: Tensor, [low, high]: readonly [number, number], key: random.Key): Tensor =>
  random.uniform([images.shape[0], 1, 1, 1], { key, low, high });

/** Changes one after the other; each has a key of its own. */
export function compose(...augmentations: readonly Augmentation[]): Augmentation {
  const from =
    (first: number): Augmentation =>
    (images, key) =>
      augmentations
        .slice(first)
        .reduce((x, augmentation, i) => augmentation(x, random.foldIn(key, first + i)), images);
  const splits = augmentations.map(geometryOf);
  const found = splits.findIndex((split) => split === undefined || split.rest !== null);
  const moving = found < 0 ? augmentations.length : found;
  if (moving === 0) return from(0);
  const geometries = splits.slice(0, moving).flatMap((split) => split?.geometry ?? []);
  return withGeometry(from(0), chained(geometries, random.foldIn), found < 0 ? null : from(moving));
}

/** Changes each image with probability p; the change must keep the images' size. */
export function sometimes(augmentation: Augmentation, p: number): Augmentation {
  checkProbability('sometimes', p);
  const result: Augmentation = (images, key) => {
    checkImages('sometimes', images);
    const changed = augmentation(images, random.foldIn(key, 0));
    if (changed.shape.join() !== images.shape.join())
      throw new Error(
        `sometimes: images [${images.shape.join(', ')}] became [${changed.shape.join(', ')}]; only changes that keep the size can be left out`,
      );
    const chosen = random.bernoulli(p, [images.shape[0], 1, 1, 1], { key: random.foldIn(key, 1) });
    return where(chosen, changed, images);
  };
  const split = geometryOf(augmentation);
  if (split === undefined || split.rest !== null) return result;
  return withGeometry(result, (key, size) => {
    const changes = split.geometry(random.foldIn(key, 0), size);
    if (changes === null || changes.some(({ identity }) => identity === null)) return null;
    const chosen = random.bernoulli(p, [size[0], 1], { key: random.foldIn(key, 1) });
    return changes.map(({ change, draws, identity }) => ({
      change,
      draws: where(chosen, draws, tensor([...(identity ?? [])])),
      identity,
    }));
  });
}

/** Mirrors all images along an axis. */
const flip = (axis: 1 | 2): Augmentation =>
  withGeometry(
    (images) => images.flip(axis),
    (_, [batch]) => [{ change: { kind: 'flip', axis }, draws: ones([batch, 1]), identity: [0] }],
  );

/** Mirrors each image left to right with probability p (default 0.5). */
export const randomHorizontalFlip = (options: { readonly p?: number } = {}): Augmentation => {
  checkOptions('randomHorizontalFlip', options, ['p']);
  return sometimes(flip(2), options.p ?? 0.5);
};

/** Mirrors each image top to bottom with probability p (default 0.5). */
export const randomVerticalFlip = (options: { readonly p?: number } = {}): Augmentation => {
  checkOptions('randomVerticalFlip', options, ['p']);
  return sometimes(flip(1), options.p ?? 0.5);
};

/** Options of {@link randomCrop}. */
export interface CropOptions {
  /** Pixels put around images before. Default 0. */
  readonly padding?: number;
  /** What they are. Default `constant`: `value`. */
  readonly mode?: PadMode;
  /** Default 0. */
  readonly value?: number;
}

/**
 * A random part of each image, all positions being equally likely.
 *
 * @param size `[height, width]`, or one number for both
 * @throws Error when the images are smaller, with their padding
 */
export function randomCrop(
  size: number | readonly [height: number, width: number],
  options: CropOptions = {},
): Augmentation {
  checkOptions('randomCrop', options, ['padding', 'mode', 'value']);
  const { padding = 0, mode = 'constant', value = 0 } = options;
  const [height, width] = typeof size === 'number' ? [size, size] : size;
  if (
    ![height, width].every((n) => Number.isInteger(n) && n > 0) ||
    !Number.isInteger(padding) ||
    padding < 0
  )
    throw new Error(
      `randomCrop: size and padding must be natural numbers, got ${height} x ${width}, ${padding}`,
    );
  /** Where the parts of a batch begin: [batch, 1, 1], with room for so many positions. */
  const starts = (key: random.Key, batch: number, room: readonly [number, number]): Tensor[] =>
    room.map((n, i) => random.randint([batch, 1, 1], 0, n + 1, { key: random.foldIn(key, i) }));
  const crop: Augmentation = (images, key) => {
    checkImages('randomCrop', images);
    const sides = [padding, padding] as const;
    const x = padding === 0 ? images : images.pad([[0, 0], sides, sides, [0, 0]], { mode, value });
    const [batch, h, w, channels] = x.shape;
    if (h < height || w < width)
      throw new Error(
        `randomCrop: no part of ${height} x ${width} in images of ${h} x ${w}, padding included`,
      );
    const [top, left] = starts(key, batch, [h - height, w - width]);
    const rows = top.add(arange(height).reshape([1, height, 1]));
    const columns = left.add(arange(width).reshape([1, 1, width]));
    const first = arange(batch)
      .mul(h * w)
      .reshape([batch, 1, 1]);
    return x.reshape([batch * h * w, channels]).take(first.add(rows.mul(w)).add(columns).cast('int32'));
  };
  if (padding > 0 && mode !== 'constant') return crop;
  return withGeometry(crop, (key, [batch, h, w]) => {
    const room: [number, number] = [h + 2 * padding - height, w + 2 * padding - width];
    if (Math.min(...room) < 0) return null;
    const draws = concat(starts(key, batch, room), 1)
      .reshape([batch, 2])
      .sub(padding)
      .cast('float32');
    const identity = h === height && w === width ? [0, 0] : null;
    return [{ change: { kind: 'crop', height, width, value }, draws, identity }];
  });
}

/**
 * `(images - mean) / std`, by channel where there is a list.
 *
 * @throws RangeError unless std is positive
 */
export function normalize(options: {
  readonly mean: number | readonly number[];
  readonly std: number | readonly number[];
}): Augmentation {
  checkOptions('normalize', options, ['mean', 'std']);
  const [mean, std] = [options.mean, options.std].map((v) => (typeof v === 'number' ? [v] : [...v]));
  if (std.some((s) => !(s > 0))) throw new RangeError(`normalize: std must be positive, got ${std}`);
  return (images) => {
    const channels = images.shape.at(-1);
    for (const list of [mean, std])
      if (list.length !== 1 && list.length !== channels)
        throw new Error(`normalize: ${list.length} numbers for images of ${channels} channels`);
    return images.sub(tensor(mean)).div(tensor(std));
  };
}

/** Adds to each element a normal number of this standard deviation; what leaves `range` (default: none) is cut off. */
export function gaussianNoise(options: {
  readonly std: number;
  readonly range?: readonly [low: number, high: number];
}): Augmentation {
  checkOptions('gaussianNoise', options, ['std', 'range']);
  const { std, range } = options;
  if (!(std >= 0)) throw new RangeError(`gaussianNoise: std must be >= 0, got ${std}`);
  return (images, key) => {
    checkImages('gaussianNoise', images);
    const noisy = images.add(random.normal(images.shape, { key }).mul(std));
    return range === undefined ? noisy : noisy.clip(range[0], range[1]);
  };
}

/**
 * Blurs images by a Gaussian `exp(-x^2 / (2 sigma^2))` of `size` taps that sum to 1, along rows and columns; borders are reflected.
 *
 * @param size odd
 * @param sigma in pixels; a number, or one for each image, [batch]
 */
export function gaussianBlur(images: Tensor, size: number, sigma: number | Tensor): Tensor {
  checkImages('gaussianBlur', images);
  const half = (size - 1) / 2;
  const [batch, height, width] = images.shape;
  if (!Number.isInteger(half) || half < 0 || half >= Math.min(height, width))
    throw new Error(
      `gaussianBlur: size must be odd and below twice the images' ${height} x ${width}, got ${size}`,
    );
  const deviation = typeof sigma === 'number' ? tensor([sigma]) : sigma.reshape([batch]);
  const weights = arange(-half, half + 1)
    .reshape([1, size])
    .div(deviation.unsqueeze(1))
    .square()
    .mul(-0.5)
    .exp();
  const taps = weights.div(weights.sum(1, { keepDims: true })).unbind(1);
  return [1, 2].reduce((x, axis) => {
    const widths = [0, 1, 2, 3].map((a): [number, number] => (a === axis ? [half, half] : [0, 0]));
    const padded = x.pad(widths, { mode: 'reflect' });
    return taps
      .map((tap, i) => padded.narrow(axis, i, x.shape[axis]).mul(tap.reshape([-1, 1, 1, 1])))
      .reduce((a, b) => a.add(b));
  }, images);
}

/** {@link gaussianBlur} with a random sigma (default 0.1 to 2 pixels) for each image. */
export function randomGaussianBlur(
  size: number,
  options: { readonly sigma?: readonly [low: number, high: number] } = {},
): Augmentation {
  checkOptions('randomGaussianBlur', options, ['sigma']);
  const range = rangeOf('randomGaussianBlur', 'sigma', options.sigma ?? [0.1, 2]);
  if (!(range[0] > 0)) throw new RangeError(`randomGaussianBlur: sigma must be positive, got ${range[0]}`);
  return (images, key) => gaussianBlur(images, size, perImage(images, range, key));
}
