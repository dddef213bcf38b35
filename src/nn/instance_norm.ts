import { checkOptions } from '../core/options.ts';
import type { Tensor } from '../core/tensor.ts';
import { stopGradient } from '../core/transforms.ts';
import { batchNorm } from './batch_norm.ts';
import { ones, zeros } from './init.ts';
import { Module } from './module.ts';
import { type NormOptions, scaleAndShift, standardize } from './normalization.ts';
import { Buffer, Parameter } from './parameter.ts';
import { requirePositive } from './spatial_sizes.ts';

/** Axes of space of [batch, ...space, channels]. */
const spaceOf = (x: Tensor): number[] => Array.from({ length: x.ndim - 2 }, (_, i) => i + 1);

/**
 * Instance normalization of x [batch, ...space, channels] (channels last, unlike PyTorch): `(x - mean) / √(variance + eps)
 * weight + bias` with mean and variance over space, for each example and channel on its own. Weight and bias are
 * [channels]. Ulyanov, Vedaldi, Lempitsky (2016).
 *
 * @throws if x has no axis of space
 */
export function instanceNorm(x: Tensor, options: NormOptions = {}): Tensor {
  checkOptions('instanceNorm', options, ['weight', 'bias', 'eps']);
  if (x.ndim < 3)
    throw new Error(
      `instanceNorm: the input must be [batch, ...space, channels], got [${x.shape.join(', ')}]`,
    );
  return scaleAndShift(standardize(x, spaceOf(x), options.eps ?? 1e-5), options.weight, options.bias);
}

/** Options of InstanceNorm. */
export interface InstanceNormOptions {
  /** Added to the variance. Default 1e-5. */
  eps?: number;
  /** Share of the newest batch in the running statistics. Default 0.1. */
  momentum?: number;
  /** Whether there are weight (first 1) and bias (first 0). Default false. */
  affine?: boolean;
  /** Whether running statistics are kept, by which evaluation normalizes. Default false. */
  trackRunningStats?: boolean;
}

/** What InstanceNorm1d, 2d and 3d have in common. */
abstract class InstanceNorm extends Module {
  readonly channels: number;
  readonly eps: number;
  readonly momentum: number;
  readonly weight: Parameter | null;
  readonly bias: Parameter | null;
  /** Mean of each channel [channels], first 0. */
  readonly runningMean: Buffer | null;
  /** Variance of each channel [channels], of the sample, first 1. */
  readonly runningVar: Buffer | null;
  readonly #axes: number;

  constructor(axes: number, channels: number, options: InstanceNormOptions) {
    super();
    const name = new.target.name;
    checkOptions(name, options, ['eps', 'momentum', 'affine', 'trackRunningStats']);
    const { eps = 1e-5, momentum = 0.1, affine = false, trackRunningStats = false } = options;
    requirePositive(name, { channels });
    if (!(momentum >= 0 && momentum <= 1))
      throw new Error(`${name}: momentum must be from 0 to 1, got ${momentum}`);
    this.#axes = axes;
    this.channels = channels;
    this.eps = eps;
    this.momentum = momentum;
    this.weight = affine ? new Parameter(ones([channels]), { name: 'weight' }) : null;
    this.bias = affine ? new Parameter(zeros([channels]), { name: 'bias' }) : null;
    this.runningMean = trackRunningStats ? new Buffer(zeros([channels]), { name: 'runningMean' }) : null;
    this.runningVar = trackRunningStats ? new Buffer(ones([channels]), { name: 'runningVar' }) : null;
  }

  /** @throws if the input does not fit, or has a single place to train on */
  forward(x: Tensor): Tensor {
    const name = this.constructor.name;
    const axes = this.#axes;
    if (x.ndim !== axes + 2 || x.shape[axes + 1] !== this.channels)
      throw new Error(
        `${name}(${this.channels}): the input must have ${axes + 2} axes, the last of them ${this.channels} channels, got [${x.shape.join(', ')}]`,
      );
    const options = { weight: this.weight?.value, bias: this.bias?.value, eps: this.eps };
    if (!this.training && this.runningMean !== null && this.runningVar !== null)
      return batchNorm(x, this.runningMean.value, this.runningVar.value, options);
    const count = x.shape.slice(1, -1).reduce((size, n) => size * n, 1);
    if (this.training && count < 2)
      throw new Error(
        `${name}: training needs more than one place for each channel, got an input of [${x.shape.join(', ')}]`,
      );
    if (this.training) this.#track(stopGradient(x), count);
    return instanceNorm(x, options);
  }

  #track(x: Tensor, count: number): void {
    const { runningMean, runningVar, momentum } = this;
    if (runningMean === null || runningVar === null) return;
    const space = spaceOf(x);
    const towards = (old: Tensor, now: Tensor) => old.add(now.mean(0).sub(old).mul(momentum)).cast(old.dtype);
    runningMean.assign(towards(runningMean.value, x.mean(space)));
    runningVar.assign(towards(runningVar.value, x.var(space).mul(count / (count - 1))));
  }
}

/** Instance normalization of [batch, time, channels]; see {@link InstanceNorm2d}. */
export class InstanceNorm1d extends InstanceNorm {
  /** @throws if an option is out of range */
  constructor(channels: number, options: InstanceNormOptions = {}) {
    super(1, channels, options);
  }
}

/**
 * {@link instanceNorm} of images [batch, height, width, channels]. By default, as in PyTorch, without parameters and running
 * statistics; those are means over the batch of each example's.
 */
export class InstanceNorm2d extends InstanceNorm {
  /** @throws if an option is out of range */
  constructor(channels: number, options: InstanceNormOptions = {}) {
    super(2, channels, options);
  }
}

/** Instance normalization of [batch, depth, height, width, channels]; see {@link InstanceNorm2d}. */
export class InstanceNorm3d extends InstanceNorm {
  /** @throws if an option is out of range */
  constructor(channels: number, options: InstanceNormOptions = {}) {
    super(3, channels, options);
  }
}
