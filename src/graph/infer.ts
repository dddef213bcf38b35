import { type DType, dtypes, isFloat, isInteger } from './dtype.ts';
import { isTuple, type Node, type Shape, sameShape, sizeOf, typeText } from './node.ts';
import type { AffineIndex, Attributes, CompositeBinaryKind, Op, UnaryKind } from './vocabulary.ts';

/** What a node evaluates to: its shape and dtype. */
export interface ArrayType {
  readonly shape: Shape;
  readonly dtype: DType;
}

/**
 * Shape and dtype of every operation, and the checks on its operands. `target` is what the caller asks for where the operands
 * do not determine the result (constant, cast, reshape, ...).
 */
type Rule<O extends Op> = (
  attributes: Attributes[O],
  inputs: readonly Node[],
  target: ArrayType | null,
) => ArrayType;

/** A rule of the graph is broken: a mistake of the caller of a node constructor, told with the operand types. */
export class GraphError extends Error {
  override name = 'GraphError';
}

function fail(op: Op, inputs: readonly Node[], problem: string): never {
  const operands = inputs.map((input) => typeText(input.dtype, input.shape)).join(' and ');
  throw new GraphError(`${op}: ${problem}${operands ? ` (operands: ${operands})` : ''}`);
}

function asked(op: Op, target: ArrayType | null): ArrayType {
  if (target === null) throw new GraphError(`${op}: the result's shape and dtype must be given`);
  if (!dtypes.includes(target.dtype))
    throw new GraphError(
      `${op}: there is no dtype '${String(target.dtype)}'; dtypes are ${dtypes.join(', ')}`,
    );
  for (const extent of target.shape)
    if (!Number.isInteger(extent) || extent < 0)
      throw new GraphError(`${op}: extents must be integers >= 0, got [${target.shape.join(', ')}]`);
  return target;
}

const arithmetic = new Set(['add', 'sub', 'mul', 'div', 'rem', 'pow', 'max', 'min']);
const floatPairs: ReadonlySet<string> = new Set<CompositeBinaryKind>([
  'atan2',
  'hypot',
  'logaddexp',
  'zeta',
  'igamma',
  'igammac',
]);
const floatOnly: ReadonlySet<string> = new Set<UnaryKind>([
  'exp',
  'log',
  'expm1',
  'log1p',
  'sin',
  'cos',
  'tanh',
  'erf',
  'sigmoid',
  'sqrt',
  'rsqrt',
  'floor',
  'ceil',
  'round',
  'tan',
  'asin',
  'acos',
  'atan',
  'sinh',
  'cosh',
  'asinh',
  'acosh',
  'atanh',
  'exp2',
  'log2',
  'log10',
  'cbrt',
  'erfc',
  'erfinv',
  'lgamma',
  'digamma',
  'i0',
  'i1',
  'i0e',
  'i1e',
]);

/** Number of positions of a window of `size` taps over `extent` elements. */
export const windowCount = (extent: number, size: number, stride: number, dilation: number): number =>
  Math.max(0, Math.floor((extent - (size - 1) * dilation - 1) / stride) + 1);

const checkIndex = (
  inputs: readonly Node[],
  which: string,
  operand: Node,
  index: readonly AffineIndex[],
  axes: number,
) => {
  if (index.length !== operand.shape.length)
    fail(
      'contract',
      inputs,
      `operand ${which} has rank ${operand.shape.length}, its index has ${index.length} coordinates`,
    );
  for (const { terms, divisor } of index) {
    if (divisor < 1) fail('contract', inputs, `divisors must be positive, got ${divisor}`);
    for (const [axis, coefficient] of terms)
      if (axis < 0 || axis >= axes || coefficient === 0)
        fail(
          'contract',
          inputs,
          `operand ${which} uses axis ${axis} with coefficient ${coefficient} of ${axes} axes`,
        );
  }
};

/** Nodes that stand for several results have no type of their own. */
const tuple = (): ArrayType => ({ shape: [], dtype: 'bool' });

export const infer: { readonly [O in Op]: Rule<O> } = {
  input: (_, __, target) => asked('input', target),
  constant: (_, __, target) => asked('constant', target),
  literal: ({ data }, inputs, target) => {
    const type = asked('literal', target);
    if (sizeOf(type.shape) !== data.length)
      fail('literal', inputs, `${data.length} elements do not fill ${typeText(type.dtype, type.shape)}`);
    return type;
  },
  iota: ({ axis }, inputs, target) => {
    const type = asked('iota', target);
    if (axis < 0 || axis >= type.shape.length)
      fail('iota', inputs, `axis ${axis} is not in 0..${type.shape.length - 1}`);
    return type;
  },
  unary: ({ kind }, inputs) => {
    const [{ shape, dtype }] = inputs;
    if (floatOnly.has(kind) && !isFloat(dtype))
      fail('unary', inputs, `${kind} needs a float operand; cast it first`);
    if (kind === 'not' ? isFloat(dtype) : dtype === 'bool')
      fail('unary', inputs, `${kind} is not defined for ${dtype}`);
    return { shape, dtype };
  },
  binary: ({ kind }, inputs) => {
    const [a, b] = inputs;
    if (!sameShape(a.shape, b.shape) || a.dtype !== b.dtype)
      fail('binary', inputs, `${kind} needs operands of one shape and dtype`);
    if (floatPairs.has(kind) && !isFloat(a.dtype))
      fail('binary', inputs, `${kind} needs float operands; cast them first`);
    if (arithmetic.has(kind) ? a.dtype === 'bool' : isFloat(a.dtype) && !floatPairs.has(kind))
      fail('binary', inputs, `${kind} is not defined for ${a.dtype}`);
    if ((kind === 'shl' || kind === 'shr' || kind === 'gcd') && !isInteger(a.dtype))
      fail('binary', inputs, `${kind} needs integers`);
    return { shape: a.shape, dtype: a.dtype };
  },
  compare: ({ kind }, inputs) => {
    const [a, b] = inputs;
    if (!sameShape(a.shape, b.shape) || a.dtype !== b.dtype)
      fail('compare', inputs, `${kind} needs operands of one shape and dtype`);
    return { shape: a.shape, dtype: 'bool' };
  },
  select: (_, inputs) => {
    const [condition, a, b] = inputs;
    if (condition.dtype !== 'bool') fail('select', inputs, 'the condition must be bool');
    if (!sameShape(condition.shape, a.shape) || !sameShape(a.shape, b.shape) || a.dtype !== b.dtype)
      fail('select', inputs, 'condition and branches must have one shape, branches one dtype');
    return { shape: a.shape, dtype: a.dtype };
  },
  cast: (_, [x], target) => ({ shape: x.shape, dtype: asked('cast', target).dtype }),
  bitcast: (_, inputs, target) => {
    const dtype = asked('bitcast', target).dtype;
    for (const type of [dtype, inputs[0].dtype])
      if (type !== 'float32' && !isInteger(type)) fail('bitcast', inputs, `${type} is not a 32-bit dtype`);
    return { shape: inputs[0].shape, dtype };
  },
  alias: (_, [x]) => x,
  stopGradient: (_, [x]) => x,
  after: (_, [x]) => x,
  part: ({ index }, inputs) => {
    const type = isTuple(inputs[0]) ? inputs[0].attributes.results[index] : undefined;
    if (type === undefined) fail('part', inputs, `there is no result ${index}`);
    return type;
  },
  custom: tuple,
  checkpoint: tuple,
  scan: tuple,
  while: tuple,
  cond: tuple,
  factor: tuple,
  reshape: (_, inputs, target) => {
    const { shape } = asked('reshape', target);
    if (sizeOf(shape) !== sizeOf(inputs[0].shape))
      fail('reshape', inputs, `cannot become [${shape.join(', ')}]`);
    return { shape, dtype: inputs[0].dtype };
  },
  transpose: ({ permutation }, inputs) => {
    const { shape, dtype } = inputs[0];
    if (
      permutation.length !== shape.length ||
      new Set(permutation).size !== shape.length ||
      permutation.some((i) => !(i in shape))
    )
      fail('transpose', inputs, `[${permutation.join(', ')}] is not a permutation of the axes`);
    return { shape: permutation.map((axis) => shape[axis]), dtype };
  },
  broadcast: ({ axes }, inputs, target) => {
    const { shape } = asked('broadcast', target);
    const [x] = inputs;
    const fits =
      axes.length === x.shape.length &&
      axes.every((axis, i) => shape[axis] === x.shape[i] && (i === 0 || axes[i - 1] < axis));
    if (!fits)
      fail(
        'broadcast',
        inputs,
        `axes [${axes.join(', ')}] do not place the operand in [${shape.join(', ')}]`,
      );
    return { shape, dtype: x.dtype };
  },
  slice: ({ start, step }, inputs, target) => {
    const { shape } = asked('slice', target);
    const [x] = inputs;
    if (shape.length !== x.shape.length)
      fail('slice', inputs, `rank ${shape.length} differs from the operand's`);
    shape.forEach((count, i) => {
      const last = start[i] + (count - 1) * step[i];
      if (
        step[i] === 0 ||
        (count > 0 && (start[i] < 0 || start[i] >= x.shape[i] || last < 0 || last >= x.shape[i]))
      )
        fail('slice', inputs, `${count} elements from ${start[i]} by ${step[i]} leave axis ${i}`);
    });
    return { shape, dtype: x.dtype };
  },
  pad: ({ low, high, interior }, inputs) => {
    const [x] = inputs;
    const shape = x.shape.map(
      (extent, i) => extent + Math.max(0, extent - 1) * interior[i] + low[i] + high[i],
    );
    if (low.length !== x.shape.length || shape.some((extent) => extent < 0) || interior.some((n) => n < 0))
      fail(
        'pad',
        inputs,
        `low [${low.join(', ')}], high [${high.join(', ')}], interior [${interior.join(', ')}] do not fit`,
      );
    return { shape, dtype: x.dtype };
  },
  concat: ({ axis }, inputs) => {
    const [first] = inputs;
    if (!(axis in first.shape)) fail('concat', inputs, `there is no axis ${axis}`);
    let extent = 0;
    for (const input of inputs) {
      const fits =
        input.shape.length === first.shape.length &&
        input.shape.every((n, i) => i === axis || n === first.shape[i]);
      if (!fits || input.dtype !== first.dtype)
        fail('concat', inputs, `operands must have one dtype and equal extents but on axis ${axis}`);
      extent += input.shape[axis];
    }
    return { shape: first.shape.map((n, i) => (i === axis ? extent : n)), dtype: first.dtype };
  },
  window: ({ axes, size, stride, dilation }, inputs) => {
    const [x] = inputs;
    const shape = [...x.shape];
    axes.forEach((axis, i) => {
      if (!(axis in shape)) fail('window', inputs, `there is no axis ${axis}`);
      if (size[i] < 1 || stride[i] < 1 || dilation[i] < 1)
        fail('window', inputs, 'sizes, strides and dilations start at 1');
      shape[axis] = windowCount(x.shape[axis], size[i], stride[i], dilation[i]);
    });
    return { shape: [...shape, ...size], dtype: x.dtype };
  },
  reduce: ({ kind, axes }, inputs) => {
    const [x] = inputs;
    if (axes.some((axis, i) => !(axis in x.shape) || (i > 0 && axes[i - 1] >= axis)))
      fail('reduce', inputs, `axes [${axes.join(', ')}] must be ascending and exist`);
    if (kind === 'and' || kind === 'or' ? x.dtype !== 'bool' : x.dtype === 'bool')
      fail('reduce', inputs, `${kind} is not defined for ${x.dtype}`);
    if ((kind === 'max' || kind === 'min') && axes.some((axis) => x.shape[axis] === 0))
      fail('reduce', inputs, `${kind} over an empty axis has no value`);
    return { shape: x.shape.filter((_, i) => !axes.includes(i)), dtype: x.dtype };
  },
  argreduce: ({ kind, axes }, inputs) => {
    const [x] = inputs;
    if (axes.some((axis, i) => !(axis in x.shape) || (i > 0 && axes[i - 1] >= axis)))
      fail('argreduce', inputs, `axes [${axes.join(', ')}] must be ascending and exist`);
    if (axes.some((axis) => x.shape[axis] === 0))
      fail('argreduce', inputs, `arg${kind} over an empty axis has no value`);
    return { shape: x.shape.filter((_, i) => !axes.includes(i)), dtype: 'int32' };
  },
  prefix: ({ kind, axis }, inputs) => {
    const [{ shape, dtype }] = inputs;
    if (!(axis in shape)) fail('prefix', inputs, `there is no axis ${axis}`);
    if (dtype === 'bool') fail('prefix', inputs, `${kind} is not defined for bool; cast it first`);
    return { shape, dtype };
  },
  contract: ({ sizes, outRank, a, b }, inputs) => {
    const [x, y] = inputs;
    if (x.dtype !== y.dtype || x.dtype === 'bool')
      fail('contract', inputs, 'operands must be numbers of one dtype');
    checkIndex(inputs, 'A', x, a, sizes.length);
    checkIndex(inputs, 'B', y, b, sizes.length);
    return { shape: sizes.slice(0, outRank), dtype: x.dtype };
  },
  gather: ({ axis }, inputs) => {
    const [x, indices] = inputs;
    if (!(axis in x.shape)) fail('gather', inputs, `there is no axis ${axis}`);
    if (indices.dtype !== 'int32') fail('gather', inputs, 'indices must be int32');
    if (x.shape[axis] === 0 && sizeOf(indices.shape) > 0) fail('gather', inputs, `axis ${axis} is empty`);
    return {
      shape: [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)],
      dtype: x.dtype,
    };
  },
  scatter: ({ kind, axis }, inputs, target) => {
    const type = asked('scatter', target);
    const [indices, updates] = inputs;
    const expected = [...type.shape.slice(0, axis), ...indices.shape, ...type.shape.slice(axis + 1)];
    if (
      !(axis in type.shape) ||
      indices.dtype !== 'int32' ||
      updates.dtype !== type.dtype ||
      !sameShape(updates.shape, expected)
    )
      fail('scatter', inputs, `updates must be ${typeText(type.dtype, expected)} and indices int32`);
    if (type.dtype === 'bool') fail('scatter', inputs, `${kind} is not defined for bool; cast it first`);
    return type;
  },
  argsort: (_, inputs) => {
    if (inputs[0].shape.length === 0) fail('argsort', inputs, 'the operand needs an axis to sort along');
    return { shape: inputs[0].shape, dtype: 'int32' };
  },
  threefry: (_, inputs) => {
    const [first] = inputs;
    for (const operand of inputs)
      if (operand.dtype !== 'uint32' || !sameShape(operand.shape, first.shape))
        fail('threefry', inputs, 'keys and counters must be uint32 of one shape');
    return { shape: first.shape, dtype: 'uint32' };
  },
};
