import { jit } from '../core/jit.ts';
import { type Tensor, tensor } from '../core/tensor.ts';
import { valueAndGrad } from '../core/transforms.ts';
import { Variable } from '../core/variable.ts';
import type { Optimizer } from './optimizer.ts';

/** Where an optimizer went. */
export interface DescentPath {
  /** The start and the point after each step. */
  readonly points: readonly (readonly number[])[];
  /** The function at each of them. */
  readonly values: readonly number[];
}

/**
 * The way of an optimizer down a function of a few numbers: to see what momentum does in a valley, and who leaves a saddle.
 *
 * ```ts
 * const saddle = (p: Tensor) => p.at(0).square().sub(p.at(1).square());
 * descentPath(saddle, [1, 1e-3], (point) => new optim.Adam(point, { lr: 0.1 }), 50).values.at(-1);
 * ```
 *
 * @param f from a vector to a scalar
 * @throws RangeError if steps is not an integer from 0 on
 */
export function descentPath(
  f: (point: Tensor) => Tensor,
  start: readonly number[],
  optimizerOf: (point: Variable) => Optimizer,
  steps = 100,
): DescentPath {
  if (!Number.isInteger(steps) || steps < 0)
    throw new RangeError(`descentPath: steps must be an integer from 0 on, got ${steps}`);
  const point = new Variable(tensor([...start]));
  const optimizer = optimizerOf(point);
  const step = jit(() => {
    const [value, grads] = valueAndGrad(() => f(point.value), [point]);
    optimizer.update(grads);
    return value;
  });
  const points: number[][] = [[...point.value.dataSync()]];
  const values: number[] = [];
  for (let i = 0; i < steps; i++) {
    values.push(step().item());
    points.push([...point.value.dataSync()]);
  }
  values.push(f(point.value).item());
  return { points, values };
}

/** What {@link drawPaths} shows. */
export interface PathPictureOptions {
  /** The part of the plane, `[left, right]`. */
  readonly x: readonly [number, number];
  /** `[bottom, top]`. */
  readonly y: readonly [number, number];
  /** Pixels of the longer side. Default 480. */
  readonly size?: number;
  /** Levels of the shading. Default 16. */
  readonly levels?: number;
}

const inks = ['#d1495b', '#00798c', '#edae49', '#7b4fa3', '#30638e', '#5f8f3a'];

/**
 * Paths on a function of two numbers as an SVG picture: levels shaded from dark (low) to light, a line for each path with a dot at its
 * end, and their names.
 *
 * @throws RangeError if the part of the plane is empty, or a path is not in a plane
 */
export function drawPaths(
  f: (point: Tensor) => Tensor,
  paths: Readonly<Record<string, DescentPath>>,
  options: PathPictureOptions,
): string {
  const { x, y, size = 480, levels = 16 } = options;
  const [wide, high] = [x[1] - x[0], y[1] - y[0]];
  if (!(wide > 0 && high > 0)) throw new RangeError('drawPaths: x and y are [from, to] with from < to');
  const scale = size / Math.max(wide, high);
  const [width, height] = [Math.round(wide * scale), Math.round(high * scale)];
  const cells = 48;
  const at = (i: number, j: number): [number, number] => [
    x[0] + ((i + 0.5) / cells) * wide,
    y[1] - ((j + 0.5) / cells) * high,
  ];
  const measure = jit(f);
  const field = Array.from({ length: cells * cells }, (_, k) =>
    measure(tensor(at(k % cells, Math.floor(k / cells)))).item(),
  );
  // By rank and not by value, so that a steep wall does not make all the rest one shade.
  const sorted = [...field].sort((a, b) => a - b);
  const bounds = Array.from(
    { length: levels - 1 },
    (_, l) => sorted[Math.floor(((l + 1) * field.length) / levels)],
  );
  const [w, h] = [width / cells, height / cells];
  const number = (value: number): string => String(Number(value.toFixed(2)));
  const shades = field.map((value, k) => {
    const level = bounds.filter((bound) => value >= bound).length / Math.max(1, levels - 1);
    const grey = Math.round(70 + 175 * level);
    const place = `x="${number((k % cells) * w)}" y="${number(Math.floor(k / cells) * h)}"`;
    return `<rect ${place} width="${number(w + 0.5)}" height="${number(h + 0.5)}" fill="rgb(${grey},${grey},${grey})"/>`;
  });
  const pixel = (point: readonly number[]): [number, number] => [
    (point[0] - x[0]) * scale,
    (y[1] - point[1]) * scale,
  ];
  const lines = Object.entries(paths).map(([name, { points }], i) => {
    const flat = points.find((point) => point.length !== 2);
    if (flat !== undefined)
      throw new RangeError(`drawPaths: '${name}' has points of ${flat.length} numbers, not 2`);
    const finite = points.filter((point) => point.every(Number.isFinite)).map(pixel);
    const [ex, ey] = finite[finite.length - 1] ?? [0, 0];
    const ink = inks[i % inks.length];
    const label = name.replace(/[&<>]/g, (c) => `&#${c.charCodeAt(0)};`);
    return (
      `<g><title>${label}</title><polyline fill="none" stroke="${ink}" stroke-width="2" points="${finite.map((p) => p.map(number).join()).join(' ')}"/>` +
      `<circle cx="${number(ex)}" cy="${number(ey)}" r="4" fill="${ink}"/>` +
      `<text x="8" y="${18 + 16 * i}" fill="${ink}" stroke="#fff" stroke-width="3" paint-order="stroke" font-family="sans-serif" font-size="14">${label}</text></g>`
    );
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">`,
    ...shades,
    ...lines,
    '</svg>',
  ].join('\n');
}
