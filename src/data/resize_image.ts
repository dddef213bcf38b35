import { checkImage, type Image } from './image.ts';

/** How {@link resizeImage} finds pixels between pixels. */
export type ResizeFilter = 'nearest' | 'bilinear' | 'bicubic';

interface Kernel {
  readonly support: number;
  readonly weight: (distance: number) => number;
}

const kernels: Readonly<Record<Exclude<ResizeFilter, 'nearest'>, Kernel>> = {
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  // Cubic convolution with a = -0.5 (Keys 1981).
  bicubic: {
    support: 2,
    weight: (distance) => {
      const x = Math.abs(distance);
      if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
      return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
    },
  },
};

/** Weights are integers of 22 bits behind the point, as in Pillow: then results do not depend on the processor. */
const precision = 22;

/** For each new pixel the first old one that it is made of, and the weights of that and the following ones. */
interface Mix {
  readonly first: Int32Array;
  readonly weights: readonly Int32Array[];
}

/**
 * An image of another size, bit for bit as Pillow's `Image.resize` (and so torchvision's `Resize` of a PIL image): smaller images are
 * averages over all the pixels that a new one covers, which is what `antialias` is elsewhere.
 *
 * @param filter default `bilinear`
 * @throws RangeError when the size is not one of positive integers
 */
export function resizeImage(
  image: Image,
  size: readonly [height: number, width: number],
  filter: ResizeFilter = 'bilinear',
): Image {
  checkImage('resizeImage', image);
  const [height, width] = size;
  if (!(Number.isInteger(height) && Number.isInteger(width) && height > 0 && width > 0))
    throw new RangeError(
      `resizeImage: the size must be [height, width] of positive integers, got [${size.join(', ')}]`,
    );
  if (filter === 'nearest') return nearest(image, height, width);
  const kernel = kernels[filter];
  if (kernel === undefined)
    throw new RangeError(
      `resizeImage: the filter must be 'nearest', 'bilinear' or 'bicubic', got '${String(filter)}'`,
    );
  const wide =
    width === image.shape[1] ? image : mixColumns(image, width, mixOf(image.shape[1], width, kernel));
  return height === wide.shape[0] ? wide : mixRows(wide, height, mixOf(wide.shape[0], height, kernel));
}

function nearest({ shape, data }: Image, height: number, width: number): Image {
  const [rows, columns, channels] = shape;
  const out = new Uint8Array(height * width * channels);
  for (let y = 0, to = 0; y < height; y++) {
    const row = Math.floor((y + 0.5) * (rows / height)) * columns;
    for (let x = 0; x < width; x++) {
      const from = (row + Math.floor((x + 0.5) * (columns / width))) * channels;
      for (let c = 0; c < channels; c++) out[to++] = data[from + c];
    }
  }
  return { shape: [height, width, channels], data: out };
}

function mixOf(from: number, to: number, { support, weight }: Kernel): Mix {
  const scale = from / to;
  const spread = Math.max(1, scale);
  const first = new Int32Array(to);
  const weights = Array.from({ length: to }, (_, i) => {
    const centre = (i + 0.5) * scale;
    const low = Math.max(0, Math.trunc(centre - support * spread + 0.5));
    const high = Math.min(from, Math.trunc(centre + support * spread + 0.5));
    first[i] = low;
    const raw = Array.from({ length: high - low }, (_, k) => weight((k + low - centre + 0.5) * (1 / spread)));
    const sum = raw.reduce((a, b) => a + b, 0);
    return Int32Array.from(raw, (w) => {
      const exact = (w / sum) * 2 ** precision;
      return Math.trunc(exact + (exact < 0 ? -0.5 : 0.5));
    });
  });
  return { first, weights };
}

/** A byte of a sum of weighted bytes. */
const rounded = (sum: number): number =>
  Math.max(0, Math.min(255, (sum + 2 ** (precision - 1)) >> precision));

function mixColumns({ shape, data }: Image, width: number, { first, weights }: Mix): Image {
  const [height, columns, channels] = shape;
  const out = new Uint8Array(height * width * channels);
  for (let y = 0, to = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const own = weights[x];
      const start = (y * columns + first[x]) * channels;
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        for (let k = 0, at = start + c; k < own.length; k++, at += channels) sum += data[at] * own[k];
        out[to++] = rounded(sum);
      }
    }
  return { shape: [height, width, channels], data: out };
}

function mixRows({ shape, data }: Image, height: number, { first, weights }: Mix): Image {
  const [, width, channels] = shape;
  const stride = width * channels;
  const out = new Uint8Array(height * stride);
  const sums = new Int32Array(stride);
  for (let y = 0; y < height; y++) {
    sums.fill(0);
    for (let k = 0, at = first[y] * stride; k < weights[y].length; k++, at += stride) {
      const w = weights[y][k];
      for (let i = 0; i < stride; i++) sums[i] += data[at + i] * w;
    }
    for (let i = 0; i < stride; i++) out[y * stride + i] = rounded(sums[i]);
  }
  return { shape: [height, width, channels], data: out };
}

/**
 * The middle of an image as torchvision's `CenterCrop`: what is beyond the edges of the image is black (and, with four channels, transparent).
 *
 * @throws RangeError when the size is not one of positive integers
 */
export function centerCrop(image: Image, size: readonly [height: number, width: number]): Image {
  checkImage('centerCrop', image);
  const [height, width] = size;
  if (!(Number.isInteger(height) && Number.isInteger(width) && height > 0 && width > 0))
    throw new RangeError(
      `centerCrop: the size must be [height, width] of positive integers, got [${size.join(', ')}]`,
    );
  const [rows, columns, channels] = image.shape;
  const [top, left] = [begin(rows, height), begin(columns, width)];
  const out = new Uint8Array(height * width * channels);
  const [x0, x1] = [Math.max(0, left), Math.min(columns, left + width)];
  for (let y = Math.max(0, top); y < Math.min(rows, top + height); y++) {
    const row = image.data.subarray((y * columns + x0) * channels, (y * columns + x1) * channels);
    out.set(row, ((y - top) * width + x0 - left) * channels);
  }
  return { shape: [height, width, channels], data: out };
}

/** Where the middle part begins: half of what is left over, halves to even numbers; of what is missing a half, rounded down, is before. */
function begin(extent: number, wanted: number): number {
  const over = extent - wanted;
  if (over < 0) return -Math.trunc(-over / 2);
  const half = over / 2;
  const down = Math.floor(half);
  return half === down ? down : down + (down % 2);
}
