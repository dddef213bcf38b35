import { random, type Tensor } from '../../src/index.ts';
import type { Operation } from './operation.ts';

const key = () => random.key(17);
const options = (x: Tensor) => ({ key: key(), dtype: x.dtype as 'float32' | 'float64' });

/** A draw as a function of its parameters, of which there are four each. */
const from = (
  name: string,
  parameters: number,
  call: (...parameters: Tensor[]) => Tensor,
  without?: Operation['without'],
): Operation => ({
  name: `random.${name}`,
  operands: Array.from({ length: parameters }, () => ({ shape: [4], values: 'fraction' as const })),
  call,
  without,
  tolerance: 1e-4,
});

const counts = 'draws of counts do not change with small changes of their parameters';
const discrete = { gradient: counts, jvp: counts };
const byDistribution =
  'differentiated at a fixed value of the distribution function, which differences at a fixed key do not give; tested against that function';
const implicit = { gradient: byDistribution, second: byDistribution, jvp: byDistribution };

/** Random numbers, by a fixed key, as functions of their parameters. */
export const randomOperations: readonly Operation[] = [
  from('uniform', 2, (low, span) => random.uniform([4], { low, high: low.add(span), ...options(low) })),
  from('normal', 2, (mean, std) => random.normal([4], { mean, std, ...options(mean) })),
  from('truncatedNormal', 2, (mean, std) => random.truncatedNormal([4], { mean, std, ...options(mean) })),
  from('gumbel', 2, (loc, scale) => random.gumbel([4], { loc, scale, ...options(loc) })),
  from('laplace', 2, (loc, scale) => random.laplace([4], { loc, scale, ...options(loc) })),
  from('logistic', 2, (loc, scale) => random.logistic([4], { loc, scale, ...options(loc) })),
  from('cauchy', 2, (loc, scale) => random.cauchy([4], { loc, scale, ...options(loc) })),
  from('exponential', 1, (rate) => random.exponential([4], { rate, ...options(rate) })),
  from('weibull', 2, (a, scale) => random.weibull(a.add(1), [4], { scale, ...options(a) })),
  from('pareto', 2, (a, scale) => random.pareto(a.add(1), [4], { scale, ...options(a) })),
  from('gamma', 1, (a) => random.gamma(a.add(1), [4], options(a)), implicit),
  from('beta', 2, (a, b) => random.beta(a, b, [4], options(a)), implicit),
  from('dirichlet', 1, (a) => random.dirichlet(a.add(1), [2], options(a)), implicit),
  from('chi2', 1, (df) => random.chi2(df.add(2), [4], options(df)), implicit),
  from('studentT', 1, (df) => random.studentT(df.add(3), [4], options(df)), implicit),
  from('poisson', 1, (rate) => random.poisson(rate.mul(30), [4], { key: key() }), discrete),
  from('binomial', 1, (p) => random.binomial(50, p, [4], { key: key() }), discrete),
  from('geometric', 1, (p) => random.geometric(p, [4], { key: key() }), discrete),
  from('bernoulli', 1, (p) => random.bernoulli(p, [4], { key: key() }), discrete),
  from('categorical', 1, (p) => random.categorical(p.log(), { key: key(), shape: [5] }), discrete),
  from('choice', 1, (p) => random.choice(4, [5], { key: key(), p }), discrete),
  from('permutation', 1, (x) => random.permutation(x, { key: key() })),
];
