import { checkOptions } from '../core/options.ts';
import * as random from '../core/random.ts';
import { stack, type Tensor, tensor, where } from '../core/tensor.ts';
import { type Augmentation, checkImages, perImage, type Range, rangeOf } from './augment.ts';

/** Changes of colour, with the definitions of torchvision. Images have elements from 0 to 1, and keep them. */

/** A factor for all images, or one for each as [batch] or [batch, 1, 1, 1]. */
export type Factor = number | Tensor;

const factorOf = (factor: Factor): Tensor =>
  (typeof factor === 'number' ? tensor([factor]) : factor).reshape([-1, 1, 1, 1]);

/** `factor * images + (1 - factor) * other`, cut off to 0..1. */
function blend(images: Tensor, other: Tensor | number, factor: Factor): Tensor {
  const part = factorOf(factor);
  return part.mul(images).add(part.neg().add(1).mul(other)).clip(0, 1);
}

/** Luma of ITU-R 601-2, [batch, height, width, 1]; of one channel that itself. */
function luma(name: string, images: Tensor): Tensor {
  if (images.shape[3] === 1) return images;
  checkImages(name, images, 3);
  return images.mul(tensor([0.2989, 0.587, 0.114])).sum(3, { keepDims: true });
}

/** Images times a factor, from 0 (black) on. */
export function adjustBrightness(images: Tensor, factor: Factor): Tensor {
  checkImages('adjustBrightness', images);
  return blend(images, 0, factor);
}

/** Images blended with the mean of their luma: 0 is grey all over, 1 changes nothing. */
export function adjustContrast(images: Tensor, factor: Factor): Tensor {
  checkImages('adjustContrast', images);
  return blend(images, luma('adjustContrast', images).mean([1, 2, 3], { keepDims: true }), factor);
}

/** Images blended with their luma: 0 is black and white, 1 changes nothing. */
export function adjustSaturation(images: Tensor, factor: Factor): Tensor {
  checkImages('adjustSaturation', images);
  return blend(images, luma('adjustSaturation', images), factor);
}

/** Turns the hue by a part of the colour circle, -0.5 to 0.5; grey images stay as they are. */
export function adjustHue(images: Tensor, shift: Factor): Tensor {
  checkImages('adjustHue', images);
  if (images.shape[3] === 1) return images;
  checkImages('adjustHue', images, 3);
  const [r, g, b] = images.unbind(3);
  const [value, least] = [images.max(3), images.min(3)];
  const chroma = value.sub(least);
  const safe = where(chroma.eq(0), 1, chroma);
  // The hue as a number from 0 to 6, from the channel that is largest.
  const sector = where(
    value.eq(r),
    g.sub(b).div(safe),
    where(value.eq(g), b.sub(r).div(safe).add(2), r.sub(g).div(safe).add(4)),
  );
  const hue = sector.add(factorOf(shift).squeeze(3).mul(6));
  const turned = [5, 3, 1].map((start) => {
    // A trapezoid over the circle: full, falling, without, rising.
    const at = hue.add(start);
    const place = at.sub(at.div(6).floor().mul(6));
    return value.sub(chroma.mul(place.minimum(place.neg().add(4)).clip(0, 1)));
  });
  return stack(turned, 3).clip(0, 1);
}

/** Options of {@link colorJitter}: a number f stands for factors 1 - f (at least 0) to 1 + f. */
export interface ColorJitterOptions {
  /** Default 0. */
  readonly brightness?: Range;
  /** Default 0. */
  readonly contrast?: Range;
  /** Default 0. */
  readonly saturation?: Range;
  /** A range within -0.5 to 0.5; a number h stands for -h to h. Default 0. */
  readonly hue?: Range;
}

/**
 * Random brightness, contrast, saturation and hue for each image, in this order (torchvision shuffles it). Images have elements from
 * 0 to 1.
 */
export function colorJitter(options: ColorJitterOptions): Augmentation {
  const names = ['brightness', 'contrast', 'saturation', 'hue'] as const;
  checkOptions('colorJitter', options, names);
  const steps = {
    brightness: adjustBrightness,
    contrast: adjustContrast,
    saturation: adjustSaturation,
    hue: adjustHue,
  };
  const ranges = names.map((name) => {
    const given = options[name] ?? 0;
    const isHue = name === 'hue';
    const range: Range =
      typeof given === 'number' && !isHue ? [Math.max(0, 1 - given), given < 0 ? -1 : 1 + given] : given;
    const [low, high] = rangeOf('colorJitter', name, range);
    if (isHue ? low < -0.5 || high > 0.5 : low < 0)
      throw new RangeError(
        `colorJitter: ${name} must lie ${isHue ? 'within -0.5 to 0.5' : 'at 0 or above'}, got ${JSON.stringify(given)}`,
      );
    return [low, high] as const;
  });
  return (images, key) => {
    checkImages('colorJitter', images);
    return names.reduce((x, name, i) => {
      const neutral = name === 'hue' ? 0 : 1;
      if (ranges[i].every((end) => end === neutral)) return x;
      return steps[name](x, perImage(x, ranges[i], random.foldIn(key, i)));
    }, images);
  };
}

/** Options of {@link pcaColor}. */
export interface PcaColorOptions {
  /** Standard deviation of the three coefficients of each image. Default 0.1. */
  readonly std?: number;
  /** How much each component counts. Default: those of ImageNet, for images from 0 to 1. */
  readonly eigenvalues?: readonly number[];
  /** Components as columns. Default: those of ImageNet. */
  readonly eigenvectors?: readonly (readonly number[])[];
}

/**
 * Adds one colour to each image, random along the principal components of the colours of the data: `sum of p_i (a_i lambda_i)` with normal
 * a_i (Krizhevsky, Sutskever, Hinton: "ImageNet classification with deep convolutional neural networks", 2012).
 */
export function pcaColor(options: PcaColorOptions = {}): Augmentation {
  checkOptions('pcaColor', options, ['std', 'eigenvalues', 'eigenvectors']);
  const {
    std = 0.1,
    eigenvalues = [0.2175, 0.0188, 0.0045],
    eigenvectors = [
      [-0.5675, 0.7192, 0.4009],
      [-0.5808, -0.0045, -0.814],
      [-0.5836, -0.6948, 0.4203],
    ],
  } = options;
  if (!(std >= 0)) throw new RangeError(`pcaColor: std must be >= 0, got ${std}`);
  const components = eigenvalues.length;
  if (eigenvectors.some((row) => row.length !== components))
    throw new Error(
      `pcaColor: each row of eigenvectors needs ${components} numbers, one for each eigenvalue`,
    );
  return (images, key) => {
    checkImages('pcaColor', images, eigenvectors.length);
    const weights = random
      .normal([images.shape[0], components], { key })
      .mul(std)
      .mul(tensor([...eigenvalues]));
    const colors = weights.matmul(tensor(eigenvectors.map((row) => [...row])).transpose());
    return images.add(colors.unsqueeze(1).unsqueeze(1));
  };
}
