import type { DType } from '../graph/dtype.ts';
import { whileLoop } from './control.ts';
import {
  drawShape,
  filled,
  floatType,
  type Key,
  nextKey,
  type Parameter,
  requireNumber,
  split,
  unit,
} from './random_keys.ts';
import { fromData, type Tensor, where } from './tensor.ts';
import { stopGradient } from './transforms.ts';

/**
 * Distributions on the integers. Methods that reject draws repeat, for all elements together, until each has an accepted one: results
 * are exact, and element i depends on the key and its parameters alone. Derivatives by the parameters are zero.
 */

export interface CountOptions {
  key?: Key;
  /** Of the result; default int32. */
  dtype?: DType;
}

/** What Stirling's formula lacks for k = 0 (where it has none) to 15: `log k! - (k + 1/2) log k + k - log(2 pi) / 2`. */
const stirlingErrors = (() => {
  const errors = new Float64Array(16);
  for (let k = 1, logFactorial = 0; k < errors.length; k++) {
    logFactorial += Math.log(k);
    errors[k] = logFactorial - (k + 0.5) * Math.log(k) + k - 0.5 * Math.log(2 * Math.PI);
  }
  return errors;
})();

/** The same for all integers k >= 1: beyond the table, its series. */
function stirlingError(k: Tensor): Tensor {
  const square = k.mul(k);
  const series = square
    .reciprocal()
    .mul(-1 / 1260)
    .add(1 / 360)
    .div(square)
    .neg()
    .add(1 / 12)
    .div(k);
  const table = fromData(stirlingErrors, [stirlingErrors.length], 'float64').cast(k.dtype);
  return where(k.lt(stirlingErrors.length), table.take(k.cast('int32')), series);
}

/** `k log(k / mean) + mean - k` for k >= 1, accurate where k is near the mean (Loader, 2000: "Fast and accurate computation of binomial probabilities"). */
function deviance(k: Tensor, mean: Tensor): Tensor {
  const t = mean.sub(k).div(k);
  return t.sub(t.log1p()).mul(k);
}

const anyLeft = (done: Tensor): Tensor => done.all().logicalNot();

/** Repeats proposals, each with a key of its own, until every element has accepted one. */
function untilAccepted(
  key: Key,
  start: { done: Tensor; value: Tensor },
  propose: (key: Key) => { accept: Tensor; value: Tensor },
): Tensor {
  const { value } = whileLoop(
    ({ done }) => anyLeft(done),
    (state) => {
      const keys = split(state.key);
      const next = propose(keys.at(1));
      return {
        key: keys.at(0),
        done: state.done.logicalOr(next.accept),
        value: where(next.accept.logicalAnd(state.done.logicalNot()), next.value, state.value),
      };
    },
    { key, ...start },
  );
  return value;
}

/** The proposal of Hormann's transformed rejection: `floor((2 a / s + b) u + shift)`, s = 1/2 - |u|. */
function transformed(key: Key, a: Tensor, b: Tensor, shift: Tensor) {
  const keys = split(key);
  const [u, v] = [0, 1].map((i) => unit(a.shape, keys.at(i), a.dtype as 'float32'));
  const centred = u.sub(0.5);
  const s = centred.abs().neg().add(0.5);
  const k = a.mul(2).div(s).add(b).mul(centred).add(shift).floor();
  return { s, v, k };
}

/**
 * Poisson: `rate^k exp(-rate) / k!`. By products of uniform numbers (Knuth) for rates below 10, by transformed rejection above (Hormann
 * 1993, "The transformed rejection method for generating Poisson random variables", PTRS). -1 where the rate is negative, infinite or NaN
 * in an array. In float32, rates from 2^24 on are drawn to that precision.
 */
export function poisson(rate: Parameter, shape?: readonly number[], options: CountOptions = {}): Tensor {
  requireNumber('poisson', 'the rate must be finite and >= 0', rate, (x) => x >= 0 && x < Infinity);
  const dtype = floatType('poisson', undefined, rate);
  const lambda = filled(drawShape('poisson', shape, rate), dtype, rate, true);
  const keys = split(options.key ?? nextKey());
  const valid = lambda.ge(0).logicalAnd(lambda.lt(Infinity));
  const isSmall = lambda.lt(10);
  const limit = typeof rate === 'number' ? Math.fround(rate) : null;
  let value = where(valid, 0, -1).cast(dtype);
  if (limit === null || limit < 10)
    value = poissonByProducts(keys.at(0), lambda, valid.logicalAnd(isSmall), value);
  if (limit === null || limit >= 10)
    value = poissonByRejection(keys.at(1), lambda, valid.logicalAnd(isSmall.logicalNot()), value);
  return stopGradient(value).cast(options.dtype ?? 'int32');
}

/** The number of uniform numbers whose product stays above exp(-rate). */
function poissonByProducts(key: Key, lambda: Tensor, wanted: Tensor, start: Tensor): Tensor {
  const { count } = whileLoop(
    ({ left }) => left.any(),
    (state) => {
      const keys = split(state.key);
      const u = unit(lambda.shape, keys.at(1), lambda.dtype as 'float32');
      // 1 - u is never 0.
      const sum = state.sum.sub(u.neg().log1p());
      const left = state.left.logicalAnd(sum.lt(lambda));
      return { key: keys.at(0), sum, left, count: where(left, state.count.add(1), state.count) };
    },
    { key, sum: lambda.mul(0), left: wanted, count: start },
  );
  return count;
}

function poissonByRejection(key: Key, lambda: Tensor, wanted: Tensor, start: Tensor): Tensor {
  const mean = where(wanted, lambda, 10);
  const b = mean.sqrt().mul(2.53).add(0.931);
  const a = b.mul(0.02483).sub(0.059);
  const inverse = b.sub(3.4).reciprocal().mul(1.1328).add(1.1239);
  const surely = b.sub(2).reciprocal().mul(-3.6224).add(0.9277);
  return untilAccepted(key, { done: wanted.logicalNot(), value: start }, (next) => {
    const { s, v, k } = transformed(next, a, b, mean.add(0.43));
    const at = k.maximum(1);
    const beyond = at
      .mul(2 * Math.PI)
      .log()
      .mul(0.5)
      .add(stirlingError(at))
      .add(deviance(at, mean))
      .neg();
    const logProbability = where(k.lt(1), mean.neg(), beyond);
    const inside = k.ge(0).logicalAnd(s.ge(0.013).logicalOr(v.le(s)));
    const accept = v
      .mul(inverse)
      .div(a.div(s.mul(s)).add(b))
      .log()
      .le(logProbability);
    const quick = s.ge(0.07).logicalAnd(v.le(surely));
    return { accept: quick.logicalOr(inside.logicalAnd(accept)), value: k };
  });
}

/**
 * Binomial: the number of successes in `count` trials with probability p, `C(n, k) p^k (1 - p)^(n - k)`. By waiting times where
 * n min(p, 1 - p) < 10, by transformed rejection above (Hormann 1993, "The generation of binomial random variates", BTRS). -1 where an
 * array has no count >= 0 or no probability.
 */
export function binomial(
  count: Parameter,
  p: Parameter,
  shape?: readonly number[],
  options: CountOptions = {},
): Tensor {
  requireNumber(
    'binomial',
    'the count must be an integer >= 0',
    count,
    (x) => Number.isSafeInteger(x) && x >= 0,
  );
  requireNumber('binomial', 'a probability lies from 0 to 1', p, (x) => x >= 0 && x <= 1);
  const dtype = floatType('binomial', undefined, count, p);
  const size = drawShape('binomial', shape, count, p);
  const n = filled(size, dtype, count, true);
  const chance = filled(size, dtype, p, true);
  const valid = n.ge(0).logicalAnd(n.lt(Infinity)).logicalAnd(chance.ge(0)).logicalAnd(chance.le(1));
  const isMirrored = chance.gt(0.5);
  const q = where(isMirrored, chance.neg().add(1), chance);
  const keys = split(options.key ?? nextKey());
  const expected = n.mul(q);
  const known = typeof count === 'number' && typeof p === 'number' ? count * Math.min(p, 1 - p) : null;
  const isSmall = expected.lt(10);
  let value = where(valid, 0, -1).cast(dtype);
  if (known === null || known < 10.1)
    value = binomialByWaiting(keys.at(0), n, q, valid.logicalAnd(isSmall), value);
  if (known === null || known > 9.9)
    value = binomialByRejection(keys.at(1), n, q, valid.logicalAnd(isSmall.logicalNot()), value);
  return stopGradient(where(isMirrored.logicalAnd(valid), n.sub(value), value)).cast(
    options.dtype ?? 'int32',
  );
}

/** Counts successes by the trials from one to the next, which are geometric, until they are more than there are trials. */
function binomialByWaiting(key: Key, n: Tensor, p: Tensor, wanted: Tensor, start: Tensor): Tensor {
  const logFailure = p.neg().log1p();
  const { count } = whileLoop(
    ({ left }) => left.any(),
    (state) => {
      const keys = split(state.key);
      const u = unit(n.shape, keys.at(1), n.dtype as 'float32');
      const waited = u.neg().log1p().div(logFailure).floor().add(1);
      const trials = state.trials.add(waited);
      const left = state.left.logicalAnd(trials.le(n));
      return { key: keys.at(0), trials, left, count: where(left, state.count.add(1), state.count) };
    },
    { key, trials: n.mul(0), left: wanted.logicalAnd(p.gt(0)), count: start },
  );
  return count;
}

function binomialByRejection(key: Key, n: Tensor, p: Tensor, wanted: Tensor, start: Tensor): Tensor {
  // Where nothing is wanted, numbers that the formulas can stand.
  const [trials, success] = [where(wanted, n, 40), where(wanted, p, 0.5)];
  const failure = success.neg().add(1);
  const mean = trials.mul(success);
  const deviation = mean.mul(failure).sqrt();
  const b = deviation.mul(2.53).add(1.15);
  const a = b.mul(0.0248).add(success.mul(0.01)).sub(0.0873);
  const alpha = b.reciprocal().mul(5.1).add(2.83).mul(deviation);
  const surely = b.reciprocal().mul(-4.2).add(0.92);
  // Loader's form of the logarithm of the probability, without log n! and the constant, which the mode has too.
  const logProbability = (k: Tensor): Tensor => {
    const [at, rest] = [k.maximum(1).minimum(trials.sub(1)), trials.sub(k).maximum(1).minimum(trials.sub(1))];
    const inner = at
      .mul(rest)
      .div(trials)
      .log()
      .mul(0.5)
      .add(stirlingError(at))
      .add(stirlingError(rest))
      .add(deviance(at, mean))
      .add(deviance(rest, trials.mul(failure)))
      .neg();
    const ends = where(k.lt(1), trials.mul(failure.log()), trials.mul(success.log()));
    const shift = stirlingError(trials).sub(0.5 * Math.log(2 * Math.PI));
    return where(k.lt(1).logicalOr(k.gt(trials.sub(1))), ends.sub(shift), inner);
  };
  const top = logProbability(trials.add(1).mul(success).floor());
  return untilAccepted(key, { done: wanted.logicalNot(), value: start }, (next) => {
    const { s, v, k } = transformed(next, a, b, mean.add(0.5));
    const inside = k.ge(0).logicalAnd(k.le(trials));
    const accept = v
      .mul(alpha)
      .div(a.div(s.mul(s)).add(b))
      .log()
      .le(logProbability(k.clip(0, null).minimum(trials)).sub(top));
    const quick = s.ge(0.07).logicalAnd(v.le(surely));
    return { accept: inside.logicalAnd(quick.logicalOr(accept)), value: k };
  });
}

/** Geometric: the number of trials with probability p up to the first success, from 1 on: `p (1 - p)^(k - 1)`. */
export function geometric(p: Parameter, shape?: readonly number[], options: CountOptions = {}): Tensor {
  requireNumber('geometric', 'a probability lies above 0 and up to 1', p, (x) => x > 0 && x <= 1);
  const dtype = floatType('geometric', undefined, p);
  const size = drawShape('geometric', shape, p);
  const u = unit(size, options.key ?? nextKey(), dtype);
  const logU = where(u.eq(0), 1, u).log();
  return logU
    .div(filled(size, dtype, p, true).neg().log1p())
    .floor()
    .add(1)
    .cast(options.dtype ?? 'int32');
}
