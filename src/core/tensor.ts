import * as g from '../graph/build.ts';
import { bytesOf, type DType, dtypes, isFloat, isInteger, type TypedArray, viewOf } from '../graph/dtype.ts';
import type { Node } from '../graph/node.ts';
import { sizeOf } from '../graph/node.ts';
import type { BinaryKind, CompareKind, ReduceKind, UnaryKind } from '../graph/vocabulary.ts';
import { Storage } from '../runtime/storage.ts';
import { hold, letGo, realize, storageOf } from './evaluate.ts';
import { alike, axesOf, axisOf, broadcastShapes, meet } from './operands.ts';
import { formatArray } from './print.ts';
import { einsumOf, matmulOf } from './products.ts';
import { noteCreated } from './scope.ts';
import { isTracing } from './trace.ts';
import * as views from './views.ts';

/** Operands of arithmetic: arrays, or JavaScript numbers that take the array's dtype. */
export type Operand = Tensor | number | boolean;
export type Axis = number | readonly number[];
export interface ReduceOptions {
  /** Keeps reduced axes with extent 1. */
  keepDims?: boolean;
}
export type NestedArray = number | boolean | NestedArray[];

/** Beyond this many unevaluated operations in a chain, an array is evaluated as it is made: memory stays bounded. */
export const laziest = 400;

function raw(value: Operand): Node | number | boolean {
  if (value instanceof Tensor) return value.node;
  if (typeof value === 'number' || typeof value === 'boolean') return value;
  const given = value as object | null | undefined | string;
  const type = typeof given === 'object' && given !== null ? given.constructor?.name : String(given);
  throw new TypeError(
    `Tensor: operands are arrays, numbers or booleans, got ${type}; use the value of a Variable, and tensor() for JavaScript arrays`,
  );
}

/**
 * An immutable n-dimensional array, lazily evaluated: operations record a graph, and reading a value (`item`, `toArray`,
 * `dataSync`, printing) compiles and runs what it needs. Operands broadcast as in NumPy; dtypes promote
 * bool < int32, uint32 < float32 < float64.
 */
export class Tensor {
  /** The graph node that defines the value. */
  readonly node: Node;

  constructor(node: Node) {
    this.node = node;
    if (node.depth > laziest && !isTracing()) realize([node]);
    noteCreated(this);
  }

  get shape(): readonly number[] {
    return this.node.shape;
  }
  get dtype(): DType {
    return this.node.dtype;
  }
  /** Number of elements. */
  get size(): number {
    return sizeOf(this.node.shape);
  }
  /** Number of axes. */
  get ndim(): number {
    return this.node.shape.length;
  }

  // Reading

  /** The elements in row-major order, as a new typed array (bool as Uint8Array of 0 and 1). */
  dataSync(): TypedArray {
    return storageOf(this.node).read().slice();
  }
  /** As dataSync, on every device. */
  async data(): Promise<TypedArray> {
    return this.dataSync();
  }
  /** The only element of an array of size 1, as a number (bool as 0 or 1). */
  item(): number {
    if (this.size !== 1)
      throw new Error(`item: needs an array with one element, got shape [${this.shape.join(', ')}]`);
    return storageOf(this.node).read()[0];
  }
  /** Nested JavaScript arrays of numbers (booleans for bool); a plain number for a scalar. */
  toArray(): NestedArray {
    const data = storageOf(this.node).read();
    const { shape, dtype } = this;
    const build = (axis: number, from: number, count: number): NestedArray => {
      if (axis === shape.length) return dtype === 'bool' ? data[from] !== 0 : data[from];
      const part = shape[axis] === 0 ? 0 : count / shape[axis];
      return Array.from({ length: shape[axis] }, (_, i) => build(axis + 1, from + i * part, part));
    };
    return build(0, 0, this.size);
  }
  toString(): string {
    return formatArray(storageOf(this.node).read(), this.shape, this.dtype);
  }
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }
  /**
   * Frees the memory of the value now instead of when the collector finds it. The array cannot be used afterwards. The content
   * of a variable stays.
   */
  dispose(): void {
    letGo(this.node);
  }
  [Symbol.dispose](): void {
    this.dispose();
  }

  // Elementwise

  #unary(kind: UnaryKind, floats = true): Tensor {
    const x = floats && !isFloat(this.dtype) ? g.cast(this.node, 'float32') : this.node;
    return new Tensor(g.unary(kind, x));
  }
  #binary(kind: BinaryKind, other: Operand, floats = false): Tensor {
    const [a, b] = meet(kind, [this.node, raw(other)], floats);
    const numbers =
      a.dtype === 'bool' && !['and', 'or', 'xor'].includes(kind)
        ? [g.cast(a, 'int32'), g.cast(b, 'int32')]
        : [a, b];
    return new Tensor(g.binary(kind, numbers[0], numbers[1]));
  }
  #compare(kind: CompareKind, other: Operand, swap = false): Tensor {
    const [a, b] = meet(kind, [this.node, raw(other)]);
    return new Tensor(swap ? g.compare(kind, b, a) : g.compare(kind, a, b));
  }

  add(other: Operand): Tensor {
    return this.#binary('add', other);
  }
  sub(other: Operand): Tensor {
    return this.#binary('sub', other);
  }
  mul(other: Operand): Tensor {
    return this.#binary('mul', other);
  }
  /** True division; integers become float32. */
  div(other: Operand): Tensor {
    return this.#binary('div', other, true);
  }
  /** Division rounded down; integers stay integers (by zero gives 0). */
  floorDivide(other: Operand): Tensor {
    const [a, b] = meet('floorDivide', [this.node, raw(other)]).map((n) =>
      n.dtype === 'bool' ? g.cast(n, 'int32') : n,
    );
    const quotient = g.div(a, b);
    if (isFloat(a.dtype)) return new Tensor(g.unary('floor', quotient));
    const remainder = g.binary('rem', a, b);
    const zero = g.fill(0, a);
    const inexact = g.binary(
      'and',
      g.compare('ne', remainder, zero),
      g.binary('xor', g.compare('lt', remainder, zero), g.compare('lt', b, zero)),
    );
    return new Tensor(g.select(inexact, g.sub(quotient, g.fill(1, a)), quotient));
  }
  /** Remainder with the sign of the divisor (Python's %). */
  mod(other: Operand): Tensor {
    const [a, b] = meet('mod', [this.node, raw(other)]).map((n) =>
      n.dtype === 'bool' ? g.cast(n, 'int32') : n,
    );
    const remainder = g.binary('rem', a, b);
    const zero = g.fill(0, a);
    const shift = g.binary(
      'and',
      g.compare('ne', remainder, zero),
      g.binary('xor', g.compare('lt', remainder, zero), g.compare('lt', b, zero)),
    );
    return new Tensor(g.select(shift, g.add(remainder, b), remainder));
  }
  pow(exponent: Operand): Tensor {
    if (exponent === 2) return this.mul(this);
    if (exponent === 1) return this;
    if (exponent === 0.5) return this.sqrt();
    return this.#binary('pow', exponent);
  }
  maximum(other: Operand): Tensor {
    return this.#binary('max', other);
  }
  minimum(other: Operand): Tensor {
    return this.#binary('min', other);
  }
  /** min(max(x, low), high); either bound may be null. The derivative is 1 from bound to bound, both included, and 0 beyond. */
  clip(low: number | null, high: number | null): Tensor {
    let result: Tensor = this;
    if (low !== null) result = where(result.lt(low), low, result);
    if (high !== null) result = where(result.gt(high), high, result);
    return result;
  }
  neg(): Tensor {
    return this.#unary('neg', this.dtype === 'bool');
  }
  abs(): Tensor {
    return this.#unary('abs', this.dtype === 'bool');
  }
  sign(): Tensor {
    return this.#unary('sign', this.dtype === 'bool');
  }
  square(): Tensor {
    return this.mul(this);
  }
  reciprocal(): Tensor {
    const x = isFloat(this.dtype) ? this.node : g.cast(this.node, 'float32');
    return new Tensor(g.div(g.fill(1, x), x));
  }
  exp(): Tensor {
    return this.#unary('exp');
  }
  log(): Tensor {
    return this.#unary('log');
  }
  expm1(): Tensor {
    return this.#unary('expm1');
  }
  log1p(): Tensor {
    return this.#unary('log1p');
  }
  sin(): Tensor {
    return this.#unary('sin');
  }
  cos(): Tensor {
    return this.#unary('cos');
  }
  tanh(): Tensor {
    return this.#unary('tanh');
  }
  erf(): Tensor {
    return this.#unary('erf');
  }
  /** 1 / (1 + exp(-x)) */
  sigmoid(): Tensor {
    return this.#unary('sigmoid');
  }
  /** max(x, 0), with derivative 0 at 0. */
  relu(): Tensor {
    return this.#unary('relu', this.dtype === 'bool');
  }
  sqrt(): Tensor {
    return this.#unary('sqrt');
  }
  rsqrt(): Tensor {
    return this.#unary('rsqrt');
  }
  floor(): Tensor {
    return isFloat(this.dtype) ? this.#unary('floor') : this;
  }
  ceil(): Tensor {
    return isFloat(this.dtype) ? this.#unary('ceil') : this;
  }
  /** To the nearest integer, halves to even. */
  round(): Tensor {
    return isFloat(this.dtype) ? this.#unary('round') : this;
  }
  /** Numeric conversion: float to integer truncates and saturates, to bool is `!= 0`. */
  cast(dtype: DType): Tensor {
    return new Tensor(g.cast(this.node, dtype));
  }

  eq(other: Operand): Tensor {
    return this.#compare('eq', other);
  }
  ne(other: Operand): Tensor {
    return this.#compare('ne', other);
  }
  lt(other: Operand): Tensor {
    return this.#compare('lt', other);
  }
  le(other: Operand): Tensor {
    return this.#compare('le', other);
  }
  gt(other: Operand): Tensor {
    return this.#compare('lt', other, true);
  }
  ge(other: Operand): Tensor {
    return this.#compare('le', other, true);
  }
  logicalAnd(other: Operand): Tensor {
    return asBool(this).#binary('and', other instanceof Tensor ? asBool(other) : Boolean(other));
  }
  logicalOr(other: Operand): Tensor {
    return asBool(this).#binary('or', other instanceof Tensor ? asBool(other) : Boolean(other));
  }
  logicalNot(): Tensor {
    return asBool(this).#unary('not', false);
  }
  /** `this` where the condition holds, else `other`. */
  where(condition: Tensor, other: Operand): Tensor {
    return where(condition, this, other);
  }

  // Reductions

  #reduce(
    kind: ReduceKind,
    axis: Axis | undefined,
    options: ReduceOptions = {},
    x: Node = this.node,
  ): Tensor {
    const axes = axesOf(kind, axis, x.shape.length);
    if ((kind === 'max' || kind === 'min') && axes.some((a) => x.shape[a] === 0))
      throw new Error(
        `${kind}: axis ${axes.find((a) => x.shape[a] === 0)} of [${x.shape.join(', ')}] is empty: there is no ${kind}imum`,
      );
    const reduced = g.reduce(kind, x, axes);
    return new Tensor(
      options.keepDims
        ? g.reshape(
            reduced,
            x.shape.map((n, i) => (axes.includes(i) ? 1 : n)),
          )
        : reduced,
    );
  }
  /** Sum over axes (all without `axis`); bool counts. */
  sum(axis?: Axis, options?: ReduceOptions): Tensor {
    return this.#reduce('sum', axis, options, asNumber(this.node));
  }
  prod(axis?: Axis, options?: ReduceOptions): Tensor {
    return this.#reduce('prod', axis, options, asNumber(this.node));
  }
  max(axis?: Axis, options?: ReduceOptions): Tensor {
    return this.#reduce('max', axis, options, asNumber(this.node));
  }
  min(axis?: Axis, options?: ReduceOptions): Tensor {
    return this.#reduce('min', axis, options, asNumber(this.node));
  }
  /** Whether every element holds. */
  all(axis?: Axis, options?: ReduceOptions): Tensor {
    return this.#reduce('and', axis, options, g.cast(this.node, 'bool'));
  }
  /** Whether any element holds. */
  any(axis?: Axis, options?: ReduceOptions): Tensor {
    return this.#reduce('or', axis, options, g.cast(this.node, 'bool'));
  }
  /** Arithmetic mean; integers become float32. */
  mean(axis?: Axis, options?: ReduceOptions): Tensor {
    const x = isFloat(this.dtype) ? this : this.cast('float32');
    const count = axesOf('mean', axis, this.ndim).reduce((n, a) => n * this.shape[a], 1);
    return x.sum(axis, options).div(count);
  }
  /** Mean squared deviation; `correction` 0 divides by n (NumPy), 1 by n - 1 (PyTorch's default). */
  var(axis?: Axis, options: ReduceOptions & { correction?: number } = {}): Tensor {
    const x = isFloat(this.dtype) ? this : this.cast('float32');
    const count = axesOf('var', axis, this.ndim).reduce((n, a) => n * this.shape[a], 1);
    const deviation = x.sub(x.mean(axis, { keepDims: true }));
    return deviation
      .square()
      .sum(axis, options)
      .div(Math.max(0, count - (options.correction ?? 0)));
  }
  std(axis?: Axis, options: ReduceOptions & { correction?: number } = {}): Tensor {
    return this.var(axis, options).sqrt();
  }
  /** log(sum(exp(x))), safe for large x. */
  logsumexp(axis?: Axis, options: ReduceOptions = {}): Tensor {
    const axes = axesOf('logsumexp', axis, this.ndim);
    const top = new Tensor(g.stopGradient(this.max(axes, { keepDims: true }).node));
    // An infinite maximum would make inf - inf; 0 leaves the sum at 0 or inf as it should be.
    const finite = top.abs().lt(Number.POSITIVE_INFINITY);
    const shift = where(finite, top, 0);
    const sum = this.sub(shift).exp().sum(axes, { keepDims: true }).log().add(shift);
    return options.keepDims ? sum : new Tensor(views.squeezeOf(sum.node, axes));
  }
  /** exp(x) / sum(exp(x)) along an axis, safe for large x. */
  softmax(axis = -1): Tensor {
    const top = new Tensor(g.stopGradient(this.max(axis, { keepDims: true }).node));
    const e = this.sub(top).exp();
    return e.div(e.sum(axis, { keepDims: true }));
  }
  logSoftmax(axis = -1): Tensor {
    const top = new Tensor(g.stopGradient(this.max(axis, { keepDims: true }).node));
    const shifted = this.sub(top);
    return shifted.sub(shifted.exp().sum(axis, { keepDims: true }).log());
  }
  #argreduce(kind: 'max' | 'min', axis: Axis | undefined, options: ReduceOptions = {}): Tensor {
    const axes = axesOf(`arg${kind}`, axis, this.ndim);
    if (axes.some((a) => this.shape[a] === 0))
      throw new Error(`arg${kind}: [${this.shape.join(', ')}] is empty along the axis`);
    const index = g.argreduce(kind, asNumber(this.node), axes);
    return new Tensor(
      options.keepDims
        ? g.reshape(
            index,
            this.shape.map((n, i) => (axes.includes(i) ? 1 : n)),
          )
        : index,
    );
  }
  /** int32 index of the first maximum along an axis (of the flattened array without one). */
  argmax(axis?: Axis, options?: ReduceOptions): Tensor {
    return this.#argreduce('max', axis, options);
  }
  argmin(axis?: Axis, options?: ReduceOptions): Tensor {
    return this.#argreduce('min', axis, options);
  }

  // Views

  /** The same elements in row-major order under another shape; one extent may be -1. */
  reshape(shape: readonly number[]): Tensor {
    return new Tensor(views.reshapeTo(this.node, shape));
  }
  /** Merges the axes from `start` to `end`, both included. */
  flatten(start = 0, end = -1): Tensor {
    return new Tensor(views.flattenOf(this.node, start, end));
  }
  /** Permutes the axes; reverses them without a permutation. */
  transpose(permutation?: readonly number[]): Tensor {
    return new Tensor(views.transposeTo(this.node, permutation));
  }
  /** The transpose of a matrix; reverses the axes of any array. */
  get T(): Tensor {
    return this.transpose();
  }
  squeeze(axis?: Axis): Tensor {
    return new Tensor(views.squeezeOf(this.node, axis));
  }
  unsqueeze(axis: number): Tensor {
    return new Tensor(views.unsqueezeOf(this.node, axis));
  }
  /** `x.slice([0, null], [1, -1, 2])` is Python's `x[0:, 1:-1:2]`; null stands for a whole axis. */
  slice(...ranges: views.Range[]): Tensor {
    return new Tensor(views.sliceTo(this.node, ranges));
  }
  /** The array at one position of an axis, which disappears. */
  at(index: number, axis = 0): Tensor {
    return new Tensor(views.at(this.node, index, axis));
  }
  flip(axis?: Axis): Tensor {
    return new Tensor(views.flipOf(this.node, axesOf('flip', axis, this.ndim)));
  }
  broadcastTo(shape: readonly number[]): Tensor {
    return new Tensor(views.broadcastToShape(this.node, shape));
  }
  /** Adds `[before, after]` elements of `value` on each axis. */
  pad(widths: readonly (readonly [number, number])[], value = 0): Tensor {
    if (widths.length !== this.ndim)
      throw new Error(`pad: ${widths.length} widths for an array of shape [${this.shape.join(', ')}]`);
    return new Tensor(
      g.pad(
        this.node,
        widths.map((w) => w[0]),
        widths.map((w) => w[1]),
        widths.map(() => 0),
        value,
      ),
    );
  }
  /** Rows (along `axis`) at the given int32 indices; negative ones count from the end, others outside are clamped. */
  take(indices: Tensor | readonly number[], axis = 0): Tensor {
    const a = axisOf('take', axis, this.ndim);
    const list = indices instanceof Tensor ? indices.node : tensor([...indices], { dtype: 'int32' }).node;
    if (!isInteger(list.dtype))
      throw new Error(`take: indices must be integers, got ${list.dtype}; cast them to int32`);
    const wrapped = g.cast(list, 'int32');
    const extent = g.constant(this.shape[a], wrapped.shape, 'int32');
    const negative = g.compare('lt', wrapped, g.fill(0, wrapped));
    return new Tensor(g.gather(this.node, g.select(negative, g.add(wrapped, extent), wrapped), a));
  }
  /** int32 permutation that sorts along an axis, ascending and stable, NaN last. */
  argsort(axis = -1): Tensor {
    const a = axisOf('argsort', axis, this.ndim);
    const last = this.shape.map((_, i) => i).filter((i) => i !== a);
    const order = g.argsort(g.transpose(asNumber(this.node), [...last, a]));
    return new Tensor(
      g.transpose(
        order,
        this.shape.map((_, i) => (i === a ? this.ndim - 1 : last.indexOf(i))),
      ),
    );
  }

  // Products

  /** Matrix product with NumPy's rules for vectors and batches. */
  matmul(other: Tensor): Tensor {
    return new Tensor(matmulOf(this.node, other.node));
  }
  /** Sum of products of two vectors; matmul otherwise. */
  dot(other: Tensor): Tensor {
    return this.matmul(other);
  }
}

const asBool = (x: Tensor): Tensor => x.cast('bool');
const asNumber = (node: Node): Node => (node.dtype === 'bool' ? g.cast(node, 'int32') : node);

/** A tensor that holds data which exists already; `data` is not copied and must not change. */
export function fromData(data: TypedArray, shape: readonly number[], dtype: DType): Tensor {
  const node = g.input(shape, dtype);
  hold(node, new Storage(dtype, data.length, data));
  return new Tensor(node);
}

/**
 * An array from a number, nested arrays, or a typed array (with `shape`, else one axis). float32 by default; typed arrays keep
 * their type (Uint8Array becomes int32), booleans become bool. Data is copied.
 *
 * @throws if nested arrays are ragged, or the data does not fill the shape
 */
export function tensor(
  data: NestedArray | readonly unknown[] | TypedArray,
  options: { dtype?: DType; shape?: readonly number[] } = {},
): Tensor {
  const [flat, found, natural] = ArrayBuffer.isView(data)
    ? fromTyped(data as TypedArray)
    : fromNested(data as NestedArray);
  const dtype = options.dtype ?? natural;
  const shape = options.shape ?? found;
  if (sizeOf(shape) !== flat.length)
    throw new Error(`tensor: ${flat.length} elements do not fill the shape [${shape.join(', ')}]`);
  const copy = convert(flat, dtype);
  return fromData(copy, [...shape], dtype);
}

function fromTyped(data: TypedArray): [ArrayLike<number>, number[], DType] {
  const natural: DType =
    data instanceof Float64Array
      ? 'float64'
      : data instanceof Int32Array
        ? 'int32'
        : data instanceof Uint32Array
          ? 'uint32'
          : data instanceof Float32Array
            ? 'float32'
            : 'int32';
  return [data, [data.length], natural];
}

function fromNested(data: NestedArray): [number[], number[], DType] {
  const shape: number[] = [];
  for (let level: NestedArray = data; Array.isArray(level); level = level[0]) {
    shape.push(level.length);
    if (level.length === 0) break;
  }
  const flat: number[] = [];
  let booleans = true;
  const visit = (value: NestedArray, axis: number) => {
    if (Array.isArray(value)) {
      if (axis >= shape.length || value.length !== shape[axis])
        throw new Error(
          `tensor: nested arrays are ragged: axis ${axis} has ${shape[axis] ?? 'no'} elements in one place and ${value.length} in another`,
        );
      for (const part of value) visit(part, axis + 1);
      return;
    }
    if (axis !== shape.length)
      throw new Error(`tensor: nested arrays are ragged: a number stands where axis ${axis} should go on`);
    if (typeof value !== 'number' && typeof value !== 'boolean')
      throw new TypeError(`tensor: elements must be numbers or booleans, got ${typeof value}`);
    if (typeof value === 'number') booleans = false;
    flat.push(Number(value));
  };
  visit(data, 0);
  return [flat, shape, booleans && flat.length > 0 ? 'bool' : 'float32'];
}

function convert(flat: ArrayLike<number>, dtype: DType): TypedArray {
  if (!dtypes.includes(dtype))
    throw new TypeError(`tensor: there is no dtype '${String(dtype)}'; dtypes are ${dtypes.join(', ')}`);
  const out = viewOf(dtype, new ArrayBuffer(flat.length * bytesOf(dtype)), 0, flat.length);
  if (dtype === 'bool') for (let i = 0; i < flat.length; i++) out[i] = flat[i] !== 0 ? 1 : 0;
  else out.set(flat);
  return out;
}

/** Elements of `a` where the condition holds, of `b` elsewhere; all three broadcast. */
export function where(condition: Tensor, a: Operand, b: Operand): Tensor {
  const [x, y] = meet('where', [raw(a), raw(b)]);
  const shape = broadcastShapes('where', condition.shape, x.shape, y.shape);
  const [c, whenTrue, whenFalse] = [g.cast(condition.node, 'bool'), x, y].map((n) => g.broadcastTo(n, shape));
  return new Tensor(g.select(c, whenTrue, whenFalse));
}

/** Joins arrays along an existing axis. */
export const concat = (parts: readonly Tensor[], axis = 0): Tensor =>
  new Tensor(views.concatOf(parts.length > 1 ? alikeOrBool(parts) : parts.map((p) => p.node), axis));
/** Joins arrays of one shape along a new axis. */
export const stack = (parts: readonly Tensor[], axis = 0): Tensor =>
  new Tensor(views.stackOf(alikeOrBool(parts), axis));

const alikeOrBool = (parts: readonly Tensor[]): Node[] =>
  parts.every((p) => p.dtype === 'bool') ? parts.map((p) => p.node) : alike(parts.map((p) => p.node));

/** Sums of products by named axes, `einsum('ij,jk->ik', a, b)`; see NumPy's einsum. */
export const einsum = (equation: string, ...operands: Tensor[]): Tensor =>
  new Tensor(
    einsumOf(
      equation,
      operands.map((o) => o.node),
    ),
  );
