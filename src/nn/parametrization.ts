import { checkOptions } from '../core/options.ts';
import { normal } from '../core/random.ts';
import type { Tensor } from '../core/tensor.ts';
import { stopGradient } from '../core/transforms.ts';
import type { DType } from '../graph/dtype.ts';
import { Module } from './module.ts';
import { Buffer, Parameter } from './parameter.ts';
import { requirePositive } from './spatial_sizes.ts';

/** Weights that are computed from others each time they are read. */

/** Stands in a layer's field for a parameter: `value` is computed from parameters of its own. */
export abstract class Parametrization extends Module {
  /** What the layer reads. */
  abstract get value(): Tensor;

  abstract get shape(): readonly number[];

  abstract get dtype(): DType;

  /** The value. */
  forward(): Tensor {
    return this.value;
  }
}

/** Lengths of the slices of x along an axis, keeping dimensions. */
const lengths = (x: Tensor, axis: number): Tensor =>
  x
    .square()
    .sum(
      x.shape.flatMap((_, i) => (i === axis ? [] : [i])),
      { keepDims: true },
    )
    .sqrt();

/** `g v / |v|` with a length g for each slice along an axis. */
export class WeightNorm extends Parametrization {
  /** Lengths, with extent 1 on all axes but one. */
  readonly g: Parameter;
  /** Directions, of the shape of the weight. */
  readonly v: Parameter;
  readonly axis: number;

  constructor(weight: Tensor, axis: number) {
    super();
    this.axis = axis;
    this.g = new Parameter(lengths(weight, axis), { name: 'g' });
    this.v = new Parameter(weight, { name: 'v' });
  }

  get value(): Tensor {
    const v = this.v.value;
    return v.mul(this.g.value.div(lengths(v, this.axis)));
  }

  get shape(): readonly number[] {
    return this.v.shape;
  }

  get dtype(): DType {
    return this.v.dtype;
  }
}

/** The weight divided by its largest singular value, which power iteration estimates: one step at each reading in training. */
export class SpectralNorm extends Parametrization {
  readonly weight: Parameter;
  /** Left singular vector [rows], of the weight as a matrix of its first axis by all others. */
  readonly u: Buffer;
  /** Right singular vector. */
  readonly v: Buffer;
  readonly steps: number;
  readonly eps: number;

  constructor(weight: Tensor, steps: number, eps: number) {
    super();
    this.steps = steps;
    this.eps = eps;
    const rows = weight.shape[0];
    const matrix = weight.reshape([rows, weight.size / rows]);
    const unit = (x: Tensor) => this.#unit(x);
    let u = unit(normal([rows]).cast(weight.dtype));
    let v = unit(u.matmul(matrix));
    for (let i = 0; i < 15; i++) {
      u = unit(matrix.matmul(v));
      v = unit(u.matmul(matrix));
    }
    this.weight = new Parameter(weight, { name: 'weight' });
    this.u = new Buffer(u, { name: 'u' });
    this.v = new Buffer(v, { name: 'v' });
  }

  get value(): Tensor {
    const weight = this.weight.value;
    const matrix = weight.reshape([weight.shape[0], weight.size / weight.shape[0]]);
    if (this.training) this.#iterate(stopGradient(matrix));
    const [u, v] = [stopGradient(this.u.value), stopGradient(this.v.value)];
    return weight.div(u.mul(matrix.matmul(v)).sum());
  }

  get shape(): readonly number[] {
    return this.weight.shape;
  }

  get dtype(): DType {
    return this.weight.dtype;
  }

  #iterate(matrix: Tensor): void {
    let [u, v] = [this.u.value, this.v.value];
    for (let i = 0; i < this.steps; i++) {
      u = this.#unit(matrix.matmul(v));
      v = this.#unit(u.matmul(matrix));
    }
    this.u.assign(u);
    this.v.assign(v);
  }

  #unit(x: Tensor): Tensor {
    return x.div(x.square().sum().sqrt().maximum(this.eps));
  }
}

/** The parameter of a layer that is to be replaced. */
function weightOf(name: string, layer: Module, field: string): Tensor {
  const parameter = (layer as unknown as Record<string, unknown>)[field];
  if (!(parameter instanceof Parameter) || parameter.shape.length === 0)
    throw new Error(`${name}: ${layer.constructor.name} has no parameter '${field}' with axes`);
  return parameter.value;
}

const replace = (layer: Module, field: string, by: Parametrization): void => {
  (layer as unknown as Record<string, unknown>)[field] = by;
};

/**
 * Weight normalization: from now on a layer's weight is `g v / |v|`, length and direction apart, with parameters `weight.g`
 * and `weight.v` in its place. The layer computes what it did before. Before an optimizer is made. Salimans, Kingma (2016).
 *
 * @param options.field of the layer, default weight
 * @param options.axis slices along which have a length each, default 0: outputs
 * @returns the layer
 * @throws if there is no such parameter or axis
 */
export function weightNorm<M extends Module>(layer: M, options: { field?: string; axis?: number } = {}): M {
  checkOptions('weightNorm', options, ['field', 'axis']);
  const { field = 'weight', axis = 0 } = options;
  const weight = weightOf('weightNorm', layer, field);
  const at = axis < 0 ? axis + weight.ndim : axis;
  if (!Number.isInteger(at) || at < 0 || at >= weight.ndim)
    throw new Error(`weightNorm: there is no axis ${axis} in [${weight.shape.join(', ')}]`);
  replace(layer, field, new WeightNorm(weight, at));
  return layer;
}

/**
 * Spectral normalization: from now on a layer's weight is divided by its largest singular value (of the matrix of outputs
 * by everything else), so that the layer lengthens no vector. `weight.weight` is the parameter; `weight.u` and `weight.v`
 * are buffers of the power iteration, which goes on at every call in training. Before an optimizer is made. Miyato et al.
 * (2018).
 *
 * @param options.field of the layer, default weight
 * @param options.steps of the power iteration at each call, default 1
 * @param options.eps least length that vectors are divided by, default 1e-12
 * @returns the layer
 * @throws if there is no such parameter
 */
export function spectralNorm<M extends Module>(
  layer: M,
  options: { field?: string; steps?: number; eps?: number } = {},
): M {
  checkOptions('spectralNorm', options, ['field', 'steps', 'eps']);
  const { field = 'weight', steps = 1, eps = 1e-12 } = options;
  requirePositive('spectralNorm', { steps });
  replace(layer, field, new SpectralNorm(weightOf('spectralNorm', layer, field), steps, eps));
  return layer;
}
