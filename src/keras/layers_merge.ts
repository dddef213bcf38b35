import { onesLike } from '../core/create.ts';
import { concat, Tensor } from '../core/tensor.ts';
import * as nn from '../nn/index.ts';
import type { Builder, BuiltLayer, Call } from './layer.ts';

/** Layers with several inputs, and the arithmetic that Keras 3 writes into graphs. */

type Operand = Tensor | number;

/** Keras's layers join any number of inputs, its operations two, of which one may be a number. */
const folded =
  (f: (a: Tensor, b: Operand, swapped: boolean) => Tensor): Builder =>
  (config): BuiltLayer => ({
    module: null,
    call: ({ operands }) => {
      const [first, ...rest] = operands;
      if (first instanceof Tensor && rest.length > 0)
        return rest.reduce<Tensor>((a, b) => f(a, b, false), first);
      if (rest.length === 1 && rest[0] instanceof Tensor) return f(rest[0], first, true);
      return config.unsupported('numbers only');
    },
    mask: anyMask,
  });

/** A step is real if it is in any of the inputs; if one has no mask, nothing is known. */
function anyMask({ masks }: Call): Tensor | null {
  if (masks.length === 0 || masks.some((mask) => mask === null)) return null;
  return (masks as Tensor[]).reduce((a, b) => a.logicalOr(b));
}

const dot: Builder = (config) => {
  const axes = config.integers('axes');
  const pair: [number, number] = axes.length === 1 ? [axes[0], axes[0]] : [axes[0], axes[1]];
  const module = new nn.Dot({ axes: pair, normalize: config.flag('normalize', false) });
  return { module: null, call: ({ inputs: [a, b] }) => module.forward(a, b) };
};

const concatenate: Builder = (config) => {
  const axis = config.number('axis', -1);
  return {
    module: null,
    call: ({ inputs }) => concat([...inputs], axis),
    mask: ({ inputs, masks }) => {
      if (masks.every((mask) => mask === null)) return null;
      const last = inputs[0].ndim - 1;
      const at = axis < 0 ? axis + inputs[0].ndim : axis;
      if (at === last && last > 1)
        return masks.reduce<Tensor | null>(
          (a, b) => (a === null ? b : b === null ? a : a.logicalAnd(b)),
          null,
        );
      if (at !== 1) return null;
      return concat(
        masks.map((mask, i) => mask ?? onesLike(inputs[i].slice(null, null).sum(-1)).cast('bool')),
        1,
      );
    },
  };
};

/** A comparison with an array or a number. */
const compared =
  (f: (a: Tensor, b: Operand) => Tensor): Builder =>
  (config) => ({
    module: null,
    call: ({ operands: [a, b] }) => (a instanceof Tensor ? f(a, b) : config.unsupported('a number first')),
  });

/** A reduction, with the axes of the operation's configuration. */
const reduced =
  (f: (x: Tensor, axis: number[] | undefined, keepDims: boolean) => Tensor): Builder =>
  (config) => {
    const axes = config.has('axis') ? config.integers('axis') : undefined;
    const keepDims = config.flag('keepdims', false);
    return { module: null, call: ({ inputs: [x] }) => f(x, axes, keepDims) };
  };

/** Builders by Keras's names of classes. */
export const mergeLayers: Readonly<Record<string, Builder>> = {
  Add: folded((a, b) => a.add(b)),
  Subtract: folded((a, b, swapped) => (swapped ? a.neg().add(b) : a.sub(b))),
  Multiply: folded((a, b) => a.mul(b)),
  Maximum: folded((a, b) => a.maximum(b)),
  Minimum: folded((a, b) => a.minimum(b)),
  TrueDivide: folded((a, b, swapped) => (swapped ? a.reciprocal().mul(b) : a.div(b))),
  Divide: folded((a, b, swapped) => (swapped ? a.reciprocal().mul(b) : a.div(b))),
  Negative: () => ({ module: null, call: ({ inputs: [x] }) => x.neg() }),
  NotEqual: compared((a, b) => a.ne(b)),
  Equal: compared((a, b) => a.eq(b)),
  Greater: compared((a, b) => a.gt(b)),
  Less: compared((a, b) => a.lt(b)),
  LogicalAnd: compared((a, b) => a.logicalAnd(b)),
  LogicalOr: compared((a, b) => a.logicalOr(b)),
  LogicalNot: () => ({ module: null, call: ({ inputs: [x] }) => x.logicalNot() }),
  Any: reduced((x, axis, keepDims) => x.any(axis, { keepDims })),
  Mean: reduced((x, axis, keepDims) => x.mean(axis, { keepDims })),
  Sum: reduced((x, axis, keepDims) => x.sum(axis, { keepDims })),
  Average: () => ({
    module: null,
    call: ({ inputs }) => inputs.reduce((a, b) => a.add(b)).mul(1 / inputs.length),
    mask: anyMask,
  }),
  Concatenate: concatenate,
  Dot: dot,
};
