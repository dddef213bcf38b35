import { fromData, Tensor } from '../../core/tensor.ts';
import * as g from '../../graph/build.ts';
import type { Node } from '../../graph/node.ts';
import type { Call, Operators } from './call.ts';

/** Resize and Upsample of ONNX, one axis after the other. */

/** Where, on an axis of n elements, the element at `i` of `count` comes from. */
type Coordinate = (i: number, scale: number, n: number, count: number) => number;

const coordinates: Readonly<Record<string, Coordinate>> = {
  half_pixel: (i, scale) => (i + 0.5) / scale - 0.5,
  half_pixel_symmetric: (i, scale, n, count) => {
    const adjustment = count / (scale * n);
    return (n / 2) * (1 - adjustment) + (i + 0.5) / scale - 0.5;
  },
  pytorch_half_pixel: (i, scale, _, count) => (count > 1 ? (i + 0.5) / scale - 0.5 : 0),
  // The length is that before it is cut to an integer, as the reference implementation has it.
  align_corners: (i, scale, n) => (scale * n === 1 ? 0 : (i * (n - 1)) / (scale * n - 1)),
  asymmetric: (i, scale) => i / scale,
};

const roundings: Readonly<Record<string, (x: number) => number>> = {
  round_prefer_floor: (x) => Math.ceil(x - 0.5),
  round_prefer_ceil: (x) => Math.floor(x + 0.5),
  floor: Math.floor,
  ceil: Math.ceil,
};

/** Weights of the elements around a coordinate with fractional part t, from the first offset on. */
const taps: Readonly<
  Record<string, (t: number, a: number) => readonly [first: number, weights: readonly number[]]>
> = {
  linear: (t) => [0, [1 - t, t]],
  // Keys (1981).
  cubic: (t, a) => {
    const near = (x: number): number => ((a + 2) * x - (a + 3)) * x * x + 1;
    const far = (x: number): number => ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
    return [-1, [far(1 + t), near(t), near(1 - t), far(2 - t)]];
  },
};

const clamp = (i: number, n: number): number => Math.min(n - 1, Math.max(0, i));
const indices = (list: readonly number[]): Node =>
  fromData(Int32Array.from(list), [list.length], 'int32').node;

interface Kind {
  readonly mode: string;
  readonly coordinate: Coordinate;
  readonly rounding: (x: number) => number;
  readonly cubic: number;
  readonly excludeOutside: boolean;
}

/** One axis of x with `count` elements instead. */
function resizeAxis(x: Tensor, axis: number, count: number, scale: number, kind: Kind): Tensor {
  const n = x.shape[axis];
  const places = Array.from({ length: count }, (_, i) => kind.coordinate(i, scale, n, count));
  const taken = (list: readonly number[]): Tensor => new Tensor(g.gather(x.node, indices(list), axis));
  if (kind.mode === 'nearest') return taken(places.map((p) => clamp(kind.rounding(p), n)));
  const parts = places.map((place) => {
    const whole = Math.floor(place);
    const [first, given] = taps[kind.mode](place - whole, kind.cubic);
    const at = given.map((_, k) => whole + first + k);
    if (!kind.excludeOutside) return { at, weights: given };
    const inside = given.map((w, k) => (at[k] < 0 || at[k] >= n ? 0 : w));
    const sum = inside.reduce((a, b) => a + b, 0);
    return { at, weights: inside.map((w) => w / sum) };
  });
  const shape = x.shape.map((_, i) => (i === axis ? count : 1));
  return parts[0].weights
    .map((_, k) => {
      const weights = Float32Array.from(parts, (part) => part.weights[k]);
      return taken(parts.map((part) => clamp(part.at[k], n))).mul(
        fromData(weights, shape, 'float32').cast(x.dtype),
      );
    })
    .reduce((a, b) => a.add(b));
}

function resized(call: Call): Tensor {
  const x = call.tensor(0);
  const old = call.opset < 11;
  const axes = (call.ints('axes') ?? x.shape.map((_, i) => i)).map((a) => call.axis(a, x.ndim));
  const at = old ? 1 : 2;
  const scales =
    call.floats('scales') ?? (call.has(at) && call.value(at).shape[0] !== 0 ? call.known(at) : null);
  const sizes = !old && call.has(3) && call.value(3).shape[0] !== 0 ? call.known(3) : null;
  const given = sizes ?? scales ?? call.fail('neither scales nor sizes are given');
  if (given.length !== axes.length) call.fail(`${given.length} scales or sizes for ${axes.length} axes`);
  if (call.int('antialias', 0) !== 0) call.fail('antialias is not supported');
  if (call.string('keep_aspect_ratio_policy', 'stretch') !== 'stretch')
    call.fail('a keep_aspect_ratio_policy other than stretch is not supported');
  const name = call.string('coordinate_transformation_mode', old ? 'asymmetric' : 'half_pixel');
  const rounding = call.string('nearest_mode', old ? 'floor' : 'round_prefer_floor');
  const mode = call.string('mode', 'nearest');
  const kind: Kind = {
    mode,
    coordinate: coordinates[name] ?? call.fail(`the coordinate_transformation_mode ${name} is not supported`),
    rounding: roundings[rounding] ?? call.fail(`there is no nearest_mode ${rounding}`),
    cubic: call.float('cubic_coeff_a', -0.75),
    excludeOutside: call.int('exclude_outside', 0) === 1,
  };
  if (mode !== 'nearest' && !(mode in taps)) call.fail(`the mode ${mode} is not supported`);
  return axes.reduce((y, axis, i) => {
    const n = x.shape[axis];
    const count = sizes === null ? Math.floor(n * given[i]) : given[i];
    if (!(count >= 1 && count <= 2 ** 16) || n === 0) call.fail(`axis ${axis} cannot become ${count} long`);
    const scale = sizes === null ? given[i] : count / n;
    return count === n && scale === 1 ? y : resizeAxis(y, axis, count, scale, kind);
  }, x);
}

export const resize: Operators = { Resize: resized, Upsample: resized };
