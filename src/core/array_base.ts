/// <reference lib="esnext.disposable" preserve="true" />
import type { DType, TypedArray } from '../graph/dtype.ts';
import { hostNumbers, isHalf } from '../graph/half.ts';
import { type Node, sizeOf } from '../graph/node.ts';
import { letGo, storageOf } from './evaluate.ts';
import { formatArray } from './print.ts';
import { printValues } from './print_values.ts';
import type { Tensor } from './tensor.ts';

/** Operands of arithmetic: arrays, or JavaScript numbers that take the array's dtype. */
export type Operand = Tensor | number | boolean;
/** One axis or several; negative ones count from the end. */
export type Axis = number | readonly number[];
/** Numbers or booleans in nested JavaScript arrays. */
export type NestedArray = number | boolean | NestedArray[];

/** Beyond this many unevaluated operations in a chain, an array is evaluated as it is made: memory stays bounded. */
export const laziest = 400;

/** The operand of an operation as a node, or as the number that takes the dtype of what it meets. */
export function raw(value: Operand): Node | number | boolean {
  if (value instanceof ArrayBase) return value.node;
  if (typeof value === 'number' || typeof value === 'boolean') return value;
  throw new TypeError(`Tensor: operands are arrays, numbers or booleans, got ${kindOf(value)}; ${remedy}`);
}

const kindOf = (value: unknown): string =>
  typeof value === 'object' && value !== null ? value.constructor?.name : String(value);
const remedy = 'use the value of a Variable, and tensor() for numbers and JavaScript arrays';

/**
 * The node of an operand that must be an array.
 *
 * @throws TypeError that names the method for anything else
 */
export function nodeOf(name: string, value: ArrayBase): Node {
  if (value instanceof ArrayBase) return value.node;
  throw new TypeError(`${name}: needs an array, got ${kindOf(value)}; ${remedy}`);
}

/**
 * What every array is and how it is read. The methods of arrays are defined in layers, one file and class each, from this one up to
 * `Tensor`, the only class of which there are instances: elementwise operations, reductions, views, indexing, products.
 */
export abstract class ArrayBase {
  /** The graph node that defines the value. */
  readonly node: Node;

  constructor(node: Node) {
    this.node = node;
  }

  /** Extents of the axes; [] for a scalar. */
  get shape(): readonly number[] {
    return this.node.shape;
  }
  /** Type of the elements. */
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

  /** A new array with a node of its own: what methods return. */
  protected abstract wrap(node: Node): Tensor;
  /** This array as what it is. */
  protected get self(): Tensor {
    return this as unknown as Tensor;
  }

  // Reading

  /** The elements as numbers; not to be written to. */
  #numbers(): TypedArray {
    return hostNumbers(this.dtype, storageOf(this.node).read());
  }

  /**
   * The elements in row-major order, as a new typed array (bool as Uint8Array of 0 and 1; float16 and bfloat16 as the Float32Array of
   * their values, see `bits`).
   */
  dataSync(): TypedArray {
    const data = storageOf(this.node).read();
    return isHalf(this.dtype) ? hostNumbers(this.dtype, data) : data.slice();
  }
  /**
   * The bit patterns of a float16 or bfloat16 array in row-major order, as a new Uint16Array; `fromBits` is the way back.
   *
   * @throws for every other dtype
   */
  bits(): Uint16Array {
    if (!isHalf(this.dtype))
      throw new Error(`bits: is for float16 and bfloat16, got ${this.dtype}; use dataSync, or cast first`);
    return Uint16Array.from(storageOf(this.node).read());
  }
  /** As dataSync, on every device. */
  async data(): Promise<TypedArray> {
    return this.dataSync();
  }
  /** The only element of an array of size 1, as a number (bool as 0 or 1). */
  item(): number {
    if (this.size !== 1)
      throw new Error(`item: needs an array with one element, got shape [${this.shape.join(', ')}]`);
    return this.#numbers()[0];
  }
  /** Nested JavaScript arrays of numbers (booleans for bool); a plain number for a scalar. */
  toArray(): NestedArray {
    const data = this.#numbers();
    const { shape, dtype } = this;
    const build = (axis: number, from: number, count: number): NestedArray => {
      if (axis === shape.length) return dtype === 'bool' ? data[from] !== 0 : data[from];
      const part = shape[axis] === 0 ? 0 : count / shape[axis];
      return Array.from({ length: shape[axis] }, (_, i) => build(axis + 1, from + i * part, part));
    };
    return build(0, 0, this.size);
  }
  /** The elements as text in the manner of NumPy: aligned columns, long axes shortened. */
  toString(): string {
    return formatArray(this.#numbers(), this.shape, this.dtype);
  }
  /** Prints the value with a label before it, also each time when a jitted function runs, and returns the array; see debug.print. */
  print(label?: string): Tensor {
    printValues(label === undefined ? '{}' : '{} {}', label === undefined ? [this.node] : [label, this.node]);
    return this.self;
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
}
