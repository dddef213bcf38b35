import { checkOptions } from '../core/options.ts';
import type { Tensor } from '../core/tensor.ts';
import { ones, zeros } from './init.ts';
import { Module } from './module.ts';
import { Parameter } from './parameter.ts';

/** What a normalization multiplies by and adds afterwards, and what keeps its root from 0. */
export interface NormOptions {
  weight?: Tensor | null;
  bias?: Tensor | null;
  /** Added to the variance (or mean square). Default 1e-5. */
  eps?: number;
}

/** `(x - mean) / √(variance + eps)` over the given axes, with the variance of the whole population. */
export function standardize(x: Tensor, axes: readonly number[], eps: number): Tensor {
  const deviation = x.sub(x.mean(axes, { keepDims: true }));
  const variance = deviation.square().mean(axes, { keepDims: true });
  return deviation.mul(variance.add(eps).rsqrt());
}

/** `y weight + bias`, either of which may be missing. */
export function scaleAndShift(y: Tensor, weight: Tensor | null = null, bias: Tensor | null = null): Tensor {
  const scaled = weight === null ? y : y.mul(weight);
  return bias === null ? scaled : scaled.add(bias);
}

/** Axes of x that end in `shape`. */
function lastAxes(name: string, x: Tensor, shape: readonly number[]): number[] {
  const from = x.ndim - shape.length;
  if (shape.length === 0 || from < 0 || shape.some((n, i) => x.shape[from + i] !== n))
    throw new Error(
      `${name}: the last axes of the input must be [${shape.join(', ')}], got [${x.shape.join(', ')}]`,
    );
  return shape.map((_, i) => from + i);
}

/**
 * Layer normalization: `(x - mean) / √(variance + eps) weight + bias` over the last axes, those of `shape`, for each
 * position of the others on its own. Ba, Kiros, Hinton (2016).
 *
 * @throws if the last axes of x are not `shape`
 */
export function layerNorm(x: Tensor, shape: number | readonly number[], options: NormOptions = {}): Tensor {
  checkOptions('layerNorm', options, ['weight', 'bias', 'eps']);
  const axes = lastAxes('layerNorm', x, typeof shape === 'number' ? [shape] : shape);
  return scaleAndShift(standardize(x, axes, options.eps ?? 1e-5), options.weight, options.bias);
}

/**
 * Normalization by the root mean square: `x / √(mean(x²) + eps) weight` over the last axes, those of `shape`. Zhang
 * and Sennrich (2019).
 *
 * @param options.eps default: the distance from 1 to the next number of the dtype, 2⁻²³ in float32, as PyTorch's
 * @throws if the last axes of x are not `shape`
 */
export function rmsNorm(
  x: Tensor,
  shape: number | readonly number[],
  options: Omit<NormOptions, 'bias'> = {},
): Tensor {
  checkOptions('rmsNorm', options, ['weight', 'eps']);
  const axes = lastAxes('rmsNorm', x, typeof shape === 'number' ? [shape] : shape);
  const eps = options.eps ?? (x.dtype === 'float64' ? 2 ** -52 : 2 ** -23);
  const scale = x.square().mean(axes, { keepDims: true }).add(eps).rsqrt();
  return scaleAndShift(x.mul(scale), options.weight);
}

/**
 * Group normalization of x [batch, ...space, channels] (channels last, unlike PyTorch): the channels are cut into
 * `groups` runs of neighbours, and each run is normalized over its channels and all of space, for each example on its
 * own. Weight and bias are [channels]. Wu and He (2018). With one group for each channel it is instance
 * normalization.
 *
 * @throws if the channels do not divide by groups
 */
export function groupNorm(x: Tensor, groups: number, options: NormOptions = {}): Tensor {
  checkOptions('groupNorm', options, ['weight', 'bias', 'eps']);
  const channels = x.shape[x.ndim - 1];
  if (x.ndim < 2 || !Number.isInteger(groups) || groups < 1 || channels % groups !== 0)
    throw new Error(
      `groupNorm: the input must be [batch, ..., channels] with channels that divide by groups = ${groups}, got [${x.shape.join(', ')}]`,
    );
  const space = x.shape.slice(1, -1).reduce((size, n) => size * n, 1);
  const apart = x.reshape([x.shape[0], space, groups, channels / groups]);
  const y = standardize(apart, [1, 3], options.eps ?? 1e-5).reshape(x.shape);
  return scaleAndShift(y, options.weight, options.bias);
}

/** Options of the layers that normalize. */
export interface NormLayerOptions {
  /** Added to the variance. Default 1e-5. */
  eps?: number;
  /** Whether there are weight (first 1) and bias (first 0). Default true. */
  affine?: boolean;
}

const layerKeys = ['eps', 'affine'];

function positiveSizes(name: string, what: string, sizes: readonly number[]): readonly number[] {
  if (sizes.length === 0 || !sizes.every((n) => Number.isInteger(n) && n > 0))
    throw new Error(`${name}: ${what} must be positive integers, got [${sizes.join(', ')}]`);
  return sizes;
}

const parameter = (name: string, value: Tensor, affine: boolean): Parameter | null =>
  affine ? new Parameter(value, { name }) : null;

/** {@link layerNorm} over the last axes, with `weight` and `bias` of their shape. */
export class LayerNorm extends Module {
  readonly shape: readonly number[];
  readonly eps: number;
  readonly weight: Parameter | null;
  readonly bias: Parameter | null;

  /**
   * @param shape extents of the axes that are normalized, one number for the last axis alone
   * @param options.bias whether there is a bias beside the weight. Default: as `affine`
   */
  constructor(shape: number | readonly number[], options: NormLayerOptions & { bias?: boolean } = {}) {
    super();
    checkOptions('LayerNorm', options, [...layerKeys, 'bias']);
    const { eps = 1e-5, affine = true, bias = affine } = options;
    this.shape = positiveSizes('LayerNorm', 'sizes', typeof shape === 'number' ? [shape] : shape);
    this.eps = eps;
    this.weight = parameter('weight', ones(this.shape), affine);
    this.bias = parameter('bias', zeros(this.shape), affine && bias);
  }

  forward(x: Tensor): Tensor {
    const [weight, bias] = [this.weight?.value, this.bias?.value];
    return layerNorm(x, this.shape, { weight, bias, eps: this.eps });
  }
}

/** {@link rmsNorm} over the last axes, with `weight` of their shape. */
export class RMSNorm extends Module {
  readonly shape: readonly number[];
  readonly eps: number | undefined;
  readonly weight: Parameter | null;

  /**
   * @param shape extents of the axes that are normalized, one number for the last axis alone
   * @param options.eps default 2⁻²³ in float32
   */
  constructor(shape: number | readonly number[], options: NormLayerOptions = {}) {
    super();
    checkOptions('RMSNorm', options, layerKeys);
    this.shape = positiveSizes('RMSNorm', 'sizes', typeof shape === 'number' ? [shape] : shape);
    this.eps = options.eps;
    this.weight = parameter('weight', ones(this.shape), options.affine ?? true);
  }

  forward(x: Tensor): Tensor {
    return rmsNorm(x, this.shape, { weight: this.weight?.value, eps: this.eps });
  }
}

/** {@link groupNorm} of [batch, ...space, channels], with `weight` and `bias` [channels]. */
export class GroupNorm extends Module {
  readonly groups: number;
  readonly eps: number;
  readonly channels: number;
  readonly weight: Parameter | null;
  readonly bias: Parameter | null;

  /** @throws if the channels do not divide by groups */
  constructor(groups: number, channels: number, options: NormLayerOptions = {}) {
    super();
    checkOptions('GroupNorm', options, layerKeys);
    const { eps = 1e-5, affine = true } = options;
    positiveSizes('GroupNorm', 'groups and channels', [groups, channels]);
    if (channels % groups !== 0)
      throw new Error(`GroupNorm: ${channels} channels must divide by groups = ${groups}`);
    this.groups = groups;
    this.channels = channels;
    this.eps = eps;
    this.weight = parameter('weight', ones([channels]), affine);
    this.bias = parameter('bias', zeros([channels]), affine);
  }

  forward(x: Tensor): Tensor {
    if (x.shape[x.ndim - 1] !== this.channels)
      throw new Error(
        `GroupNorm(${this.groups}, ${this.channels}): the last axis of the input must be ${this.channels}, got [${x.shape.join(', ')}]`,
      );
    const [weight, bias] = [this.weight?.value, this.bias?.value];
    return groupNorm(x, this.groups, { weight, bias, eps: this.eps });
  }
}
