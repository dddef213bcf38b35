import { arange } from '../core/create.ts';
import { oneHot } from '../core/free_indexing.ts';
import { checkOptions } from '../core/options.ts';
import * as random from '../core/random.ts';
import { type Tensor, where } from '../core/tensor.ts';
import { isFloat } from '../graph/dtype.ts';
import { type Augmentation, checkImages, checkProbability, rangeOf } from './augment.ts';

/** True inside of one rectangle for each image: [batch, height, width, 1]. Sides are [batch], as ends that do not belong to it. */
function rectangles(
  height: number,
  width: number,
  [top, bottom]: readonly [Tensor, Tensor],
  [left, right]: readonly [Tensor, Tensor],
): Tensor {
  const within = (n: number, low: Tensor, high: Tensor): Tensor => {
    const at = arange(n).reshape([1, n]);
    return at.ge(low.unsqueeze(1)).logicalAnd(at.lt(high.unsqueeze(1)));
  };
  return within(height, top, bottom)
    .unsqueeze(2)
    .logicalAnd(within(width, left, right).unsqueeze(1))
    .unsqueeze(3);
}

const uniform = (batch: number, key: random.Key, i: number, low = 0, high = 1): Tensor =>
  random.uniform([batch], { key: random.foldIn(key, i), low, high });

/** Options of {@link randomErasing}. */
export interface ErasingOptions {
  /** Probability for each image. Default 0.5. */
  readonly p?: number;
  /** Range of the rectangle's part of the image. Default [0.02, 0.33]. */
  readonly scale?: readonly [low: number, high: number];
  /** Range of height over width, uniform in its logarithm. Default [0.3, 3.3]. */
  readonly ratio?: readonly [low: number, high: number];
  /** What is put there. Default 0. */
  readonly value?: number;
}

/**
 * Puts a value into a random rectangle of each image (Zhong et al.: "Random erasing data augmentation", 2017). A side that would be longer
 * than the image is cut to it.
 */
export function randomErasing(options: ErasingOptions = {}): Augmentation {
  checkOptions('randomErasing', options, ['p', 'scale', 'ratio', 'value']);
  const { p = 0.5, scale = [0.02, 0.33], ratio = [0.3, 3.3], value = 0 } = options;
  checkProbability('randomErasing', p);
  rangeOf('randomErasing', 'scale', scale);
  rangeOf('randomErasing', 'ratio', ratio);
  if (scale[0] < 0 || scale[1] > 1 || !(ratio[0] > 0))
    throw new RangeError('randomErasing: scale must lie within 0 to 1, and ratio must be positive');
  return (images, key) => {
    checkImages('randomErasing', images);
    const [batch, height, width] = images.shape;
    const area = uniform(batch, key, 0, scale[0], scale[1]).mul(height * width);
    const aspect = uniform(batch, key, 1, Math.log(ratio[0]), Math.log(ratio[1])).exp();
    const tall = area.mul(aspect).sqrt().round().clip(0, height);
    const wide = area.div(aspect).sqrt().round().clip(0, width);
    // All places at which it fits are equally likely.
    const place = (n: number, size: Tensor, i: number): Tensor =>
      uniform(batch, key, i)
        .mul(size.neg().add(n + 1))
        .floor();
    const [top, left] = [place(height, tall, 2), place(width, wide, 3)];
    const chosen = random.bernoulli(p, [batch, 1, 1, 1], { key: random.foldIn(key, 4) });
    const inside = rectangles(height, width, [top, top.add(tall)], [left, left.add(wide)]);
    return where(inside.logicalAnd(chosen), value, images);
  };
}

/**
 * Puts a value (default 0) into a square of each image, whose centre may be any pixel, so that a part of it may be outside (DeVries and
 * Taylor: "Improved regularization of convolutional neural networks with cutout", 2017).
 */
export function cutout(size: number, options: { readonly value?: number } = {}): Augmentation {
  checkOptions('cutout', options, ['value']);
  if (!Number.isInteger(size) || size < 0)
    throw new Error(`cutout: size must be a natural number, got ${size}`);
  return (images, key) => {
    checkImages('cutout', images);
    const [batch, height, width] = images.shape;
    const sides = (n: number, i: number): readonly [Tensor, Tensor] => {
      const first = uniform(batch, key, i)
        .mul(n)
        .floor()
        .sub(Math.floor(size / 2));
      return [first, first.add(size)];
    };
    return where(rectangles(height, width, sides(height, 0), sides(width, 1)), options.value ?? 0, images);
  };
}

/** Options of {@link mixup} and {@link cutmix}. */
export interface MixOptions {
  /** The parts are drawn from Beta(alpha, alpha). Default 1: uniform. */
  readonly alpha?: number;
  /** Number of classes, where labels are integers [batch]. */
  readonly classes?: number;
}

/** Labels as probabilities [batch, classes]. */
function probabilities(
  name: string,
  images: Tensor,
  labels: Tensor,
  { alpha = 1, classes }: MixOptions,
): Tensor {
  if (!(alpha > 0)) throw new RangeError(`${name}: alpha must be positive, got ${alpha}`);
  const isFitting = labels.shape[0] === images.shape[0];
  if (isFitting && labels.ndim === 2 && isFloat(labels.dtype)) return labels;
  if (!isFitting || labels.ndim !== 1 || isFloat(labels.dtype) || classes === undefined)
    throw new Error(
      `${name}: labels must be probabilities [batch, classes], or integers [batch] together with the option classes; got ` +
        `${labels.dtype}[${labels.shape.join(', ')}] for ${images.shape[0]} images`,
    );
  return oneHot(labels, classes).cast('float32');
}

/** `part * labels + (1 - part) * those of the partners`; part is [batch]. */
const mixed = (labels: Tensor, partners: Tensor, part: Tensor): Tensor => {
  const own = part.unsqueeze(1);
  return own.mul(labels).add(own.neg().add(1).mul(labels.take(partners)));
};

/**
 * Each image and its label mixed with another of the batch, `l x + (1 - l) x'` with l from Beta(alpha, alpha) for each (Zhang et al.: "mixup:
 * beyond empirical risk minimization", 2017).
 *
 * @returns images, and labels as probabilities [batch, classes], for a cross-entropy that takes those
 */
export function mixup(
  images: Tensor,
  labels: Tensor,
  key: random.Key,
  options: MixOptions = {},
): [Tensor, Tensor] {
  checkOptions('mixup', options, ['alpha', 'classes']);
  checkImages('mixup', images);
  const target = probabilities('mixup', images, labels, options);
  const [batch] = images.shape;
  const { alpha = 1 } = options;
  const part = random.beta(alpha, alpha, [batch], { key: random.foldIn(key, 0) });
  const partners = random.permutation(batch, { key: random.foldIn(key, 1) });
  const own = part.reshape([batch, 1, 1, 1]);
  return [own.mul(images).add(own.neg().add(1).mul(images.take(partners))), mixed(target, partners, part)];
}

/**
 * A rectangle of each image taken from another of the batch, of about the part 1 - l, l from Beta(alpha, alpha), with the image's ratio of sides
 * and any pixel as centre; labels are mixed by the areas that there are (Yun et al.: "CutMix", 2019).
 *
 * @returns images, and labels as probabilities [batch, classes]
 */
export function cutmix(
  images: Tensor,
  labels: Tensor,
  key: random.Key,
  options: MixOptions = {},
): [Tensor, Tensor] {
  checkOptions('cutmix', options, ['alpha', 'classes']);
  checkImages('cutmix', images);
  const target = probabilities('cutmix', images, labels, options);
  const [batch, height, width] = images.shape;
  const { alpha = 1 } = options;
  const side = random
    .beta(alpha, alpha, [batch], { key: random.foldIn(key, 0) })
    .neg()
    .add(1)
    .sqrt();
  const partners = random.permutation(batch, { key: random.foldIn(key, 1) });
  const sides = (n: number, i: number): readonly [Tensor, Tensor] => {
    const [centre, half] = [uniform(batch, key, i).mul(n).floor(), side.mul(n / 2)];
    return [centre.sub(half).round().clip(0, n), centre.add(half).round().clip(0, n)];
  };
  const [rows, columns] = [sides(height, 2), sides(width, 3)];
  const inside = rectangles(height, width, rows, columns);
  const area = rows[1].sub(rows[0]).mul(columns[1].sub(columns[0]));
  const part = area
    .div(height * width)
    .neg()
    .add(1);
  return [where(inside, images.take(partners), images), mixed(target, partners, part)];
}
