import { foldIn, type HostKey, keyOf } from '../core/threefry.ts';
import { DataError, type Dataset } from './dataset.ts';
import { Draws } from './draws.ts';
import { fashionMnistClasses } from './mnist.ts';

/** Image side in pixels, as in Fashion-MNIST. */
const side = 28;
/** Samples of a pixel along each axis. */
const samples = 2;

/** A patch of cloth: its outline, x and y alternating on paper of 100 by 100 units, y down, and its brightness. */
interface Patch {
  readonly outline: readonly number[];
  readonly tone: number;
}

const patch = (text: string, tone = 1): Patch => ({ outline: text.split(/[ ,]+/).map(Number), tone });

/** A patch that is its own mirror image, from the right half of its outline, x counted from the middle. */
const symmetric = (text: string, tone = 1): Patch => {
  const right = text.split(' ').map((point) => point.split(',').map(Number));
  const left = [...right].reverse().map(([x, y]) => [-x, y]);
  return { outline: [...right, ...left].flatMap(([x, y]) => [50 + x, y]), tone };
};

/** The ten classes of Fashion-MNIST as paper dolls wear them; where patches lie over each other the last one is seen. */
const patterns: readonly (readonly Patch[])[] = [
  // T-shirt, trouser, pullover, dress, coat
  [symmetric('9,13 25,15 46,34 37,46 27,37 27,90')],
  [symmetric('19,5 21,30 25,96 9,96 3,38')],
  [symmetric('9,12 25,15 46,76 36,82 27,42 27,88'), symmetric('9,12 9,16', 0.5)],
  [symmetric('7,5 15,6 14,26 11,42 27,96')],
  [symmetric('8,6 26,11 44,72 35,78 28,42 30,96'), symmetric('1.5,14 1.5,96', 0.25)],
  // sandal, shirt, sneaker, bag, boot
  [
    patch('4,76 40,72 96,76 96,84 50,84 4,88'),
    patch('8,76 28,44 36,44 18,76', 0.8),
    patch('50,74 62,52 70,54 60,74', 0.8),
    patch('74,75 84,60 90,63 82,75', 0.8),
  ],
  [
    symmetric('11,11 24,14 41,58 32,63 26,40 27,92'),
    symmetric('0.5,30 9,11', 0.2),
    symmetric('1.5,30 1.5,92', 0.6),
  ],
  [patch('4,46 20,42 40,47 60,58 92,64 97,74 96,81 4,81'), patch('4,76 96,76 96,81 4,81', 0.6)],
  [
    patch('28,42 34,18 66,18 72,42'),
    patch('34,42 38,25 62,25 66,42', 0),
    patch('12,40 88,40 93,88 7,88'),
    patch('7,58 93,58 93,61 7,61', 0.5),
  ],
  [patch('12,8 44,8 47,50 90,64 97,78 96,86 10,86'), patch('10,81 96,81 96,86 10,86', 0.5)],
];

/** How much the pieces vary. */
const variation = {
  /** Standard deviation of every corner, in units of the paper. */
  corner: 2.6,
  width: [0.66, 1.1],
  height: [0.72, 1.1],
  /** Standard deviation of the shear dx/dy. */
  slant: 0.09,
  /** Standard deviation of the centre, in units of the paper. */
  shift: 4,
  /** Grey of the cloth, of white. */
  cloth: [0.25, 1],
  /** Largest depth of stripes, of the cloth; in every second piece. */
  stripes: 0.8,
  /** Largest peak-to-peak noise, of white. */
  noise: 0.35,
} as const;

/**
 * Generated clothing: silhouettes of the ten classes of Fashion-MNIST, 28x28, bright on black, for training and demonstrating without
 * any files. Shirts, coats, pullovers and T-shirts differ in sleeves, length and collar and are hard to tell apart when the cloth is dark or
 * striped, as in the original; otherwise it is easier. Every image is a function of the seed, the part and its index alone, computed
 * with exactly rounded operations only, so every machine makes the same bytes. Classes are balanced.
 *
 * @param options.train number of training images, default 10,000
 * @param options.test number of test images, default 2,000
 * @param options.seed an integer from -2^31 to 2^53 - 1, default 0
 * @throws DataError when a number of images is not an integer from 0 to 1,000,000
 * @throws RangeError when the seed is not such an integer
 */
export function garments({ train = 10_000, test = 2_000, seed = 0 } = {}): { train: Dataset; test: Dataset } {
  for (const [part, count] of Object.entries({ train, test }))
    if (!Number.isInteger(count) || count < 0 || count > 1e6)
      throw new DataError(
        `garments: ${part}: ${count} is not a number of images; choose an integer from 0 to 1,000,000`,
      );
  const key = keyOf(seed);
  return { train: draw('train', train, foldIn(key, 0)), test: draw('test', test, foldIn(key, 1)) };
}

function draw(part: string, count: number, key: HostKey): Dataset {
  const images = new Uint8Array(count * side * side);
  // Any ten neighbours hold each class once.
  const labels = Uint8Array.from({ length: count }, (_, i) => (i * 7) % 10);
  for (let i = 0; i < count; i++)
    drawGarment(
      patterns[labels[i]],
      new Draws(key, i),
      images.subarray(i * side * side, (i + 1) * side * side),
    );
  const named = { name: `garments ${part}`, classNames: fashionMnistClasses };
  return { ...named, count, shape: [side, side, 1], classes: 10, images, labels };
}

function drawGarment(pattern: readonly Patch[], draws: Draws, image: Uint8Array): void {
  // Shoes point either way.
  const width = draws.between(...variation.width) * (draws.below(2) === 0 ? 1 : -1);
  const height = draws.between(...variation.height);
  const slant = draws.bell(variation.slant);
  const [right, down] = [draws.bell(variation.shift), draws.bell(variation.shift)];
  const cloth = draws.between(...variation.cloth);
  const depth = draws.below(2) === 0 ? draws.between(0, variation.stripes) : 0;
  const period = 2 + draws.below(4);
  const level = draws.between(0, 1);
  const amplitude = variation.noise * level * level;
  const isAcross = draws.below(2) === 0;
  const tones = new Float64Array((side * samples) ** 2);
  for (const { outline, tone } of pattern) {
    const corners = outline.map((v, i) => {
      const shaky = v + draws.bell(variation.corner);
      return i % 2 === 0
        ? 50 + right + (shaky - 50 + slant * (outline[i + 1] - 50)) * width
        : 50 + down + (shaky - 50) * height;
    });
    fill(corners, tone, tones);
  }
  for (let row = 0; row < side; row++)
    for (let column = 0; column < side; column++) {
      let tone = 0;
      for (let i = 0; i < samples; i++)
        for (let j = 0; j < samples; j++)
          tone += tones[(row * samples + i) * side * samples + column * samples + j];
      tone /= samples * samples;
      const stripe = (isAcross ? row : column) % (2 * period) < period ? 1 - depth : 1;
      const grey = tone * cloth * stripe + (tone > 0 ? amplitude * draws.between(-0.5, 0.5) : 0);
      image[row * side + column] = Math.floor(Math.max(0, Math.min(1, grey)) * 255 + 0.5);
    }
}

/** Gives a tone to all samples inside of an outline: those from which a ray to the right crosses it an odd number of times. */
function fill(corners: readonly number[], tone: number, tones: Float64Array): void {
  const across = side * samples;
  const points = corners.length / 2;
  for (let row = 0; row < across; row++) {
    const y = ((row + 0.5) * 100) / across;
    const crossings: number[] = [];
    for (let i = 0; i < points; i++) {
      const k = (i + 1) % points;
      const [ax, ay, bx, by] = [corners[2 * i], corners[2 * i + 1], corners[2 * k], corners[2 * k + 1]];
      if (ay <= y !== by <= y) crossings.push(ax + ((y - ay) / (by - ay)) * (bx - ax));
    }
    crossings.sort((a, b) => a - b);
    for (let i = 0; i + 1 < crossings.length; i += 2) {
      const first = Math.max(0, Math.ceil((crossings[i] * across) / 100 - 0.5));
      const last = Math.min(across - 1, Math.floor((crossings[i + 1] * across) / 100 - 0.5));
      for (let column = first; column <= last; column++) tones[row * across + column] = tone;
    }
  }
}
