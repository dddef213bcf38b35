import * as g from '../graph/build.ts';
import type { Node } from '../graph/node.ts';
import { matmulOf } from './products.ts';
import { asFloat, safeRoot } from './reductions.ts';
import type { Tensor } from './tensor.ts';

/** Options of `cov` and `corrcoef`. */
export interface CovarianceOptions {
  /** Whether variables are rows and observations columns (default), or the other way round. */
  rowVar?: boolean;
  /** What is subtracted from the number of observations before dividing by it. Default 1. */
  correction?: number;
  /** How often each observation was made: one number for each. */
  fweights?: Tensor;
  /** How much each observation counts: one number for each. */
  aweights?: Tensor;
}

const sumAlong = (x: Node, axis: number): Node => g.reduce('sum', x, [axis]);

function weightsOf(name: string, weights: Tensor | undefined, like: Node): Node | null {
  if (weights === undefined) return null;
  const [, observations] = like.shape;
  if (weights.ndim !== 1 || weights.shape[0] !== observations)
    throw new Error(
      `cov: ${name} must have shape [${observations}], one number for each observation, got [${weights.shape.join(', ')}]`,
    );
  return g.cast(weights.node, like.dtype);
}

/** Covariances of the variables of a matrix, or the variance of a vector. */
export function covarianceOf(
  operand: Node,
  { rowVar = true, correction = 1, fweights, aweights }: CovarianceOptions,
): Node {
  const rank = operand.shape.length;
  if (rank > 2 || rank === 0)
    throw new Error(`cov: needs a vector or a matrix, got shape [${operand.shape.join(', ')}]`);
  const given = asFloat(operand);
  const matrix = rank === 1 ? g.reshape(given, [1, ...given.shape]) : given;
  const x = rowVar || rank === 1 ? matrix : g.transpose(matrix, [1, 0]);
  const [variables, observations] = x.shape;
  const [often, much] = [weightsOf('fweights', fweights, x), weightsOf('aweights', aweights, x)];
  const weights = often && much ? g.mul(often, much) : (often ?? much);

  let deviations: Node;
  let factor: Node;
  if (weights === null) {
    const total = sumAlong(x, 1);
    const mean = g.div(total, g.fill(observations, total));
    deviations = g.sub(x, g.broadcast(mean, x.shape, [0]));
    factor = g.constant(Math.max(0, observations - correction), [], x.dtype);
  } else {
    const sum = sumAlong(weights, 0);
    const weighted = sumAlong(g.mul(x, g.broadcast(weights, x.shape, [1])), 1);
    const mean = g.div(weighted, g.broadcast(sum, weighted.shape, []));
    deviations = g.sub(x, g.broadcast(mean, x.shape, [0]));
    // With weights of importance, what is subtracted is their mean weighted by themselves.
    const share = much === null ? g.fill(1, sum) : g.div(sumAlong(g.mul(weights, much), 0), sum);
    factor = g.binary('max', g.sub(sum, g.mul(g.fill(correction, sum), share)), g.fill(0, sum));
  }
  const scaled = weights === null ? deviations : g.mul(deviations, g.broadcast(weights, x.shape, [1]));
  const products = matmulOf(scaled, g.transpose(deviations, [1, 0]));
  const covariance = g.div(products, g.broadcast(factor, [variables, variables], []));
  return rank === 1 ? g.reshape(covariance, []) : covariance;
}

/** Correlations from covariances: 1 for a single variable. Within -1..1, also where rounding would have it otherwise. */
export function correlationOf(covariance: Node): Node {
  const { shape } = covariance;
  if (shape.length === 0) return g.div(covariance, covariance);
  const isDiagonal = g.compare('eq', g.iota(0, shape), g.iota(1, shape));
  const variances = sumAlong(g.select(isDiagonal, covariance, g.fill(0, covariance)), 1);
  const deviation = safeRoot(variances);
  const scaled = g.div(
    g.div(covariance, g.broadcast(deviation, shape, [0])),
    g.broadcast(deviation, shape, [1]),
  );
  const below = g.select(g.compare('lt', g.fill(1, scaled), scaled), g.fill(1, scaled), scaled);
  return g.select(g.compare('lt', below, g.fill(-1, below)), g.fill(-1, below), below);
}
