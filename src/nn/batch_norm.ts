import { zeros as zerosOf } from '../core/create.ts';
import { checkOptions } from '../core/options.ts';
import type { Tensor } from '../core/tensor.ts';
import { stopGradient } from '../core/transforms.ts';
import { ones, zeros } from './init.ts';
import { Module } from './module.ts';
import { type NormOptions, scaleAndShift } from './normalization.ts';
import { Buffer, Parameter } from './parameter.ts';

/**
 * Mean and variance of each channel of x [..., channels] over all other axes; `count` values each. The variance is
 * that of the population.
 */
function channelStatistics(x: Tensor): { mean: Tensor; variance: Tensor; count: number } {
  const axes = Array.from({ length: x.ndim - 1 }, (_, i) => i);
  const channels = x.shape[x.ndim - 1];
  const mean = x.mean(axes);
  return { mean, variance: x.sub(mean).square().mean(axes), count: channels === 0 ? 0 : x.size / channels };
}

/**
 * Normalization of each channel of x [..., channels] (channels last, unlike PyTorch) with given statistics:
 * `(x - mean) / √(variance + eps) weight + bias`, all [channels].
 */
export function batchNorm(x: Tensor, mean: Tensor, variance: Tensor, options: NormOptions = {}): Tensor {
  checkOptions('batchNorm', options, ['weight', 'bias', 'eps']);
  const scale = variance.add(options.eps ?? 1e-5).rsqrt();
  return scaleAndShift(x.sub(mean).mul(scale), options.weight, options.bias);
}

/** Options of BatchNorm. */
export interface BatchNormOptions {
  /** Added to the variance. Default 1e-5. */
  eps?: number;
  /** Share of the newest batch in the running statistics; null for the plain average of all batches. Default 0.1. */
  momentum?: number | null;
  /** Whether there are weight (first 1) and bias (first 0). Default true. */
  affine?: boolean;
  /**
   * Whether running statistics are kept for evaluation, which otherwise normalizes by each batch, too. Default true.
   */
  trackRunningStats?: boolean;
}

/** What BatchNorm1d, 2d and 3d have in common. */
export abstract class BatchNorm extends Module {
  readonly channels: number;
  readonly eps: number;
  readonly momentum: number | null;
  readonly weight: Parameter | null;
  readonly bias: Parameter | null;
  /** Mean of each channel [channels], first 0. */
  readonly runningMean: Buffer | null;
  /** Variance of each channel [channels], of the sample (divided by n - 1), first 1. */
  readonly runningVar: Buffer | null;
  /** How many batches the statistics have seen, int32. */
  readonly batchesTracked: Buffer | null;
  readonly #ranks: readonly number[];

  /** @param ranks how many axes an input may have */
  constructor(ranks: readonly number[], channels: number, options: BatchNormOptions) {
    super();
    const name = new.target.name;
    checkOptions(name, options, ['eps', 'momentum', 'affine', 'trackRunningStats']);
    const { eps = 1e-5, momentum = 0.1, affine = true, trackRunningStats = true } = options;
    if (!Number.isInteger(channels) || channels < 1)
      throw new Error(`${name}: channels must be a positive integer, got ${channels}`);
    if (momentum !== null && !(momentum >= 0 && momentum <= 1))
      throw new Error(`${name}: momentum must be from 0 to 1, or null for the average, got ${momentum}`);
    this.#ranks = ranks;
    this.channels = channels;
    this.eps = eps;
    this.momentum = momentum;
    const parameter = (of: string, value: Tensor) => (affine ? new Parameter(value, { name: of }) : null);
    const buffer = (of: string, value: Tensor) =>
      trackRunningStats ? new Buffer(value, { name: of }) : null;
    this.weight = parameter('weight', ones([channels]));
    this.bias = parameter('bias', zeros([channels]));
    this.runningMean = buffer('runningMean', zeros([channels]));
    this.runningVar = buffer('runningVar', ones([channels]));
    this.batchesTracked = buffer('batchesTracked', zerosOf([], { dtype: 'int32' }));
  }

  /** @throws if the input does not fit, or a batch to train on has only one value for each channel */
  forward(x: Tensor): Tensor {
    const name = this.constructor.name;
    if (!this.#ranks.includes(x.ndim) || x.shape[x.ndim - 1] !== this.channels)
      throw new Error(
        `${name}(${this.channels}): the input must have ${this.#ranks.join(' or ')} axes, the last of them ${this.channels} channels, got [${x.shape.join(', ')}]`,
      );
    const options = { weight: this.weight?.value, bias: this.bias?.value, eps: this.eps };
    if (!this.training && this.runningMean !== null && this.runningVar !== null)
      return batchNorm(x, this.runningMean.value, this.runningVar.value, options);
    const { mean, variance, count } = channelStatistics(x);
    if (this.training) {
      if (count < 2)
        throw new Error(
          `${name}: training needs more than one value for each channel, got an input of [${x.shape.join(', ')}]; use larger batches, or eval()`,
        );
      this.#track(stopGradient(mean), stopGradient(variance), count);
    }
    return batchNorm(x, mean, variance, options);
  }

  #track(mean: Tensor, variance: Tensor, count: number): void {
    const { runningMean, runningVar, batchesTracked } = this;
    if (runningMean === null || runningVar === null || batchesTracked === null) return;
    const batches = batchesTracked.value.add(1);
    batchesTracked.assign(batches);
    const share = this.momentum ?? batches.cast('float32').reciprocal();
    const towards = (old: Tensor, now: Tensor) => old.add(now.sub(old).mul(share)).cast(old.dtype);
    runningMean.assign(towards(runningMean.value, mean));
    // The batch is normalized by the variance of the population; what is kept estimates that of unseen data.
    runningVar.assign(towards(runningVar.value, variance.mul(count / (count - 1))));
  }
}

/**
 * Batch normalization of [batch, channels] or [batch, time, channels]; see {@link BatchNorm2d}.
 */
export class BatchNorm1d extends BatchNorm {
  /** @throws if an option is out of range */
  constructor(channels: number, options: BatchNormOptions = {}) {
    super([2, 3], channels, options);
  }
}

/**
 * Batch normalization of images [batch, height, width, channels] (channels last, unlike PyTorch): `(x - mean) /
 * √(variance + eps) weight + bias` with mean and variance of each channel, in training those of the batch, in
 * evaluation running averages of them that training keeps: `running += momentum (batch - running)`. Ioffe and Szegedy
 * (2015).
 *
 * `weight` and `bias` are parameters, `runningMean`, `runningVar` and `batchesTracked` buffers.
 */
export class BatchNorm2d extends BatchNorm {
  /** @throws if an option is out of range */
  constructor(channels: number, options: BatchNormOptions = {}) {
    super([4], channels, options);
  }
}

/** Batch normalization of [batch, depth, height, width, channels]; see {@link BatchNorm2d}. */
export class BatchNorm3d extends BatchNorm {
  /** @throws if an option is out of range */
  constructor(channels: number, options: BatchNormOptions = {}) {
    super([5], channels, options);
  }
}
