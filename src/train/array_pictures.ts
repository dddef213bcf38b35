import type { Tensor } from '../core/tensor.ts';
import type { Image } from '../data/image.ts';

/**
 * The pictures in an array: [height, width], [height, width, channels], or [pictures, height, width, channels]. Floats are
 * from 0 to 1, integers from 0 to 255; what is beyond is cut off, NaN is black.
 *
 * @throws RangeError for other shapes
 */
export function picturesOf(images: Tensor): Image[] {
  const { shape, dtype } = images;
  const [count, height, width, channels] =
    shape.length === 4 ? shape : shape.length === 3 ? [1, ...shape] : [1, ...shape, 1];
  if (shape.length < 2 || shape.length > 4 || channels < 1 || channels > 4)
    throw new RangeError(
      `picture: an array [${shape.join(', ')}] is no image; it must be [height, width], [height, width, channels] or [images, height, width, channels] with 1 to 4 channels`,
    );
  const values = images.dataSync();
  const scale = dtype.startsWith('float') || dtype === 'bool' ? 255 : 1;
  const bytes = rounded(values, scale, 0);
  const size = height * width * channels;
  return Array.from({ length: count }, (_, i) => ({
    shape: [height, width, channels],
    data: bytes.subarray(i * size, (i + 1) * size),
  }));
}

/** Bytes nearest to `scale * (value - least)`; NaN is 0. */
const rounded = (values: ArrayLike<number>, scale: number, least: number): Uint8Array =>
  new Uint8Array(Uint8ClampedArray.from(values, (value) => scale * (value - least)).buffer);

/**
 * The filters of a convolution as pictures: of a weight [out, height, width, in] one per output, each stretched so that its least
 * value is black and its largest white. Of 3 inputs the picture has colours, of others it is their mean.
 *
 * @throws RangeError for other shapes
 */
export function filterPictures(weight: Tensor): Image[] {
  if (weight.ndim !== 4)
    throw new RangeError(
      `filterPictures: the weight must be [out, height, width, in], got [${weight.shape.join(', ')}]`,
    );
  const [out, height, width, inputs] = weight.shape;
  const channels = inputs === 3 ? 3 : 1;
  const values = weight.dataSync();
  return Array.from({ length: out }, (_, filter) => {
    const pixels = Array.from({ length: height * width * channels }, (_, i) => {
      if (channels === 3) return values[filter * height * width * 3 + i];
      const start = (filter * height * width + i) * inputs;
      let sum = 0;
      for (let j = 0; j < inputs; j++) sum += values[start + j];
      return sum / inputs;
    });
    const [least, most] = [Math.min(...pixels), Math.max(...pixels)];
    const data =
      most > least ? rounded(pixels, 255 / (most - least), least) : new Uint8Array(pixels.length).fill(128);
    return { shape: [height, width, channels], data };
  });
}

/** Pictures of one size in rows and columns, with gaps of a pixel, as one. */
export function gridOf(pictures: readonly Image[], columns = Math.ceil(Math.sqrt(pictures.length))): Image {
  if (pictures.length === 0) throw new RangeError('gridOf: there are no pictures');
  const { shape } = pictures[0];
  const [height, width, channels] = shape;
  if (pictures.some((picture) => picture.shape.join() !== shape.join()))
    throw new RangeError('gridOf: pictures must be of one size and number of channels');
  const rows = Math.ceil(pictures.length / columns);
  const [wide, high] = [columns * (width + 1) - 1, rows * (height + 1) - 1];
  const data = new Uint8Array(wide * high * channels);
  pictures.forEach((picture, i) => {
    const left = (i % columns) * (width + 1);
    const top = Math.floor(i / columns) * (height + 1);
    for (let y = 0; y < height; y++)
      data.set(
        picture.data.subarray(y * width * channels, (y + 1) * width * channels),
        ((top + y) * wide + left) * channels,
      );
  });
  return { shape: [high, wide, channels], data };
}
