import { erf } from '../graph/erf.ts';
import { checkOptions } from './options.ts';
import {
  drawShape,
  floatType,
  type Key,
  nextKey,
  type Parameter,
  type RandomOptions,
  randomOptions,
  requireNumber,
  unit,
} from './random_keys.ts';
import { type Tensor, where } from './tensor.ts';

/** Distributions on the line whose draws are functions of one uniform number: they differentiate by their parameters. */

/** The smallest positive normal number, and the distance from 1 to the numbers above and below. */
const limits = {
  float32: { tiny: 2 ** -126, above: 2 ** -23, below: 2 ** -24 },
  float64: { tiny: 2 ** -1022, above: 2 ** -52, below: 2 ** -53 },
} as const;

/**
 * Uniform floats in [low, high), `low + (high - low) u` with 23 random bits in float32 and 52 in float64. Bounds may be arrays. Rounding
 * may give `high` itself where the span is wide against its distance from 0.
 */
export function uniform(
  shape: readonly number[],
  options: RandomOptions & { low?: Parameter; high?: Parameter } = {},
): Tensor {
  checkOptions('random.uniform', options, ['low', 'high', ...randomOptions]);
  const { low = 0, high = 1, key } = options;
  const dtype = floatType('uniform', options.dtype, low, high);
  const u = unit(drawShape('uniform', shape, low, high), key ?? nextKey(), dtype);
  if (low === 0 && high === 1) return u;
  if (typeof low === 'number' && typeof high === 'number')
    return u
      .mul(dtype === 'float32' ? Math.fround(high - low) : high - low)
      .add(low)
      .maximum(low);
  const span = typeof high === 'number' ? (low as Tensor).neg().add(high) : high.sub(low);
  return u.mul(span).add(low).maximum(low).cast(dtype);
}

/** `location + scale * z`. */
function shifted(z: Tensor, location: Parameter, scale: Parameter): Tensor {
  const scaled = scale === 1 ? z : z.mul(scale);
  return (location === 0 ? scaled : scaled.add(location)).cast(z.dtype);
}

/** Options of distributions with a location and a scale. */
export interface LocationScaleOptions extends RandomOptions {
  /** Default 0. */
  loc?: Parameter;
  /** Default 1. */
  scale?: Parameter;
}

/** Draws `loc + scale * standard(u)` with u uniform in [low, 1). */
function located(
  name: string,
  shape: readonly number[],
  options: LocationScaleOptions,
  low: (limit: (typeof limits)['float32' | 'float64']) => number,
  standard: (u: Tensor) => Tensor,
): Tensor {
  checkOptions(`random.${name}`, options, ['loc', 'scale', ...randomOptions]);
  const { loc = 0, scale = 1, key, dtype } = options;
  requireNumber(name, 'the scale must be >= 0', scale, (x) => x >= 0);
  const type = floatType(name, dtype, loc, scale);
  const size = drawShape(name, shape, loc, scale);
  const u = uniform(size, { key, dtype: type, low: low(limits[type]), high: 1 });
  return shifted(standard(u), loc, scale);
}

/** Normal with the given mean and standard deviation (0 and 1 by default), by the inverse error function. */
export function normal(
  shape: readonly number[],
  options: RandomOptions & { mean?: Parameter; std?: Parameter } = {},
): Tensor {
  checkOptions('random.normal', options, ['mean', 'std', ...randomOptions]);
  const { mean = 0, std = 1, dtype, key } = options;
  const type = floatType('normal', dtype, mean, std);
  const size = drawShape('normal', shape, mean, std);
  // The open interval: the smallest number above -1, as the inverse error function of -1 is infinite.
  const low = type === 'float32' ? -0.99999994 : limits[type].below - 1;
  const u = uniform(size, { key, low, high: 1, dtype: type });
  return shifted(fromUniform(u), mean, std);
}

/** Standard normals from numbers between -1 and 1. */
const fromUniform = (u: Tensor): Tensor =>
  u.dtype === 'float64' ? u.erfinv().mul(Math.SQRT2) : erfInverse(u).mul(Math.fround(Math.SQRT2));

/**
 * Normal, of which only what lies between `low` and `high` (-2 and 2 by default, in standard deviations from the mean) is drawn:
 * `mean + std * sqrt(2) erfinv(u)`, u uniform between erf(low / sqrt(2)) and erf(high / sqrt(2)). As those are numbers near 1
 * far from the mean, an interval on one side beyond 4 is drawn coarsely in float32, and beyond 5.4 not at all (its end is returned); in
 * float64 that is beyond 7 and 8.2.
 */
export function truncatedNormal(
  shape: readonly number[],
  options: RandomOptions & { low?: Parameter; high?: Parameter; mean?: Parameter; std?: Parameter } = {},
): Tensor {
  checkOptions('random.truncatedNormal', options, ['low', 'high', 'mean', 'std', ...randomOptions]);
  const { low = -2, high = 2, mean = 0, std = 1, dtype, key } = options;
  if (typeof low === 'number' && typeof high === 'number' && !(low < high))
    throw new Error(`random.truncatedNormal: low must be below high, got ${low} and ${high}`);
  const type = floatType('truncatedNormal', dtype, low, high, mean, std);
  const size = drawShape('truncatedNormal', shape, low, high, mean, std);
  const most = 1 - limits[type].below;
  const edge = (x: Parameter): Parameter => {
    if (typeof x !== 'number') return x.cast(type).div(Math.SQRT2).erf().maximum(-most).minimum(most);
    const e = Math.max(-most, Math.min(most, erf(x / Math.SQRT2)));
    return type === 'float32' ? Math.fround(e) : e;
  };
  const z = fromUniform(uniform(size, { key, low: edge(low), high: edge(high), dtype: type }));
  return shifted(z.maximum(low).minimum(high), mean, std);
}

/** Inverse error function in float32: Giles (2010), "Approximating the erfinv function". */
export function erfInverse(x: Tensor): Tensor {
  const central = [
    2.81022636e-8, 3.43273939e-7, -3.5233877e-6, -4.39150654e-6, 0.00021858087, -0.00125372503,
    -0.00417768164, 0.246640727, 1.50140941,
  ];
  const tail = [
    -0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773, -0.0076224613,
    0.00943887047, 1.00167406, 2.83297682,
  ];
  const w = x.neg().mul(x).log1p().neg();
  const near = w.lt(5);
  const t = where(near, w.sub(2.5), w.sqrt().sub(3));
  let p = where(near, central[0], tail[0]);
  for (let i = 1; i < central.length; i++) p = where(near, central[i], tail[i]).add(p.mul(t));
  return p.mul(x);
}

/** Gumbel (type I extreme value), `loc - scale log(-log u)`: density exp(-(z + exp(-z))) / scale, z = (x - loc) / scale. */
export const gumbel = (shape: readonly number[], options: LocationScaleOptions = {}): Tensor =>
  located(
    'gumbel',
    shape,
    options,
    ({ tiny }) => tiny,
    (u) => u.log().neg().log().neg(),
  );

/** Laplace: density exp(-|x - loc| / scale) / (2 scale). */
export const laplace = (shape: readonly number[], options: LocationScaleOptions = {}): Tensor =>
  located(
    'laplace',
    shape,
    options,
    ({ below }) => below - 1,
    (u) => u.sign().mul(u.abs().neg().log1p()),
  );

/** Logistic, `loc + scale log(u / (1 - u))`: distribution function 1 / (1 + exp(-(x - loc) / scale)). */
export const logistic = (shape: readonly number[], options: LocationScaleOptions = {}): Tensor =>
  located(
    'logistic',
    shape,
    options,
    ({ tiny }) => tiny,
    (u) => u.log().sub(u.neg().log1p()),
  );

/** Cauchy, `loc + scale tan(pi (u - 1/2))`: density 1 / (pi scale (1 + z^2)), z = (x - loc) / scale. No mean, no variance. */
export const cauchy = (shape: readonly number[], options: LocationScaleOptions = {}): Tensor =>
  located(
    'cauchy',
    shape,
    options,
    ({ above }) => above,
    (u) => {
      const angle = u.sub(0.5).mul(Math.PI);
      return angle.sin().div(angle.cos());
    },
  );

/** Exponential with the given rate (1 by default), `-log(1 - u) / rate`: density rate exp(-rate x), mean 1 / rate. */
export function exponential(
  shape: readonly number[],
  options: RandomOptions & { rate?: Parameter } = {},
): Tensor {
  checkOptions('random.exponential', options, ['rate', ...randomOptions]);
  const { rate = 1, key, dtype } = options;
  requireNumber('exponential', 'the rate must be > 0', rate, (x) => x > 0);
  const type = floatType('exponential', dtype, rate);
  const z = unit(drawShape('exponential', shape, rate), key ?? nextKey(), type)
    .neg()
    .log1p()
    .neg();
  return rate === 1 ? z : z.div(rate).cast(type);
}

/** Weibull, `scale (-log(1 - u))^(1 / concentration)`: distribution function 1 - exp(-(x / scale)^concentration). */
export function weibull(
  concentration: Parameter,
  shape?: readonly number[],
  options: RandomOptions & { scale?: Parameter } = {},
): Tensor {
  const { scale = 1, key, dtype } = options;
  requireNumber('weibull', 'the concentration must be > 0', concentration, (x) => x > 0);
  const type = floatType('weibull', dtype, concentration, scale);
  const size = drawShape('weibull', shape, concentration, scale);
  const z = unit(size, key ?? nextKey(), type)
    .neg()
    .log1p()
    .neg();
  const power = typeof concentration === 'number' ? 1 / concentration : concentration.reciprocal();
  return shifted(z.pow(power), 0, scale);
}

/** Pareto, `scale (1 - u)^(-1 / concentration)`: distribution function 1 - (scale / x)^concentration from scale (default 1) on. */
export function pareto(
  concentration: Parameter,
  shape?: readonly number[],
  options: RandomOptions & { scale?: Parameter } = {},
): Tensor {
  const { scale = 1, key, dtype } = options;
  requireNumber('pareto', 'the concentration must be > 0', concentration, (x) => x > 0);
  const type = floatType('pareto', dtype, concentration, scale);
  const size = drawShape('pareto', shape, concentration, scale);
  const z = unit(size, key ?? nextKey(), type)
    .neg()
    .log1p()
    .neg();
  return shifted(z.div(concentration).exp(), 0, scale);
}

/** -1 or 1, each with probability 1/2; float32 by default. */
export const rademacher = (
  shape: readonly number[],
  { key, dtype = 'float32' }: RandomOptions & { key?: Key } = {},
): Tensor => uniform(shape, { key }).lt(0.5).cast(dtype).mul(2).sub(1);
