import type { Tensor } from '../core/tensor.ts';
import type { Variable } from '../core/variable.ts';
import { FormatError } from '../io/index.ts';
import type { Module } from '../nn/index.ts';
import type { Config, Fields } from './config.ts';
import type { WeightSource } from './weights.ts';

/** What the layers of Keras are here. */

/** One call of a layer. */
export interface Call {
  /** All arrays that it is given by position. */
  readonly inputs: readonly Tensor[];
  /** For each of them which steps are real, or null. */
  readonly masks: readonly (Tensor | null)[];
  /** Everything that it is given by position, numbers too. */
  readonly operands: readonly (Tensor | number)[];
  /** What it is given by name: arrays, lists of them, numbers. */
  readonly options: Fields;
}

/** Results, and for each which steps of it are real. */
export interface MaskedOutputs {
  readonly values: readonly Tensor[];
  readonly masks: readonly (Tensor | null)[];
}

/** Variables of Keras that a layer has, and how to give them back. */
export interface Part {
  /** Attributes that lead to them from the layer. */
  readonly path: readonly string[];
  /** Their arrays with Keras's layouts, in its order. */
  readonly save: () => Tensor[];
}

/** A layer of Keras, built. */
export interface BuiltLayer {
  /** What has parameters or behaves differently in training. */
  readonly module: Module | null;
  readonly call: (call: Call) => Tensor | readonly Tensor[];
  /** Which steps of the output are real. Default: nothing is known. */
  readonly mask?: (call: Call) => Tensor | null;
  /** Instead of both, what gives outputs and masks at once. */
  readonly run?: (call: Call) => MaskedOutputs;
  readonly parts?: readonly Part[];
}

/** What a layer is built with. */
export interface Building {
  readonly weights: WeightSource;
  /** Whether the file is of Keras 2 or TensorFlow.js. */
  readonly isOld: boolean;
  /** Builds a layer inside of the layer. */
  readonly build: (config: Config, weights: WeightSource) => BuiltLayer;
}

/** Makes a layer from its configuration. */
export type Builder = (config: Config, building: Building) => BuiltLayer;

/** A layer of a function of one array, which keeps the input's mask if told so. */
export const plain = (f: (x: Tensor) => Tensor, keepsMask = false): BuiltLayer => ({
  module: null,
  call: ({ inputs: [x] }) => f(x),
  ...(keepsMask ? { mask: firstMask } : {}),
});

/** The mask of the first input. */
export const firstMask = ({ masks }: Call): Tensor | null => masks[0] ?? null;

/** Sets new parameters of a module. */
export function assign(
  config: Config,
  pairs: readonly (readonly [variable: Variable | null, value: Tensor | undefined])[],
): void {
  for (const [variable, value] of pairs) {
    if (variable === null || value === undefined) continue;
    if (String(variable.shape) !== String(value.shape) || !value.dtype.startsWith('float'))
      throw new FormatError(
        `${config.className} ${JSON.stringify(config.name)}: a variable is ${value.dtype} [${value.shape.join(', ')}], the layer needs floats [${variable.shape.join(', ')}]`,
      );
    variable.assign(value.cast(variable.dtype));
  }
}

/** Requires an array with a number of axes, none of them empty. */
export function requireAxes(config: Config, value: Tensor, axes: number): readonly number[] {
  if (value.ndim !== axes || value.shape.includes(0))
    throw new FormatError(
      `${config.className} ${JSON.stringify(config.name)}: a variable has the shape [${value.shape.join(', ')}] instead of ${axes} axes`,
    );
  return value.shape;
}
