import type { Tensor } from '../core/tensor.ts';
import { checkMerge, checkUpdate, Metric, type MetricState, type UpdateOptions } from './metric.ts';
import { Growing, read, readWeights, requireSameShape, type Values } from './values.ts';

/** Pairs of numbers of any shape, one after the other. */
function readPairs(
  name: string,
  outputs: Values,
  targets: Values,
): { x: ArrayLike<number>; y: ArrayLike<number> } {
  const x = read(name, outputs);
  const y = read(name, targets);
  requireSameShape(name, x, y);
  return { x: x.data, y: y.data };
}

/**
 * Pearson's correlation of outputs and targets, sum (x - mean x)(y - mean y) / sqrt(sum (x - mean x)^2 sum (y - mean y)^2), batch by batch, from -1 to
 * 1. NaN where one of them is constant.
 */
export class PearsonCorrelation extends Metric<number> {
  /** The first pair: means are kept as distances from it, so that a large offset costs no digits. */
  #origin: readonly [number, number] = [0, 0];
  #weight = 0;
  #meanX = 0;
  #meanY = 0;
  #xx = 0;
  #yy = 0;
  #xy = 0;

  /** @throws RangeError if the shapes differ */
  update(outputs: Values, targets: Values, options: UpdateOptions = {}): this {
    checkUpdate('PearsonCorrelation', options);
    const { x, y } = readPairs('PearsonCorrelation', outputs, targets);
    const weights = readWeights('PearsonCorrelation', options.weights, x.length);
    for (let i = 0; i < x.length; i++) {
      if (this.#weight === 0) this.#origin = [x[i], y[i]];
      this.#join(weights === null ? 1 : weights[i], x[i] - this.#origin[0], y[i] - this.#origin[1], 0, 0, 0);
    }
    return this;
  }

  #join(weight: number, meanX: number, meanY: number, xx: number, yy: number, xy: number): void {
    if (weight === 0) return;
    const total = this.#weight + weight;
    const stepX = meanX - this.#meanX;
    const stepY = meanY - this.#meanY;
    const factor = (this.#weight * weight) / total;
    this.#xx += xx + stepX ** 2 * factor;
    this.#yy += yy + stepY ** 2 * factor;
    this.#xy += xy + stepX * stepY * factor;
    this.#meanX += (stepX * weight) / total;
    this.#meanY += (stepY * weight) / total;
    this.#weight = total;
  }

  compute(): number {
    const value = this.#xy / (Math.sqrt(this.#xx) * Math.sqrt(this.#yy));
    return Math.max(-1, Math.min(1, value));
  }

  override stateDict(): MetricState {
    return {
      origin: [...this.#origin],
      weight: this.#weight,
      meanX: this.#meanX,
      meanY: this.#meanY,
      xx: this.#xx,
      yy: this.#yy,
      xy: this.#xy,
    };
  }

  override loadStateDict(state: {
    origin: readonly [number, number];
    weight: number;
    meanX: number;
    meanY: number;
    xx: number;
    yy: number;
    xy: number;
  }): void {
    this.#origin = state.origin;
    this.#weight = state.weight;
    this.#meanX = state.meanX;
    this.#meanY = state.meanY;
    this.#xx = state.xx;
    this.#yy = state.yy;
    this.#xy = state.xy;
  }

  reset(): this {
    this.#weight = this.#meanX = this.#meanY = this.#xx = this.#yy = this.#xy = 0;
    return this;
  }

  merge(other: this): this {
    checkMerge(this, other);
    if (this.#weight === 0) this.#origin = other.#origin;
    const [x, y] = [other.#origin[0] - this.#origin[0], other.#origin[1] - this.#origin[1]];
    this.#join(other.#weight, other.#meanX + x, other.#meanY + y, other.#xx, other.#yy, other.#xy);
    return this;
  }
}

/** {@link PearsonCorrelation} of numbers given all at once. */
export function pearsonCorrelation(outputs: Values, targets: Values, options: UpdateOptions = {}): number {
  return new PearsonCorrelation().update(outputs, targets, options).compute();
}

/**
 * Spearman's rank correlation: Pearson's of the ranks, equal numbers sharing the mean of theirs. Keeps all numbers. NaN where one side is constant or
 * a number is NaN. There are no weights.
 */
export class SpearmanCorrelation extends Metric<number, Values, Values, object> {
  readonly #x = new Growing();
  readonly #y = new Growing();

  /** @throws RangeError if the shapes differ */
  update(outputs: Values, targets: Values): this {
    const { x, y } = readPairs('SpearmanCorrelation', outputs, targets);
    this.#x.push(x);
    this.#y.push(y);
    return this;
  }

  compute(): number {
    return pearsonCorrelation(ranks(this.#x.values), ranks(this.#y.values));
  }

  override stateDict(): MetricState {
    return { x: this.#x.stateDict(), y: this.#y.stateDict() };
  }

  override loadStateDict(state: { x: Tensor; y: Tensor }): void {
    this.#x.loadStateDict(state.x);
    this.#y.loadStateDict(state.y);
  }

  reset(): this {
    this.#x.clear();
    this.#y.clear();
    return this;
  }

  merge(other: this): this {
    checkMerge(this, other);
    this.#x.push(other.#x.values);
    this.#y.push(other.#y.values);
    return this;
  }
}

/** Places in the order from 1 on; NaN for all if one number is NaN, for that has no place. */
function ranks(values: Float64Array): Float64Array {
  if (values.some(Number.isNaN)) return new Float64Array(values.length).fill(NaN);
  const order = Uint32Array.from(values.keys()).sort((a, b) => values[a] - values[b]);
  const out = new Float64Array(values.length);
  for (let from = 0, to = 0; from < order.length; from = to) {
    while (to < order.length && values[order[to]] === values[order[from]]) to++;
    for (let at = from; at < to; at++) out[order[at]] = (from + to + 1) / 2;
  }
  return out;
}

/** {@link SpearmanCorrelation} of numbers given all at once. */
export function spearmanCorrelation(outputs: Values, targets: Values): number {
  return new SpearmanCorrelation().update(outputs, targets).compute();
}
