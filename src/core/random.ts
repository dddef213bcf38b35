/**
 * Random numbers by counters: threefry-2x32-20 (Salmon et al. 2011), where element i of an array is a function of the key and of i
 * alone, as in JAX's partitionable form. Where a distribution is defined as in JAX, the numbers are equal to JAX's.
 *
 * With a key, functions are pure. Without one they draw from the default generator, whose state is a variable: it
 * advances inside `jit` too. Parameters of distributions are numbers or arrays that broadcast to the shape.
 */

export {
  cauchy,
  erfInverse,
  exponential,
  gumbel,
  type LocationScaleOptions,
  laplace,
  logistic,
  normal,
  pareto,
  rademacher,
  truncatedNormal,
  uniform,
  weibull,
} from './random_continuous.ts';
export { binomial, type CountOptions, geometric, poisson } from './random_counts.ts';
export {
  bernoulli,
  type CategoricalOptions,
  type ChoiceOptions,
  categorical,
  choice,
  type PermutationOptions,
  permutation,
  randint,
  shuffle,
} from './random_discrete.ts';
export { beta, chi2, dirichlet, gamma, studentT } from './random_gamma.ts';
export {
  bits,
  foldIn,
  type Key,
  key,
  nextKey,
  type Parameter,
  type RandomOptions,
  seed,
  split,
  state,
} from './random_keys.ts';
export { multivariateNormal } from './random_vectors.ts';
