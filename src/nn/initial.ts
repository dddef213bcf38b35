import type { Tensor } from '../core/tensor.ts';
import { settle, type Variable } from '../core/variable.ts';
import { type Initializer, layerDefault } from './init.ts';
import type { Module } from './module.ts';
import { Parameter } from './parameter.ts';

/** Options of layers with a weight and a bias: how they begin. */
export interface InitialOptions {
  /** First weight, such as `nn.init.heNormal`. Default U(-1/√fanIn, 1/√fanIn). */
  weightInit?: Initializer;
  /** First bias, such as `nn.init.zeros`. Default as for the weight. */
  biasInit?: Initializer;
}

export const initialKeys = ['weightInit', 'biasInit'] as const;

/**
 * First values of a shape, as the user's function makes them.
 *
 * @throws if it makes another shape
 */
export function made(name: string, initializer: Initializer, shape: readonly number[]): Tensor {
  const value = initializer(shape);
  if (String(value?.shape) !== String(shape))
    throw new Error(
      `${name}: the initializer made [${value?.shape?.join(', ')}], needed is [${shape.join(', ')}]`,
    );
  return value;
}

/**
 * Weight and bias of a layer that multiplies and adds.
 *
 * @throws if an initializer makes another shape
 */
export function affineParameters(
  name: string,
  shape: readonly number[],
  outputs: number,
  { bias = true, weightInit = layerDefault, biasInit }: InitialOptions & { bias?: boolean },
): { weight: Parameter; bias: Parameter | null } {
  const weight = new Parameter(made(name, weightInit, shape), { name: 'weight' });
  if (!bias) return { weight, bias: null };
  const first = biasInit === undefined ? layerDefault(shape, [outputs]) : made(name, biasInit, [outputs]);
  return { weight, bias: new Parameter(first, { name: 'bias' }) };
}

/**
 * Gives parameters of a model new first values: those with two axes or more by `weightInit`, the others, such as biases and the
 * factors of normalizations, by `biasInit`, or if there is none, not at all. `choose` can pick parameters by name.
 *
 * ```ts
 * nn.initialize(model, { weightInit: (shape) => nn.init.orthogonal(shape, Math.SQRT2) });
 * ```
 *
 * @throws if an initializer makes another shape
 */
export function initialize(
  model: Module,
  { weightInit, biasInit }: InitialOptions,
  choose: (name: string, parameter: Variable) => boolean = () => true,
): void {
  const chosen = model.namedParameters().filter(([name, parameter]) => choose(name, parameter));
  const values = chosen.flatMap(([name, parameter]): [Variable, Tensor][] => {
    const initializer = parameter.shape.length < 2 ? biasInit : weightInit;
    if (initializer === undefined) return [];
    return [[parameter, made(`initialize: ${name}`, initializer, parameter.shape).cast(parameter.dtype)]];
  });
  for (const [parameter, value] of values) parameter.assign(value);
  settle(values.map(([parameter]) => parameter));
}
