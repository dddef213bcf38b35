import { random, type Tensor } from '../../src/index.ts';
import type { Operand, Operation } from './operation.ts';

const key: Operand = { shape: [2], dtype: 'uint32', values: 'small' };
const location: Operand = { shape: [3] };
const scale: Operand = { shape: [2, 1], values: 'positive' };
const probability: Operand = { shape: [3], values: 'fraction' };
const shape = [2, 3];

const of = (
  name: string,
  operands: readonly Operand[],
  call: (key: Tensor, ...parameters: Tensor[]) => Tensor | readonly Tensor[],
  more: Partial<Operation> = {},
): Operation => ({
  name: `random.${name}`,
  operands: [key, ...operands],
  call: (k, ...parameters) => call(k, ...parameters),
  ...more,
});

const discrete = 'draws of a discrete distribution do not change with its parameters';
const flat = { gradient: discrete, jvp: discrete };
const implicit =
  'derivatives are those of the distribution, not of the draw as rejection makes it: test/core/random_distributions.test.ts';

const drawn = (dtype: Tensor['dtype']): 'float32' | 'float64' =>
  dtype === 'float64' ? 'float64' : 'float32';

/** Random numbers, as functions of keys and parameters. */
export const randomOperations: readonly Operation[] = [
  of('key', [], () => random.key(5)),
  of('split', [], (k) => random.split(k, 3)),
  of('foldIn', [], (k) => random.foldIn(k, 7)),
  of('bits', [], (k) => random.bits([5], { key: k })),
  of('uniform', [], (k) => random.uniform(shape, { key: k })),
  of('uniform: between arrays', [location, scale], (k, low, width) =>
    random.uniform(shape, { key: k, low, high: low.add(width) }),
  ),
  of('normal', [], (k) => random.normal([5], { key: k })),
  of('normal: of mean and deviation', [location, scale], (k, mean, std) =>
    random.normal(shape, { key: k, mean, std }),
  ),
  of('truncatedNormal', [location, scale], (k, mean, std) =>
    random.truncatedNormal(shape, { key: k, mean, std, low: mean.sub(std), high: mean.add(std.mul(1.5)) }),
  ),
  ...(['gumbel', 'laplace', 'logistic', 'cauchy'] as const).map((name) =>
    of(name, [location, scale], (k, loc, width) => random[name](shape, { key: k, loc, scale: width })),
  ),
  of('exponential', [scale], (k, rate) => random.exponential(shape, { key: k, rate })),
  of('weibull', [{ ...scale, shape: [3] }, scale], (k, c, width) =>
    random.weibull(c, shape, { key: k, scale: width }),
  ),
  of('pareto', [{ ...scale, shape: [3] }, scale], (k, c, width) =>
    random.pareto(c, shape, { key: k, scale: width }),
  ),
  of('rademacher', [], (k) => random.rademacher([6], { key: k })),
  { name: 'random.erfInverse', operands: [{ shape: [4], values: 'unit' }], call: random.erfInverse },
  of('multivariateNormal', [location, { shape: [3, 3], values: 'definite' }], (k, mean, covariance) =>
    // Of the covariance one triangle is read.
    random.multivariateNormal(mean, covariance.add(covariance.mT).mul(0.5), [2], { key: k }),
  ),
  of('gamma', [{ ...scale, shape: [3] }], (k, a) => random.gamma(a, shape, { key: k }), {
    withoutDifferences: implicit,
  }),
  of('gamma: by the rate', [scale], (k, rate) =>
    random.gamma(1.5, shape, { key: k, rate, dtype: drawn(rate.dtype) }),
  ),
  of('beta', [scale, { ...scale, shape: [3] }], (k, a, b) => random.beta(a, b, shape, { key: k }), {
    withoutDifferences: implicit,
  }),
  of('dirichlet', [{ ...scale, shape: [3] }], (k, alpha) => random.dirichlet(alpha, [2], { key: k }), {
    withoutDifferences: implicit,
  }),
  of('chi2', [scale], (k, df) => random.chi2(df, shape, { key: k }), { withoutDifferences: implicit }),
  of('studentT', [scale], (k, df) => random.studentT(df, shape, { key: k }), {
    withoutDifferences: implicit,
  }),
  of('studentT: of location and scale', [location, scale], (k, loc, width) =>
    random.studentT(3, shape, { key: k, loc, scale: width }),
  ),
  of('randint', [], (k) => random.randint([6], -3, 9, { key: k })),
  of('bernoulli', [probability], (k, p) => random.bernoulli(p, shape, { key: k }), { without: flat }),
  of('categorical', [{ shape: [2, 4] }], (k, logits) => random.categorical(logits, { key: k }), {
    without: flat,
  }),
  of('permutation', [], (k) => random.permutation(6, { key: k })),
  of('permutation: of rows', [{ shape: [4, 2] }], (k, x) => random.permutation(x, { key: k })),
  of('shuffle', [{ shape: [2, 4] }], (k, x) => random.shuffle(x, { key: k, axis: 1 })),
  of('choice', [{ shape: [4, 2] }], (k, x) => random.choice(x, [3], { key: k })),
  of('choice: weighted, without replacement', [{ shape: [4, 2] }], (k, x) =>
    random.choice(x, [2], { key: k, replace: false, p: [0.1, 0.5, 0.2, 0.2] }),
  ),
  of('choice: by weights', [probability], (k, p) => random.choice(3, [5], { key: k, p }), { without: flat }),
  of('poisson', [scale], (k, rate) => random.poisson(rate.mul(9), shape, { key: k }), { without: flat }),
  of('binomial', [probability], (k, p) => random.binomial(50, p, shape, { key: k }), { without: flat }),
  of('geometric', [probability], (k, p) => random.geometric(p, shape, { key: k }), { without: flat }),
];
