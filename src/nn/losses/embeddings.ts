import { checkOptions } from '../../core/options.ts';
import { type Tensor, where } from '../../core/tensor.ts';
import type { MarginOptions } from './margins.ts';
import { reduced, requireSame } from './reduction.ts';

/** Losses of pairs and triples of vectors [..., features]. */

/** √(x) with derivative 0 at 0. */
const root = (x: Tensor): Tensor => where(x.gt(0), where(x.gt(0), x, 1).sqrt(), 0);

/**
 * Distances of vectors: `(Σ |a - b + eps|ᵖ)^(1/p)` over the last axis. PyTorch adds eps to every difference, and so does this.
 *
 * @param options.p default 2
 * @param options.eps default 1e-6
 */
export function pairwiseDistance(
  first: Tensor,
  second: Tensor,
  options: { p?: number; eps?: number } = {},
): Tensor {
  checkOptions('pairwiseDistance', options, ['p', 'eps']);
  const { p = 2, eps = 1e-6 } = options;
  const d = first.sub(second).add(eps);
  return p === 2 ? root(d.square().sum(-1)) : d.norm(p, -1);
}

/**
 * `1 - cos(a, b)` for vectors that belong together (sign 1), `max(0, cos(a, b) - margin)` for those that do not (-1), for a and b
 * [..., features] and signs [...]. Margin default 0.
 *
 * @throws if shapes do not fit
 */
export function cosineEmbeddingLoss(
  first: Tensor,
  second: Tensor,
  signs: Tensor,
  options: MarginOptions = {},
): Tensor {
  const name = 'cosineEmbeddingLoss';
  requireSame(name, first, second, ['the first vectors', 'the second vectors']);
  const sizes = [first, second].map((x) => x.square().sum(-1).add(1e-12));
  const cos = first.mul(second).sum(-1).div(sizes[0].mul(sizes[1]).sqrt());
  requireSame(name, cos, signs, ['pairs', 'signs']);
  const losses = where(signs.gt(0), cos.neg().add(1), cos.sub(options.margin ?? 0).relu());
  return reduced(name, losses, options, ['margin']);
}

/**
 * `d² / 2` for pairs that belong together (label 1), `max(0, margin - d)² / 2` for those that do not (0), d being the Euclidean
 * distance of a and b [..., features]; labels [...]. Margin default 1. Hadsell, Chopra, LeCun (2006), where the labels are the other
 * way round.
 *
 * @throws if shapes do not fit
 */
export function contrastiveLoss(
  first: Tensor,
  second: Tensor,
  labels: Tensor,
  options: MarginOptions = {},
): Tensor {
  requireSame('contrastiveLoss', first, second, ['the first vectors', 'the second vectors']);
  const square = first.sub(second).square().sum(-1);
  requireSame('contrastiveLoss', square, labels, ['pairs', 'labels']);
  const lacking = root(square)
    .neg()
    .add(options.margin ?? 1)
    .relu();
  const losses = where(labels.gt(0), square, lacking.square()).mul(0.5);
  return reduced('contrastiveLoss', losses, options, ['margin']);
}

/** Options of {@link tripletMarginWithDistanceLoss}. */
export interface TripletDistanceOptions extends MarginOptions {
  /** Distances of two arrays of vectors. Default pairwiseDistance. */
  distanceFunction?: (first: Tensor, second: Tensor) => Tensor;
  /** Takes the distance of positive and negative where it is less than that of anchor and negative. Default false. Balntas et al. (2016). */
  swap?: boolean;
}

/** Options of {@link tripletMarginLoss}. */
export interface TripletOptions extends MarginOptions {
  /** The p of the distance's norm. Default 2. */
  p?: number;
  /** Added to differences. Default 1e-6. */
  eps?: number;
  /** As in {@link TripletDistanceOptions}. Default false. */
  swap?: boolean;
}

/**
 * `max(0, d(anchor, positive) - d(anchor, negative) + margin)` with the distance {@link pairwiseDistance}. Margin default 1. Schroff,
 * Kalenichenko, Philbin (2015).
 *
 * @throws if shapes differ
 */
export function tripletMarginLoss(
  anchors: Tensor,
  positives: Tensor,
  negatives: Tensor,
  options: TripletOptions = {},
): Tensor {
  checkOptions('tripletMarginLoss', options, ['reduction', 'margin', 'p', 'eps', 'swap']);
  const { p = 2, eps = 1e-6, ...rest } = options;
  const distanceFunction = (a: Tensor, b: Tensor) => pairwiseDistance(a, b, { p, eps });
  return tripletMarginWithDistanceLoss(anchors, positives, negatives, { ...rest, distanceFunction });
}

/**
 * The same with any distance.
 *
 * @throws if shapes differ
 */
export function tripletMarginWithDistanceLoss(
  anchors: Tensor,
  positives: Tensor,
  negatives: Tensor,
  options: TripletDistanceOptions = {},
): Tensor {
  const name = 'tripletMarginLoss';
  requireSame(name, anchors, positives, ['anchors', 'positives']);
  requireSame(name, anchors, negatives, ['anchors', 'negatives']);
  const { distanceFunction = pairwiseDistance, swap = false, margin = 1 } = options;
  const near = distanceFunction(anchors, positives);
  const direct = distanceFunction(anchors, negatives);
  const far = swap ? direct.minimum(distanceFunction(positives, negatives)) : direct;
  const losses = near.sub(far).add(margin).relu();
  return reduced(name, losses, options, ['margin', 'distanceFunction', 'swap']);
}
