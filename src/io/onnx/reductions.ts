import { arange } from '../../core/create.ts';
import type { Tensor } from '../../core/tensor.ts';
import type { Call, Operator, Operators } from './call.ts';

/** Operators of ONNX that reduce axes, or order along one. */

type Reduction = (x: Tensor, axes: number[], options: { keepDims: boolean }) => Tensor;

const reducing =
  (f: Reduction): Operator =>
  (call) => {
    const x = call.tensor(0);
    const given = call.either('axes', 1);
    if ((given === null || given.length === 0) && call.int('noop_with_empty_axes', 0) === 1)
      return f(x, [], { keepDims: true });
    const axes = given === null || given.length === 0 ? x.shape.map((_, i) => i) : given;
    return f(
      x,
      axes.map((axis) => call.axis(axis, x.ndim)),
      { keepDims: call.int('keepdims', 1) === 1 },
    );
  };

const extreme =
  (kind: 'argmax' | 'argmin'): Operator =>
  (call) => {
    const x = call.tensor(0);
    const axis = call.axis(call.int('axis', 0), x.ndim);
    const options = { keepDims: call.int('keepdims', 1) === 1 };
    if (call.int('select_last_index', 0) === 0) return x[kind](axis, options);
    return x
      .flip(axis)
      [kind](axis, options)
      .neg()
      .add(x.shape[axis] - 1);
  };

/** Before version 13 the axes from `axis` on were one. */
function alongAxis(call: Call, f: (x: Tensor, axis: number) => Tensor): Tensor {
  const x = call.tensor(0);
  if (call.opset >= 13) return f(x, call.axis(call.int('axis', -1), x.ndim));
  const axis = call.axis(call.int('axis', 1), x.ndim);
  const rows = x.shape.slice(0, axis);
  return f(x.reshape([...rows, x.shape.slice(axis).reduce((a, b) => a * b, 1)]), rows.length).reshape(
    x.shape,
  );
}

function topK(call: Call): Tensor[] {
  const x = call.tensor(0);
  const count = call.opset >= 10 ? call.known(1)[0] : call.int('k', 0);
  const axis = call.axis(call.int('axis', -1), x.ndim);
  const { values, indices } = x.topk(count, axis, { largest: call.int('largest', 1) === 1 });
  return [values, indices];
}

export const reductions: Operators = {
  ReduceSum: reducing((x, axes, options) => x.sum(axes, options)),
  ReduceMean: reducing((x, axes, options) => x.mean(axes, options)),
  ReduceMax: reducing((x, axes, options) =>
    x.dtype === 'bool' ? x.any(axes, options) : x.max(axes, options),
  ),
  ReduceMin: reducing((x, axes, options) =>
    x.dtype === 'bool' ? x.all(axes, options) : x.min(axes, options),
  ),
  ReduceProd: reducing((x, axes, options) => x.prod(axes, options)),
  ReduceL1: reducing((x, axes, options) => x.abs().sum(axes, options)),
  ReduceL2: reducing((x, axes, options) => x.mul(x).sum(axes, options).sqrt()),
  ReduceSumSquare: reducing((x, axes, options) => x.mul(x).sum(axes, options)),
  ReduceLogSum: reducing((x, axes, options) => x.sum(axes, options).log()),
  ReduceLogSumExp: reducing((x, axes, options) => x.logsumexp(axes, options)),
  ArgMax: extreme('argmax'),
  ArgMin: extreme('argmin'),
  Softmax: (call) => alongAxis(call, (x, axis) => x.softmax(axis)),
  LogSoftmax: (call) => alongAxis(call, (x, axis) => x.logSoftmax(axis)),
  Hardmax: (call) =>
    alongAxis(call, (x, axis) => {
      const places = arange(x.shape[axis]).reshape(x.shape.map((n, i) => (i === axis ? n : 1)));
      return places.eq(x.argmax(axis, { keepDims: true })).cast(x.dtype);
    }),
  TopK: topK,
};
