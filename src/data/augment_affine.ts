import { fromFunction } from '../core/create.ts';
import { gridSample } from '../core/grid_sample.ts';
import { checkOptions } from '../core/options.ts';
import * as random from '../core/random.ts';
import { stack, type Tensor, tensor } from '../core/tensor.ts';
import { type Augmentation, checkImages, type Range, rangeOf } from './augment.ts';
import { withGeometry } from './geometry.ts';

/** An affine map of images about their centres; each a number, or one for each image, [batch]. */
export interface AffineMap {
  /** Rotation in degrees, clockwise as one sees it. Default 0. */
  readonly angle?: number | Tensor;
  /** Magnification. Default 1. */
  readonly scale?: number | Tensor;
  /** Shear along x and y in degrees, before the rotation. Default 0, 0. */
  readonly shear?: readonly [x: number | Tensor, y: number | Tensor];
  /** Shift to the right and down, in pixels. Default 0, 0. */
  readonly translate?: readonly [x: number | Tensor, y: number | Tensor];
}

/** How pixels are read. */
export interface ReadingOptions {
  /** Default `bilinear`. */
  readonly mode?: 'bilinear' | 'nearest';
  /** What lies outside. Default `zeros`. */
  readonly paddingMode?: 'zeros' | 'border' | 'reflection';
}

/**
 * Images moved by `translate + rotation(angle) * shear * scale` about their centres, with torchvision's conventions:
 * the shear is `[[1, 0], [-tan y, 1]]` after `[[1, -tan x], [0, 1]]`. Each pixel is read where the inverse map says.
 */
export function affine(images: Tensor, map: AffineMap, options: ReadingOptions = {}): Tensor {
  checkImages('affine', images);
  checkOptions('affine', map, ['angle', 'scale', 'shear', 'translate']);
  checkOptions('affine', options, ['mode', 'paddingMode']);
  const [batch, height, width] = images.shape;
  const m = inverseOf(map, height, width).map((part) => part.reshape([-1, 1, 1]));
  const [x, y] = [fromFunction((_, j) => j, [height, width]), fromFunction((i) => i, [height, width])];
  const place = (k: number, extent: number): Tensor =>
    x
      .mul(m[k])
      .add(y.mul(m[k + 1]))
      .add(m[k + 2])
      // From pixels to the grid's -1 to 1.
      .add(0.5)
      .mul(2 / extent)
      .sub(1);
  const grid = stack([place(0, width), place(3, height)], -1);
  return gridSample(images, grid.broadcastTo([batch, height, width, 2]), options);
}

/**
 * The inverse of a map of images of a size: pixel (X, Y) is read at `x = m0 X + m1 Y + m2, y = m3 X + m4 Y + m5`, each m [batch] or
 * [1].
 */
function inverseOf(map: AffineMap, height: number, width: number): Tensor[] {
  const each = (value: number | Tensor): Tensor =>
    (typeof value === 'number' ? tensor([value]) : value).reshape([-1]);
  const radians = (value: number | Tensor): Tensor => each(value).mul(Math.PI / 180);
  const { angle = 0, scale = 1, shear = [0, 0], translate = [0, 0] } = map;
  const [turn, kx, ky] = [radians(angle), radians(shear[0]).tan(), radians(shear[1]).tan()];
  const [cos, sin] = [turn.cos(), turn.sin()];
  // Turned back, unsheared in the opposite order, made smaller.
  const [yx, yy] = [cos.mul(ky).sub(sin), sin.mul(ky).add(cos)];
  const [xx, xy] = [yx.mul(kx).add(cos), yy.mul(kx).add(sin)];
  const [centreX, centreY] = [(width - 1) / 2, (height - 1) / 2];
  const [fromX, fromY] = [each(translate[0]).add(centreX), each(translate[1]).add(centreY)];
  const row = (a: Tensor, b: Tensor, centre: number): Tensor[] => {
    const [p, q] = [a.div(each(scale)), b.div(each(scale))];
    return [p, q, p.mul(fromX).add(q.mul(fromY)).neg().add(centre)];
  };
  return [...row(xx, xy, centreX), ...row(yx, yy, centreY)];
}

/** Options of {@link randomAffine}. */
export interface AffineOptions extends ReadingOptions {
  /** Rotation in degrees, a range. Default 0. */
  readonly degrees?: Range;
  /** Largest shift as parts of width and height; one number for both. Default 0. */
  readonly translate?: number | readonly [x: number, y: number];
  /** A range of magnifications. Default [1, 1]. */
  readonly scale?: readonly [low: number, high: number];
  /** Shear along x in degrees, a range; `{ x, y }` for both. Default 0. */
  readonly shear?: Range | { readonly x?: Range; readonly y?: Range };
}

/** A random {@link affine} map for each image, all parameters uniform on their ranges. */
export function randomAffine(options: AffineOptions): Augmentation {
  checkOptions('randomAffine', options, ['degrees', 'translate', 'scale', 'shear', 'mode', 'paddingMode']);
  const { degrees = 0, translate = 0, scale = [1, 1], shear = 0, mode, paddingMode } = options;
  const sheared: { readonly x?: Range; readonly y?: Range } =
    typeof shear === 'object' && !Array.isArray(shear)
      ? (shear as { x?: Range; y?: Range })
      : { x: shear as Range };
  const shift = typeof translate === 'number' ? [translate, translate] : translate;
  if (shift.some((part) => !(part >= 0 && part <= 1)))
    throw new RangeError(`randomAffine: translate must be parts from 0 to 1, got ${shift.join(', ')}`);
  const ranges = {
    angle: rangeOf('randomAffine', 'degrees', degrees),
    scale: rangeOf('randomAffine', 'scale', scale),
    shearX: rangeOf('randomAffine', 'shear', sheared.x ?? 0),
    shearY: rangeOf('randomAffine', 'shear', sheared.y ?? 0),
  };
  if (!(ranges.scale[0] > 0))
    throw new RangeError(`randomAffine: scale must be positive, got ${ranges.scale}`);
  const drawn = (key: random.Key, [batch, height, width]: readonly [number, number, number]): AffineMap => {
    // A range of one number needs no draws.
    const draw = ([low, high]: readonly [number, number], i: number): number | Tensor =>
      low === high ? low : random.uniform([batch], { key: random.foldIn(key, i), low, high });
    return {
      angle: draw(ranges.angle, 0),
      scale: draw(ranges.scale, 1),
      shear: [draw(ranges.shearX, 2), draw(ranges.shearY, 3)],
      translate: [
        draw([-shift[0] * width, shift[0] * width], 4),
        draw([-shift[1] * height, shift[1] * height], 5),
      ],
    };
  };
  const changed: Augmentation = (images, key) => {
    checkImages('randomAffine', images);
    const [batch, height, width] = images.shape;
    return affine(images, drawn(key, [batch, height, width]), { mode, paddingMode });
  };
  if ((mode ?? 'bilinear') !== 'bilinear' || (paddingMode ?? 'zeros') !== 'zeros') return changed;
  return withGeometry(changed, (key, size) => {
    const columns = inverseOf(drawn(key, size), size[1], size[2]).map((part) => part.broadcastTo([size[0]]));
    return [{ change: { kind: 'affine' }, draws: stack(columns, 1), identity: [1, 0, 0, 0, 1, 0] }];
  });
}

/** Turns each image about its centre by a random angle in degrees, from a range (10: -10 to 10). */
export const randomRotation = (degrees: Range, options: ReadingOptions = {}): Augmentation =>
  randomAffine({ ...options, degrees });
