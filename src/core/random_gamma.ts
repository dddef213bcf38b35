import { whileLoop } from './control.ts';
import { customJvp } from './custom.ts';
import { normal } from './random_continuous.ts';
import {
  drawShape,
  filled,
  floatType,
  type Key,
  nextKey,
  type Parameter,
  type RandomOptions,
  requireNumber,
  split,
  unit,
} from './random_keys.ts';
import { type Tensor, where } from './tensor.ts';
import { stopGradient } from './transforms.ts';

/** The gamma distribution and those that are made of it. */

/**
 * Logarithms of gamma draws of the given concentrations, by Marsaglia and Tsang (2000), "A simple method for generating gamma variables":
 * `d v` with `v = (1 + x / sqrt(9 d))^3`, d = a - 1/3, x normal, is kept with a probability near 1, or drawn anew. Below 1, a draw for
 * a + 1 times u^(1 / a), which only the logarithm can hold when a is small. NaN where a is not above 0.
 */
function drawLogGamma(a: Tensor, key: Key): Tensor {
  const dtype = a.dtype as 'float32' | 'float64';
  const [loopKey, boostKey] = [0, 1].map((i) => split(key).at(i));
  const valid = a.gt(0).logicalAnd(a.lt(Infinity));
  const isSmall = a.lt(1);
  const d = where(valid, where(isSmall, a.add(1), a), 1).sub(1 / 3);
  const c = d.mul(9).rsqrt();
  const { logV } = whileLoop(
    ({ left }) => left.any(),
    (state) => {
      const [next, forX, forU] = [0, 1, 2].map((i) => split(state.key, 3).at(i));
      const x = normal(a.shape, { key: forX, dtype });
      const u = unit(a.shape, forU, dtype);
      const step = c.mul(x);
      // v - 1 and its logarithm without cancellation; NaN, which no comparison accepts, where v is negative.
      const excess = step.mul(step.mul(step.add(3)).add(3));
      const logV = excess.log1p();
      const bound = x
        .mul(x)
        .mul(0.5)
        .add(d.mul(logV.sub(excess)));
      const accept = state.left.logicalAnd(u.neg().log1p().lt(bound));
      return {
        key: next,
        left: state.left.logicalAnd(accept.logicalNot()),
        logV: where(accept, logV, state.logV),
      };
    },
    { key: loopKey, left: valid, logV: where(valid, a.mul(0), NaN) },
  );
  const boost = unit(a.shape, boostKey, dtype).neg().log1p().div(a);
  return logV.add(d.log()).add(where(isSmall, boost, 0));
}

/** `digamma(x) = d log gamma(x) / dx` for x > 0 in double: its asymptotic series, ten steps further on. */
function digamma(x: Tensor): Tensor {
  let steps = x.mul(0);
  for (let i = 0; i < 10; i++) steps = steps.add(x.add(i).reciprocal());
  const y = x.add(10);
  const r = y.mul(y).reciprocal();
  const series = r
    .mul(r.mul(r.mul(1 / 240).sub(1 / 252)).add(1 / 120))
    .sub(1 / 12)
    .neg()
    .mul(r);
  return y.log().sub(y.reciprocal().mul(0.5)).sub(series).sub(steps);
}

/** From this concentration on, derivatives come from the asymptotic form. */
const asymptoticFrom = 60;

/**
 * With the power series F(z; a) = z F' sum of t_n, t_n = z^n / (a (a + 1) .. (a + n)), and p = digamma(a + n + 1): of order 1 the sum of
 * t_n (p - log z), which is -(dF / da) / (z F'); of order 2 that of t_n ((p - log z)^2 - dp / da), the second derivative over z F'.
 */
function seriesSum(a: Tensor, logZ: Tensor, order: 1 | 2): Tensor {
  const z = logZ.exp();
  const smallest = a.reciprocal().mul(1e-17);
  const weighted = (term: Tensor, psi: Tensor, slope: Tensor | undefined): Tensor => {
    const distance = psi.sub(logZ);
    return term.mul(slope === undefined ? distance : distance.square().sub(slope));
  };
  const [term, psi] = [a.reciprocal(), digamma(a.add(1))];
  const slopes = order === 1 ? [] : [a.add(1).polygamma(1)];
  const [sum] = whileLoop(
    // Terms fall from n = z on.
    ([, n, t]) => n.lt(z).logicalOr(t.gt(smallest)).any(),
    ([total, before, t, p, ...rest]) => {
      const n = before.add(1);
      const step = a.add(n).reciprocal();
      const [next, nextPsi] = [t.mul(z).mul(step), p.add(step)];
      const nextSlopes = rest.map((slope) => slope.sub(step.square()));
      return [total.add(weighted(next, nextPsi, nextSlopes[0])), n, next, nextPsi, ...nextSlopes];
    },
    [weighted(term, psi, slopes[0]), a.mul(0), term, psi, ...slopes],
  );
  return sum;
}

/** logGammaSlope for concentrations that are not large, with derivatives of its own, for the loop has none in reverse. */
const seriesSlope = customJvp(
  (a: Tensor, logZ: Tensor) => seriesSum(a, logZ, 1),
  ([a, logZ], [da, dLogZ], slope) => {
    // The derivative of log(z F') by a is log z - digamma(a), by log z it is a - z.
    const distance = digamma(a).sub(logZ);
    const byA = slope.mul(distance).sub(seriesSum(a, logZ, 2));
    const byLogZ = distance.sub(slope.mul(a.sub(logZ.exp())));
    return da.mul(byA).add(dLogZ.mul(byLogZ));
  },
);

/**
 * The derivative of log z by the concentration a at a fixed value of the distribution function F(z; a): `-(dF / da) / (z dF / dz)` (implicit
 * reparameterization; Figurnov, Mohamed and Mnih 2018). By the power series of F, all in double.
 */
function logGammaSlope(concentration: Tensor, logZ: Tensor): Tensor {
  const [a, log] = [concentration.cast('float64'), logZ.cast('float64')];
  const valid = a.gt(0).logicalAnd(log.abs().lt(Infinity));
  const isLarge = a.ge(asymptoticFrom);
  const bySeries = valid.logicalAnd(isLarge.logicalNot());
  const large = where(isLarge.logicalAnd(valid), a, asymptoticFrom);
  const slope = where(
    isLarge,
    asymptoticSlope(large, where(isLarge.logicalAnd(valid), log, large.log())),
    seriesSlope(where(bySeries, a, 1), where(bySeries, log, 0)),
  );
  return where(valid, slope, NaN).cast(concentration.dtype);
}

/**
 * The same for large a from F(z; a) = Phi(r + log(u / r) / r) with r = eta sqrt(a), u = (l - 1) sqrt(a), l = z / a and
 * eta^2 / 2 = l - 1 - log l, whose error is of the order a^(-3/2) (Barndorff-Nielsen 1986; Temme 1979 for eta).
 */
function asymptoticSlope(a: Tensor, log: Tensor): Tensor {
  const logL = log.sub(a.log());
  const d = logL.expm1();
  const isNear = d.abs().lt(1e-3);
  const far = where(isNear, 1, d);
  const ratio = where(
    isNear,
    d
      .mul(7 / 36)
      .sub(1 / 3)
      .mul(d)
      .add(1),
    far
      .sub(where(isNear, Math.LN2, logL))
      .mul(2)
      .sqrt()
      .div(far.abs()),
  );
  const eta = d.mul(ratio);
  const farEta = where(isNear, 1, eta);
  const h = where(isNear, eta.mul(-1 / 36).add(1 / 3), ratio.log().neg().div(farEta));
  // d l / d eta = eta l / (l - 1)
  const change = ratio.mul(d.add(1));
  const hChange = where(isNear, -1 / 36, change.div(far).sub(farEta.reciprocal()).sub(h).div(farEta));
  const etaSlope = eta.sub(h.div(a)).div(hChange.div(a).add(1)).mul(-0.5);
  return d.add(1).add(change.mul(etaSlope)).div(d.add(1)).div(a);
}

const logGammaOf = customJvp(
  (a: Tensor, key: Key) => drawLogGamma(stopGradient(a), key),
  ([a], [change], logZ) => change.mul(logGammaSlope(a, logZ)),
);

/** Logarithms of standard gamma draws of a shape. */
const logGamma = (
  name: string,
  what: string,
  a: Parameter,
  shape: readonly number[],
  dtype: 'float32' | 'float64',
  key: Key,
): Tensor => {
  requireNumber(name, `${what} must be finite and > 0`, a, (x) => x > 0 && x < Infinity);
  return logGammaOf(filled(shape, dtype, a), key);
};

/**
 * Gamma: density `rate^a x^(a - 1) exp(-rate x) / gamma(a)`, mean a / rate; rate 1 by default. Exact for every concentration a > 0, by
 * Marsaglia and Tsang's rejection, repeated until each element is accepted. Draws differentiate by a (implicit reparameterization, twice in
 * reverse mode) and by the rate.
 */
export function gamma(
  concentration: Parameter,
  shape?: readonly number[],
  options: RandomOptions & { rate?: Parameter } = {},
): Tensor {
  const { rate = 1, key = nextKey(), dtype } = options;
  requireNumber('gamma', 'the rate must be > 0', rate, (x) => x > 0);
  const type = floatType('gamma', dtype, concentration, rate);
  const size = drawShape('gamma', shape, concentration, rate);
  const z = logGamma('gamma', 'the concentration', concentration, size, type, key).exp();
  return rate === 1 ? z : z.div(rate).cast(type);
}

/** Beta on (0, 1): density proportional to `x^(a - 1) (1 - x)^(b - 1)`, from two gamma draws. Differentiates by a and b as `gamma`. */
export function beta(
  a: Parameter,
  b: Parameter,
  shape?: readonly number[],
  options: RandomOptions = {},
): Tensor {
  const type = floatType('beta', options.dtype, a, b);
  const size = drawShape('beta', shape, a, b);
  const keys = split(options.key ?? nextKey());
  const [x, y] = [a, b].map((p, i) => logGamma('beta', `parameter ${'ab'[i]}`, p, size, type, keys.at(i)));
  return x.sub(y).sigmoid();
}

/**
 * Dirichlet: points whose k coordinates are positive and sum to 1, density proportional to `prod of x_i^(alpha_i - 1)`. alpha has the shape
 * [.., k]; the result [...shape, k], where `shape` (that of alpha without k by default) is what alpha broadcasts to. Differentiates by alpha.
 */
export function dirichlet(alpha: Tensor, shape?: readonly number[], options: RandomOptions = {}): Tensor {
  if (alpha.ndim === 0 || alpha.shape[alpha.ndim - 1] === 0)
    throw new Error(
      `random.dirichlet: alpha needs a last axis with a value for each coordinate, got shape [${alpha.shape.join(', ')}]`,
    );
  const type = floatType('dirichlet', options.dtype, alpha);
  const k = alpha.shape[alpha.ndim - 1];
  const size = drawShape('dirichlet', shape === undefined ? undefined : [...shape, k], alpha);
  return logGamma('dirichlet', 'alpha', alpha, size, type, options.key ?? nextKey()).softmax(-1);
}

/** Chi-squared with `df` degrees of freedom, `2 gamma(df / 2)`: the sum of the squares of df normals. Differentiates by df. */
export function chi2(df: Parameter, shape?: readonly number[], options: RandomOptions = {}): Tensor {
  requireNumber('chi2', 'the degrees of freedom must be > 0', df, (x) => x > 0);
  const half = typeof df === 'number' ? df / 2 : df.mul(0.5);
  return gamma(half, shape ?? drawShape('chi2', shape, df), options).mul(2);
}

/**
 * Student's t with `df` degrees of freedom, `loc + scale * normal * sqrt((df / 2) / gamma(df / 2))`. Differentiates by df, loc and scale.
 */
export function studentT(
  df: Parameter,
  shape?: readonly number[],
  options: RandomOptions & { loc?: Parameter; scale?: Parameter } = {},
): Tensor {
  const { loc = 0, scale = 1, dtype } = options;
  requireNumber('studentT', 'the degrees of freedom must be > 0', df, (x) => x > 0);
  const type = floatType('studentT', dtype, df, loc, scale);
  const size = drawShape('studentT', shape, df, loc, scale);
  const keys = split(options.key ?? nextKey());
  const half = filled(size, type, df).mul(0.5);
  const z = normal(size, { key: keys.at(0), dtype: type });
  const ratio = half.log().sub(logGamma('studentT', 'df', half, size, type, keys.at(1)));
  return z.mul(ratio.mul(0.5).exp()).mul(scale).add(loc).cast(type);
}
