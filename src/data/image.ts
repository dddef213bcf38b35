import { DataError } from './dataset.ts';

/** An image in memory, one byte a channel. `stackExamples` makes batches of images of one size. */
export interface Image {
  /** [height, width, channels]: 1 grey, 2 grey and alpha, 3 red, green, blue, 4 these and alpha. */
  readonly shape: readonly [height: number, width: number, channels: number];
  /** 0..255, row-major with channels last. */
  readonly data: Uint8Array;
}

/**
 * Checks that an image has some pixels, 1 to 4 channels, and as many bytes as its shape says.
 *
 * @throws DataError when it has not
 */
export function checkImage(caller: string, { shape, data }: Image): void {
  const [height, width, channels] = shape;
  const areCounts = shape.length === 3 && shape.every((extent) => Number.isInteger(extent) && extent >= 1);
  if (!areCounts || channels > 4)
    throw new DataError(
      `${caller}: an image is [height, width, channels] with 1 to 4 channels, got [${shape.join(', ')}]`,
    );
  if (data.length !== height * width * channels)
    throw new DataError(
      `${caller}: an image of [${shape.join(', ')}] takes ${height * width * channels} bytes, got ${data.length}`,
    );
}
