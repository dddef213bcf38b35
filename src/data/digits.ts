import { foldIn, type HostKey, keyOf } from '../core/threefry.ts';
import { DataError, type Dataset } from './dataset.ts';
import { Draws } from './draws.ts';
import { Ink } from './ink.ts';
import { type Glyph, glyphs, smoothCurve } from './strokes.ts';

/** Image side in pixels, as in MNIST. */
const side = 28;
/** Height of an average digit in pixels, as in MNIST. */
const digitHeight = 19;
/** Line segments between two knots. */
const pieces = 5;

/** How much each property of the handwriting varies from image to image. */
const variation = {
  /** Standard deviation of every knot, in glyph heights: shaky proportions. */
  knot: 0.008,
  /** Standard deviation of the 4x4 control points of the free-form warp, in glyph heights: curvature. */
  warp: 0.045,
  /** Height over the average height. */
  height: [0.83, 1.1],
  /** Width over height, relative to the glyph's own. */
  aspect: [0.88, 1.22],
  /** Standard deviation of the shear dx/dy: slant to either side, more often to the right. */
  slant: 0.115,
  meanSlant: 0.1,
  /** Standard deviation of tan(angle / 2) of a rotation. */
  turn: 0.04,
  /** Standard deviation of the centre, in pixels. */
  shift: 1.7,
  /** Pen radius in pixels. */
  radius: [0.95, 1.5],
  /** Largest relative change of the radius from one end of a stroke to the other. */
  taper: 0.3,
  /** How far a stroke may start late (negative: early) or end early, in glyph heights. */
  ends: [-0.05, 0.05],
  /** Width of the grey edge in pixels. */
  softness: [1, 1.7],
  /** Grey of full ink. */
  pressure: [0.8, 1],
  /** Largest peak-to-peak noise of paper and sensor, of full white. */
  noise: 0.12,
} as const;

/** A flattened stroke: points with x and y alternating. */
type Line = number[];

/**
 * Generated handwriting: images of the ten digits, 28x28, white on black, for training and demonstrating without
 * any files. Every image is drawn from stroke skeletons ({@link glyphs}: three to five ways to write each digit)
 * with its own slant, size, aspect, turn, shift, curvature, pen width, pressure, stroke ends and noise. It is a
 * function of the seed, the part (training or test) and the image's index alone, computed with exactly rounded
 * operations only (+ - * / sqrt), so every machine makes the same bytes, and a larger set begins with the smaller
 * one. Classes are balanced: any ten images from a multiple of ten on contain each digit once.
 *
 * @param options.train number of training images, default 10,000
 * @param options.test number of test images, default 2,000
 * @param options.seed an integer from -2^31 to 2^53 - 1, default 0
 * @throws DataError when a number of images is not an integer from 0 to 1,000,000
 * @throws RangeError when the seed is not such an integer
 */
export function digits({ train = 10_000, test = 2_000, seed = 0 } = {}): { train: Dataset; test: Dataset } {
  for (const [part, count] of Object.entries({ train, test })) {
    if (!Number.isInteger(count) || count < 0 || count > 1e6) {
      throw new DataError(
        `digits: ${part}: ${count} is not a number of images; choose an integer from 0 to 1,000,000`,
      );
    }
  }
  const key = keyOf(seed);
  return { train: draw('train', train, foldIn(key, 0)), test: draw('test', test, foldIn(key, 1)) };
}

function draw(part: string, count: number, key: HostKey): Dataset {
  const images = new Uint8Array(count * side * side);
  const labels = new Uint8Array(count);
  const ink = new Ink(side, side);
  // The order of the ten digits within each ten images has streams above those of the images.
  for (let start = 0; start < count; start += 10) {
    const order = shuffledDigits(new Draws(key, 2 ** 31 + start / 10));
    labels.set(order.slice(0, Math.min(10, count - start)), start);
  }
  for (let i = 0; i < count; i++) {
    drawDigit(labels[i], new Draws(key, i), ink, images.subarray(i * side * side, (i + 1) * side * side));
  }
  return { name: `digits ${part}`, count, shape: [side, side, 1], classes: 10, images, labels };
}

function shuffledDigits(draws: Draws): number[] {
  const order = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
  for (let i = 9; i > 0; i--) {
    const j = draws.below(i + 1);
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

function drawDigit(digit: number, draws: Draws, ink: Ink, image: Uint8Array): void {
  const forms = glyphs[digit];
  const lines = write(forms[draws.below(forms.length)], draws);
  warp(lines, draws);
  for (const line of lines) {
    moveEnd(line, draws.between(...variation.ends));
    reverse(line);
    moveEnd(line, draws.between(...variation.ends));
  }
  const radius = draws.between(...variation.radius);
  place(lines, radius * (1 + variation.taper), draws);
  const softness = draws.between(...variation.softness);
  ink.clear();
  for (const line of lines) trace(line, radius, draws.between(-1, 1) * variation.taper, softness, ink);
  develop(ink, softness, draws, image);
}

/** The glyph's strokes as polylines, glyph height 1, with shaky knots. */
function write(glyph: Glyph, draws: Draws): Line[] {
  return glyph.map((stroke) => {
    const line: Line = [];
    let corner: [number, number] | null = null;
    for (const run of stroke) {
      const knots: number[] = [];
      for (const [x, y] of run) {
        // The run after a corner starts exactly where the one before ended.
        const shaky: [number, number] =
          knots.length === 0 && corner !== null
            ? corner
            : [x / 100 + draws.bell(variation.knot), y / 100 + draws.bell(variation.knot)];
        knots.push(...shaky);
        corner = shaky;
      }
      smoothCurve(knots, pieces, line);
    }
    return line;
  });
}

/**
 * Bends the paper: moves every point by the tensor-product cubic Bernstein polynomial of random displacements on
 * a 4x4 grid (free-form deformation, Sederberg and Parry, 1986), so that strokes that touch still touch.
 */
function warp(lines: Line[], draws: Draws): void {
  const grid: number[] = [];
  for (let i = 0; i < 32; i++) grid.push(draws.bell(variation.warp));
  for (const line of lines) {
    for (let i = 0; i < line.length; i += 2) {
      const across = bernstein(line[i] / 0.65);
      const down = bernstein(line[i + 1]);
      let dx = 0;
      let dy = 0;
      for (let row = 0; row < 4; row++) {
        for (let column = 0; column < 4; column++) {
          const weight = down[row] * across[column];
          dx += weight * grid[8 * row + 2 * column];
          dy += weight * grid[8 * row + 2 * column + 1];
        }
      }
      line[i] += dx;
      line[i + 1] += dy;
    }
  }
}

const bernstein = (t: number): [number, number, number, number] => {
  const s = 1 - t;
  return [s * s * s, 3 * s * s * t, 3 * s * t * t, t * t * t];
};

/** Cuts `amount` off the end of a line; a negative amount extends it straight on. */
function moveEnd(line: Line, amount: number): void {
  let left = amount;
  while (line.length > 4) {
    const end = line.length;
    const dx = line[end - 2] - line[end - 4];
    const dy = line[end - 1] - line[end - 3];
    const length = Math.sqrt(dx * dx + dy * dy);
    if (left < length) {
      const part = length > 0 ? left / length : 0;
      line[end - 2] -= dx * part;
      line[end - 1] -= dy * part;
      return;
    }
    left -= length;
    line.length -= 2;
  }
}

function reverse(line: Line): void {
  for (let i = 0, j = line.length - 2; i < j; i += 2, j -= 2) {
    [line[i], line[j]] = [line[j], line[i]];
    [line[i + 1], line[j + 1]] = [line[j + 1], line[i + 1]];
  }
}

/**
 * Slants, turns, scales and moves the lines from glyph units to pixels, so that a pen of this radius stays a pixel away
 * from the image's border.
 */
function place(lines: Line[], pen: number, draws: Draws): void {
  const height = draws.between(...variation.height);
  const aspect = draws.between(...variation.aspect);
  const slant = variation.meanSlant + draws.bell(variation.slant);
  // A rotation from the tangent of half its angle: no sines, whose last bits differ between machines.
  const half = draws.bell(variation.turn);
  const cos = (1 - half * half) / (1 + half * half);
  const sin = (2 * half) / (1 + half * half);
  for (const line of lines) {
    for (let i = 0; i < line.length; i += 2) {
      const x = (line[i] - slant * (line[i + 1] - 0.5)) * aspect;
      const y = line[i + 1];
      line[i] = cos * x - sin * y;
      line[i + 1] = sin * x + cos * y;
    }
  }
  const box = boundingBox(lines);
  // The warp has changed the height: fit it again, then shrink what would not fit into the image.
  const room = side - 2 * pen - 2;
  let scale = (digitHeight * height) / (box.bottom - box.top);
  scale = Math.min(scale, room / (box.bottom - box.top), room / (box.right - box.left));
  const halfWidth = ((box.right - box.left) / 2) * scale + pen + 1;
  const halfHeight = ((box.bottom - box.top) / 2) * scale + pen + 1;
  const centreX = clamp(side / 2 + draws.bell(variation.shift), halfWidth, side - halfWidth);
  const centreY = clamp(side / 2 + draws.bell(variation.shift), halfHeight, side - halfHeight);
  for (const line of lines) {
    for (let i = 0; i < line.length; i += 2) {
      line[i] = (line[i] - (box.left + box.right) / 2) * scale + centreX;
      line[i + 1] = (line[i + 1] - (box.top + box.bottom) / 2) * scale + centreY;
    }
  }
}

const clamp = (value: number, low: number, high: number): number => Math.max(low, Math.min(high, value));

function boundingBox(lines: Line[]): { left: number; right: number; top: number; bottom: number } {
  const box = { left: 1e9, right: -1e9, top: 1e9, bottom: -1e9 };
  for (const line of lines) {
    for (let i = 0; i < line.length; i += 2) {
      box.left = Math.min(box.left, line[i]);
      box.right = Math.max(box.right, line[i]);
      box.top = Math.min(box.top, line[i + 1]);
      box.bottom = Math.max(box.bottom, line[i + 1]);
    }
  }
  return box;
}

/** Draws a line whose pen radius goes from `radius * (1 - taper)` to `radius * (1 + taper)`. */
function trace(line: Line, radius: number, taper: number, softness: number, ink: Ink): void {
  const points = line.length / 2;
  const radiusAt = (point: number): number => radius * (1 + taper * ((2 * point) / (points - 1) - 1));
  for (let i = 1; i < points; i++) {
    const [ax, ay, bx, by] = [line[2 * i - 2], line[2 * i - 1], line[2 * i], line[2 * i + 1]];
    ink.segment(ax, ay, radiusAt(i - 1), bx, by, radiusAt(i), softness / 2);
  }
}

/** Ink to bytes: coverage times pressure, plus noise. */
function develop(ink: Ink, softness: number, draws: Draws, image: Uint8Array): void {
  const pressure = draws.between(...variation.pressure);
  // Square of a uniform: most images are clean.
  const level = draws.between(0, 1);
  const amplitude = (variation.noise * level * level) / 255;
  let word = 0;
  for (let i = 0; i < image.length; i++) {
    // Four bytes of noise from each word.
    word = i % 4 === 0 ? draws.word() : word >>> 8;
    const grey = ink.coverage(i, softness) * pressure + amplitude * ((word & 255) - 127.5);
    image[i] = grey <= 0 ? 0 : grey >= 1 ? 255 : Math.floor(grey * 255 + 0.5);
  }
}
