import { computing, type DType, isFloat, type TypedArray } from './dtype.ts';
import { bfloat16ToFloat, floatToBfloat16, floatToHalf, halfToFloat, isHalf } from './half.ts';
import { type ArrayType, infer } from './infer.ts';
import { isOp, Node, type Shape, sameShape, sizeOf, stridesOf } from './node.ts';
import type {
  Attributes,
  BinaryKind,
  CompareKind,
  Contraction,
  Op,
  PrefixKind,
  ReduceKind,
  ScatterKind,
  TupleAttributes,
  TupleOp,
  UnaryKind,
} from './vocabulary.ts';

/**
 * The constructors of graph nodes. They check operands, infer the result's type and drop operations that do nothing, so
 * that derivative rules can be written without care for trivial cases. No broadcasting and no promotion here: those
 * belong to the arrays that users see.
 */
export function make<O extends Op>(
  op: O,
  attributes: Attributes[O],
  inputs: readonly Node[],
  target: ArrayType | null = null,
): Node<O> {
  const operands = inputs.some(isOfHalves) ? asComputed(op, inputs) : inputs;
  const asked = operands === inputs ? target : target && { ...target, dtype: computing(target.dtype) };
  const { shape, dtype } = infer[op](attributes as never, operands, asked);
  return new Node(op, attributes, operands, shape, dtype);
}

const isOfHalves = (node: Node): boolean => isHalf(node.dtype);

/** Operations that move elements about: they take those of 16 bits as they are. */
const moves: { readonly [O in Op]?: true } = {
  select: true,
  cast: true,
  alias: true,
  stopGradient: true,
  after: true,
  part: true,
  reshape: true,
  transpose: true,
  broadcast: true,
  slice: true,
  pad: true,
  concat: true,
  window: true,
  gather: true,
  custom: true,
  checkpoint: true,
  scan: true,
  while: true,
  cond: true,
};

/** Operands with float16 and bfloat16 as float32 where the operation computes, or brings them together with other dtypes. */
function asComputed(op: Op, inputs: readonly Node[]): readonly Node[] {
  const values = op === 'select' ? inputs.slice(1) : inputs;
  const meet = op === 'select' || op === 'concat';
  if (moves[op] && !(meet && values.some(({ dtype }) => dtype !== values[0].dtype))) return inputs;
  return inputs.map(computed);
}

/** A node in the dtype in which it is computed with. */
const computed = (x: Node): Node => cast(x, computing(x.dtype));

const none = {};

export const input = (shape: Shape, dtype: DType, name?: string): Node<'input'> =>
  make('input', { name }, [], { shape, dtype });
/** A number as an element of each dtype holds it: one value, however the constant was written. */
const valueIn: { readonly [D in DType]: (value: number) => number } = {
  float32: Math.fround,
  float64: (value) => value,
  int32: (value) => value | 0,
  uint32: (value) => value >>> 0,
  bool: (value) => (value !== 0 ? 1 : 0),
  float16: (value) => halfToFloat(floatToHalf(value)),
  bfloat16: (value) => bfloat16ToFloat(floatToBfloat16(value)),
};

export const constant = (value: number, shape: Shape = [], dtype: DType = 'float32'): Node =>
  make('constant', { value: (valueIn[dtype] ?? Number)(value) }, [], { shape, dtype });
export const literal = (data: TypedArray, shape: Shape, dtype: DType): Node =>
  make('literal', { data }, [], { shape, dtype });
/** A constant of the type of `like`. */
export const fill = (value: number, like: ArrayType): Node => constant(value, like.shape, like.dtype);
export const iota = (axis: number, shape: Shape, dtype: DType = 'int32'): Node =>
  isHalf(dtype) ? cast(iota(axis, shape, 'float32'), dtype) : make('iota', { axis }, [], { shape, dtype });

export const unary = (kind: UnaryKind, x: Node): Node => make('unary', { kind }, [x]);
export const binary = (kind: BinaryKind, x: Node, y: Node): Node => {
  const [a, b] = [computed(x), computed(y)];
  if (kind === 'mul') {
    if (isConstant(a, 1)) return b;
    if (isConstant(b, 1)) return a;
  }
  if (kind === 'div' && isConstant(b, 1)) return a;
  // Rules of derivatives meet constants, 1 / count of a mean above all; in double and rounded once, the value is the operation's.
  if (isFloat(a.dtype) && isOp(a, 'constant') && isOp(b, 'constant') && sameShape(a.shape, b.shape)) {
    const [p, q] = [a.attributes.value, b.attributes.value];
    if (kind === 'mul') return fill(p * q, a);
    if (kind === 'div') return fill(p / q, a);
  }
  return make('binary', { kind }, [a, b]);
};
export const compare = (kind: CompareKind, a: Node, b: Node): Node => make('compare', { kind }, [a, b]);
export const select = (condition: Node, a: Node, b: Node): Node => make('select', none, [condition, a, b]);
export const neg = (x: Node): Node => unary('neg', x);
export const add = (a: Node, b: Node): Node => binary('add', a, b);
export const sub = (a: Node, b: Node): Node => binary('sub', a, b);
export const mul = (a: Node, b: Node): Node => binary('mul', a, b);
export const div = (a: Node, b: Node): Node => binary('div', a, b);

const isConstant = (node: Node, value: number): boolean =>
  isOp(node, 'constant') && node.attributes.value === value;

export function cast(x: Node, dtype: DType): Node {
  if (x.dtype === dtype) return x;
  if (isOp(x, 'constant') && isFloat(dtype)) return constant(x.attributes.value, x.shape, dtype);
  // Between 16 bits and anything else the way goes through float32.
  if (isHalf(dtype) ? x.dtype !== 'float32' : isHalf(x.dtype) && dtype !== 'float32')
    return cast(cast(x, 'float32'), dtype);
  return make('cast', none, [x], { shape: x.shape, dtype });
}
export const bitcast = (x: Node, dtype: DType): Node =>
  x.dtype === dtype ? x : make('bitcast', none, [x], { shape: x.shape, dtype });
export const alias = (x: Node): Node => make('alias', none, [x]);
export const stopGradient = (x: Node): Node => make('stopGradient', none, [x]);

/** x, computed anew once the others are known. */
export const after = (x: Node, others: readonly Node[]): Node => make('after', none, [x, ...others]);

/** The results of an operation that has several. */
export function parts<O extends TupleOp>(op: O, attributes: Attributes[O], inputs: readonly Node[]): Node[] {
  const tuple = make(op, attributes, inputs);
  return (attributes as TupleAttributes[O]).results.map((_, index) => make('part', { index }, [tuple]));
}

export function reshape(x: Node, shape: Shape): Node {
  if (sameShape(x.shape, shape)) return x;
  if (isOp(x, 'constant') && sizeOf(shape) === sizeOf(x.shape))
    return fill(x.attributes.value, { shape, dtype: x.dtype });
  if (x.op === 'reshape' && x.stored === null) return reshape(x.inputs[0], shape);
  return make('reshape', none, [x], { shape, dtype: x.dtype });
}

export function transpose(x: Node, permutation: readonly number[]): Node {
  if (permutation.length === x.shape.length && permutation.every((axis, i) => axis === i)) return x;
  if (isOp(x, 'transpose') && x.stored === null)
    return transpose(
      x.inputs[0],
      permutation.map((axis) => x.attributes.permutation[axis]),
    );
  return make('transpose', { permutation }, [x]);
}

export function broadcast(x: Node, shape: Shape, axes: readonly number[]): Node {
  if (sameShape(x.shape, shape)) return x;
  if (isOp(x, 'constant')) return fill(x.attributes.value, { shape, dtype: x.dtype });
  if (isOp(x, 'broadcast') && x.stored === null)
    return broadcast(
      x.inputs[0],
      shape,
      x.attributes.axes.map((axis) => axes[axis]),
    );
  return make('broadcast', { axes }, [x], { shape, dtype: x.dtype });
}

/** The inverse of a reduction's shape: repeats `x` along the removed `axes` of `shape`. */
export const broadcastAlong = (x: Node, shape: Shape, axes: readonly number[]): Node =>
  broadcast(
    x,
    shape,
    shape.map((_, i) => i).filter((i) => !axes.includes(i)),
  );

/** NumPy's rule: aligns shapes at the right, extents of 1 repeat. */
export function broadcastTo(x: Node, shape: Shape): Node {
  if (sameShape(x.shape, shape)) return x;
  const shift = shape.length - x.shape.length;
  const kept: number[] = [];
  x.shape.forEach((extent, i) => {
    if (extent === shape[i + shift]) kept.push(i);
  });
  return broadcast(
    reshape(
      x,
      kept.map((i) => x.shape[i]),
    ),
    shape,
    kept.map((i) => i + shift),
  );
}

export function slice(x: Node, start: readonly number[], step: readonly number[], shape: Shape): Node {
  if (sameShape(x.shape, shape) && step.every((s) => s === 1)) return x;
  return make('slice', { start, step }, [x], { shape, dtype: x.dtype });
}

export function pad(
  x: Node,
  low: readonly number[],
  high: readonly number[],
  interior: readonly number[] = low.map(() => 0),
  value = 0,
): Node {
  const nothing = low.every((n) => n === 0) && high.every((n) => n === 0) && interior.every((n) => n === 0);
  return nothing && low.length === x.shape.length ? x : make('pad', { low, high, interior, value }, [x]);
}

export const concat = (parts: readonly Node[], axis: number): Node =>
  parts.length === 1 && axis in parts[0].shape ? parts[0] : make('concat', { axis }, parts);
export const window = (x: Node, attributes: Attributes['window']): Node => make('window', attributes, [x]);
export const reduce = (kind: ReduceKind, x: Node, axes: readonly number[]): Node =>
  axes.length === 0 ? computed(x) : make('reduce', { kind, axes }, [x]);
export const argreduce = (kind: 'max' | 'min', x: Node, axes: readonly number[]): Node =>
  make('argreduce', { kind, axes }, [x]);
export const prefix = (kind: PrefixKind, x: Node, axis: number, reverse = false): Node =>
  x.shape[axis] === 1 && x.dtype !== 'bool' ? computed(x) : make('prefix', { kind, axis, reverse }, [x]);
export const contract = (contraction: Contraction, a: Node, b: Node): Node =>
  make('contract', contraction, [a, b]);
export const gather = (x: Node, indices: Node, axis: number): Node => make('gather', { axis }, [x, indices]);
/** Updates of `shape` without `axis`, that many for each index, joined at their indices along `axis`. */
export const scatter = (
  kind: ScatterKind,
  indices: Node,
  updates: Node,
  shape: Shape,
  axis: number,
): Node<'scatter'> => make('scatter', { kind, axis }, [indices, updates], { shape, dtype: updates.dtype });
export const scatterAdd = (indices: Node, updates: Node, shape: Shape, axis: number): Node =>
  scatter('add', indices, updates, shape, axis);
export const argsort = (x: Node): Node => make('argsort', none, [x]);
export const threefry = (
  word: 'first' | 'second' | 'xor',
  key: readonly [Node, Node],
  counter: readonly [Node, Node],
): Node => make('threefry', { word }, [...key, ...counter]);

/** Row-major position along `axes` as an int32 array of `shape`: what argreduce returns the winner of. */
export function positionAlong(shape: Shape, axes: readonly number[]): Node {
  const strides = stridesOf(axes.map((axis) => shape[axis]));
  let position: Node | null = null;
  axes.forEach((axis, i) => {
    const term = mul(iota(axis, shape), constant(strides[i], shape, 'int32'));
    position = position === null ? term : add(position, term);
  });
  return position ?? constant(0, shape, 'int32');
}
