import type { DType, TypedArray } from '../../graph/dtype.ts';
import type { Node, Shape } from '../../graph/node.ts';
import { MessageWriter } from '../wire.ts';
import { typeNumbers } from './elements.ts';

/** Attributes of a node: integers, lists of them, floats (as `{ f }`), texts, graphs. */
export type AttributeValue = number | readonly number[] | string | { readonly f: number } | MessageWriter;

/** A name with the shape of what it stands for. */
export interface Named {
  readonly name: string;
  readonly shape: Shape;
}

/** What is made only when it is asked for: an array that repeats, in its small form and whole. */
export interface Deferred {
  readonly small: () => Named;
  readonly whole: () => string;
}

/** What all graphs of a model share. */
interface Shared {
  count: number;
  readonly initializers: Map<string, MessageWriter>;
}

const bytesOf = (data: TypedArray): Uint8Array =>
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();

function attribute(name: string, value: AttributeValue): MessageWriter {
  const writer = new MessageWriter().text(1, name);
  if (value instanceof MessageWriter) return writer.message(6, value).integer(20, 5);
  if (typeof value === 'number') return writer.integer(3, value).integer(20, 2);
  if (typeof value === 'string') return writer.text(4, value).integer(20, 3);
  if ('f' in value) return writer.float(2, value.f).integer(20, 1);
  for (const n of value) writer.integer(8, n);
  return writer.integer(20, 7);
}

/** The type of an input or output, as the format has it. */
export function valueInfo(name: string, shape: Shape, dtype: DType): MessageWriter {
  const dims = new MessageWriter();
  for (const extent of shape) dims.message(1, new MessageWriter().integer(1, extent));
  const type = new MessageWriter().integer(1, typeNumbers[dtype]).message(2, dims);
  return new MessageWriter().text(1, name).message(2, new MessageWriter().message(1, type));
}

/** Writes the nodes of one ONNX graph. Arrays that do not change are initializers of the outermost graph, which all see. */
export class Emitter {
  readonly nodes: MessageWriter[] = [];
  readonly #names = new Map<Node, string>();
  readonly #deferred = new Map<Node, Deferred>();
  /** Names of the results of operations that have several. */
  readonly several = new Map<Node, readonly string[]>();
  readonly shared: Shared;

  constructor(shared: Shared = { count: 0, initializers: new Map() }) {
    this.shared = shared;
  }

  /** A graph inside of this one. */
  inner(): Emitter {
    return new Emitter(this.shared);
  }

  /** A name that nothing has. */
  fresh(prefix = 'v'): string {
    return `${prefix}_${this.shared.count++}`;
  }

  /** Adds a node with one output, or several, and returns their names. */
  all(
    op: string,
    inputs: readonly string[],
    outputs: number,
    attributes: Readonly<Record<string, AttributeValue>> = {},
  ): string[] {
    const names = Array.from({ length: outputs }, () => this.fresh());
    this.into(names, op, inputs, attributes);
    return names;
  }
  /** Adds a node with one output, whose name it returns. */
  op(
    op: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, AttributeValue>> = {},
  ): string {
    return this.all(op, inputs, 1, attributes)[0];
  }
  /** Adds a node whose outputs have the given names. */
  into(
    names: readonly string[],
    op: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, AttributeValue>> = {},
  ): void {
    const writer = new MessageWriter();
    for (const input of inputs) writer.text(1, input);
    for (const name of names) writer.text(2, name);
    writer.text(3, `${op}_${this.shared.count++}`).text(4, op);
    for (const [name, value] of Object.entries(attributes)) writer.message(5, attribute(name, value));
    this.nodes.push(writer);
  }

  /** An initializer under a name of its own. */
  weight(name: string, data: TypedArray, shape: Shape, dtype: DType): string {
    const writer = new MessageWriter().integers(1, shape).integer(2, typeNumbers[dtype]);
    this.shared.initializers.set(name, writer.text(8, name).bytes(9, bytesOf(data)));
    return name;
  }
  /** Elements that are part of the program. */
  data(data: TypedArray, shape: Shape, dtype: DType): string {
    return this.weight(this.fresh('c'), data, shape, dtype);
  }
  /** 64-bit integers: shapes, axes, positions. Equal ones are written once. */
  ints(values: readonly number[], shape: Shape = [values.length]): string {
    const name = `i_${shape.length === 0 ? 'scalar_' : ''}${values.join('_').replaceAll('-', 'm')}`;
    if (this.shared.initializers.has(name)) return name;
    const data = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
    const writer = new MessageWriter().integers(1, shape).integer(2, 7).text(8, name).bytes(9, data);
    this.shared.initializers.set(name, writer);
    return name;
  }

  /** Gives a node its name. */
  set(node: Node, name: string): void {
    this.#names.set(node, name);
  }
  /** Says how a node is made if somebody asks for it. */
  defer(node: Node, deferred: Deferred): void {
    this.#deferred.set(node, deferred);
  }
  /** Whether a node has a name, or can have one. */
  has(node: Node): boolean {
    return this.#names.has(node) || this.#deferred.has(node);
  }
  /** The name of a node's value. */
  name(node: Node): string {
    let name = this.#names.get(node);
    if (name === undefined) {
      const deferred = this.#deferred.get(node);
      if (deferred === undefined)
        throw new Error(`exportOnnx: ${node.op} was not translated before its users`);
      name = deferred.whole();
      this.#names.set(node, name);
    }
    return name;
  }
  /** A node's value, smaller where it only repeats. */
  small(node: Node): Named {
    const deferred = this.#names.has(node) ? undefined : this.#deferred.get(node);
    return deferred?.small() ?? { name: this.name(node), shape: node.shape };
  }
  /** Operands of an operation that broadcasts: small, as long as the result keeps its shape. */
  operands(nodes: readonly Node[], shape: Shape): string[] {
    const small = nodes.map((node) => this.small(node));
    const extents = shape.map((_, i) =>
      Math.max(...small.map((s) => s.shape[i - shape.length + s.shape.length] ?? 1)),
    );
    if (shape.every((n, i) => n === extents[i] || n === 0)) return small.map(({ name }) => name);
    return nodes.map((node, i) => (i === 0 ? this.name(node) : small[i].name));
  }

  reshape({ name, shape }: Named, to: Shape): Named {
    if (shape.length === to.length && shape.every((n, i) => n === to[i])) return { name, shape };
    const attributes: Record<string, number> = to.includes(0) ? { allowzero: 1 } : {};
    return { name: this.op('Reshape', [name, this.ints(to)], attributes), shape: to };
  }
  transpose({ name, shape }: Named, permutation: readonly number[]): Named {
    if (permutation.every((axis, i) => axis === i)) return { name, shape };
    return {
      name: this.op('Transpose', [name], { perm: permutation }),
      shape: permutation.map((axis) => shape[axis]),
    };
  }
  expand({ name, shape }: Named, to: Shape): string {
    if (shape.length === to.length && shape.every((n, i) => n === to[i])) return name;
    return this.op('Expand', [name, this.ints(to)]);
  }
  /** One number of a dtype. */
  scalar(value: number, dtype: DType): string {
    const name = `s_${dtype}_${Object.is(value, -0) ? 'm0' : String(value).replaceAll(/[^\w]/g, (c) => (c === '-' ? 'm' : c === '.' ? 'p' : 'e'))}`;
    if (this.shared.initializers.has(name)) return name;
    const arrays = {
      float64: Float64Array,
      int32: Int32Array,
      uint32: Uint32Array,
      bool: Uint8Array,
    } as const;
    const make = dtype in arrays ? arrays[dtype as keyof typeof arrays] : Float32Array;
    if (dtype !== 'float16' && dtype !== 'bfloat16') return this.weight(name, make.of(value), [], dtype);
    return this.op('Cast', [this.scalar(value, 'float32')], { to: typeNumbers[dtype] });
  }

  /** The whole graph. */
  graph(
    name: string,
    inputs: readonly MessageWriter[],
    outputs: readonly MessageWriter[],
    outermost: boolean,
  ): MessageWriter {
    const writer = new MessageWriter();
    for (const node of this.nodes) writer.message(1, node);
    writer.text(2, name);
    if (outermost)
      for (const initializer of this.shared.initializers.values()) writer.message(5, initializer);
    for (const input of inputs) writer.message(11, input);
    for (const output of outputs) writer.message(12, output);
    return writer;
  }
}
