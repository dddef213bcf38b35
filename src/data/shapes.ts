import { foldIn, type HostKey, keyOf } from '../core/threefry.ts';
import { DataError, type Dataset } from './dataset.ts';
import { Draws } from './draws.ts';

/** Names of the classes of {@link shapes}. */
export const shapeClasses = ['disc', 'ring', 'square', 'triangle', 'cross', 'star'] as const;

/** How {@link shapes} are drawn. */
export interface ShapesOptions {
  /** Number of training images. Default 6,000. */
  readonly train?: number;
  /** Number of test images. Default 1,200. */
  readonly test?: number;
  /** Pixels of a side, 8 to 256. Default 32. */
  readonly side?: number;
  /** Three channels, with random colours; else one, bright on dark. Default true. */
  readonly color?: boolean;
  /** Default 0. */
  readonly seed?: number;
}

/**
 * Generated images of shapes: data synthesis, where augmentation would only vary what there is. Each has a shape of random size, place, angle
 * and colour on a background of another colour, with a gradient of light and noise. An image is a function of the seed, the part and its
 * index alone, the same on every machine; any six images from a multiple of six on have each shape once.
 *
 * ```ts
 * const { train, test } = shapes({ train: 600, side: 24 });
 * ```
 *
 * @throws DataError when a number is out of range
 */
export function shapes(options: ShapesOptions = {}): { train: Dataset; test: Dataset } {
  const { train = 6000, test = 1200, side = 32, color = true, seed = 0 } = options;
  for (const [what, value, least, most] of [
    ['train', train, 0, 1e6],
    ['test', test, 0, 1e6],
    ['side', side, 8, 256],
  ] as const)
    if (!Number.isInteger(value) || value < least || value > most)
      throw new DataError(`shapes: ${what} must be an integer from ${least} to ${most}, got ${value}`);
  const key = keyOf(seed);
  const make = (part: string, count: number, own: HostKey): Dataset => {
    const channels = color ? 3 : 1;
    const size = side * side * channels;
    const images = new Uint8Array(count * size);
    const labels = new Uint8Array(count);
    for (let i = 0; i < count; i++) {
      // Each six have their own order.
      const order = shuffled(new Draws(own, 2 ** 31 + Math.floor(i / 6)));
      labels[i] = order[i % 6];
      draw(labels[i], new Draws(own, i), side, channels, images.subarray(i * size, (i + 1) * size));
    }
    return {
      ...{
        name: `shapes ${part}`,
        count,
        classes: shapeClasses.length,
        classNames: shapeClasses,
        images,
        labels,
      },
      shape: [side, side, channels],
    };
  };
  return { train: make('train', train, foldIn(key, 0)), test: make('test', test, foldIn(key, 1)) };
}

function shuffled(draws: Draws): number[] {
  const order = shapeClasses.map((_, i) => i);
  for (let i = order.length - 1; i > 0; i--) {
    const j = draws.below(i + 1);
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

function draw(shape: number, draws: Draws, side: number, channels: number, image: Uint8Array): void {
  const radius = side * draws.between(0.22, 0.38);
  const free = side / 2 - radius;
  const [cx, cy] = [side / 2 + draws.between(-free, free), side / 2 + draws.between(-free, free)];
  const [cos, sin] = direction(draws);
  const [paper, ink] = colors(draws, channels);
  const [lightX, lightY] = [draws.between(-0.2, 0.2), draws.between(-0.2, 0.2)];
  for (let row = 0; row < side; row++)
    for (let column = 0; column < side; column++) {
      const [dx, dy] = [(column + 0.5 - cx) / radius, (row + 0.5 - cy) / radius];
      // In the shape's own axes, where its radius is 1; depth in pixels, positive inside.
      const depth = radius * depthOf[shape](cos * dx + sin * dy, cos * dy - sin * dx);
      const cover = Math.max(0, Math.min(1, depth + 0.5));
      const light = 1 + lightX * (column / side - 0.5) + lightY * (row / side - 0.5);
      for (let c = 0; c < channels; c++) {
        const value = (paper[c] + (ink[c] - paper[c]) * cover) * light + draws.bell(6);
        image[(row * side + column) * channels + c] = Math.max(0, Math.min(255, Math.round(value)));
      }
    }
}

/** Cosine and sine of a random angle, by exactly rounded operations: a point in the disc, scaled to the circle. */
function direction(draws: Draws): [number, number] {
  for (;;) {
    const [x, y] = [draws.between(-1, 1), draws.between(-1, 1)];
    const length = Math.sqrt(x * x + y * y);
    if (length > 0.1 && length <= 1) return [x / length, y / length];
  }
}

/** Two colours that differ by a third of white in brightness, at least. */
function colors(draws: Draws, channels: number): [number[], number[]] {
  for (;;) {
    const one = Array.from({ length: channels }, () => draws.between(20, 235));
    const other = Array.from({ length: channels }, () => draws.between(20, 235));
    const mean = (color: number[]): number => color.reduce((sum, value) => sum + value, 0) / channels;
    if (Math.abs(mean(one) - mean(other)) < 85) continue;
    return channels === 1 && one[0] > other[0] ? [other, one] : [one, other];
  }
}

/** How deep a point lies inside of a polygon's edges, each a line `nx x + ny y = d` that faces outwards. */
const insideOf =
  (edges: readonly (readonly [nx: number, ny: number, d: number])[]) =>
  (x: number, y: number): number =>
    edges.reduce((least, [nx, ny, d]) => Math.min(least, d - nx * x - ny * y), Infinity);

const half = 0.5;
const tall = Math.sqrt(3) / 2;
const triangle = insideOf([
  [0, 1, half],
  [tall, -half, half],
  [-tall, -half, half],
]);

/** Depths of points inside of the shapes, in units of their radius; in the order of {@link shapeClasses}. */
const depthOf: readonly ((x: number, y: number) => number)[] = [
  (x, y) => 1 - Math.sqrt(x * x + y * y),
  (x, y) => 0.22 - Math.abs(Math.sqrt(x * x + y * y) - 0.78),
  (x, y) => 0.74 - Math.max(Math.abs(x), Math.abs(y)),
  triangle,
  (x, y) => {
    const [long, short] = [Math.max(Math.abs(x), Math.abs(y)), Math.min(Math.abs(x), Math.abs(y))];
    return Math.min(0.95 - long, 0.27 - short);
  },
  // Two triangles, one upside down.
  (x, y) => Math.max(triangle(x, y), triangle(x, -y)),
];
