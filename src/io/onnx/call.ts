import { valuesOf } from '../../core/concrete.ts';
import type { Tensor } from '../../core/tensor.ts';
import type { Elements } from './elements.ts';
import type { GraphMessage, NodeMessage } from './model.ts';
import type { Value } from './value.ts';

/** What an operator gets: its inputs and attributes, with checks that name what is missing. */
export class Call {
  readonly node: NodeMessage;
  /** The version of ONNX's operators that the model uses. */
  readonly opset: number;
  readonly inputs: readonly (Value | null)[];
  readonly #elements: (node: NodeMessage, attribute: string) => Elements;
  /** Runs a graph of an attribute, which sees the names around it. */
  readonly run: (graph: GraphMessage, inputs: readonly Value[]) => Value[];

  constructor(
    node: NodeMessage,
    opset: number,
    inputs: readonly (Value | null)[],
    elements: (node: NodeMessage, attribute: string) => Elements,
    run: (graph: GraphMessage, inputs: readonly Value[]) => Value[],
  ) {
    this.node = node;
    this.opset = opset;
    this.inputs = inputs;
    this.#elements = elements;
    this.run = run;
  }

  /** An input that has to be there. */
  value(index: number): Value {
    return this.inputs[index] ?? this.fail(`input ${index} is missing`);
  }
  /** An input that has to be there, as an array. */
  tensor(index: number): Tensor {
    return this.value(index).tensor;
  }
  /** An input that may be missing. */
  optional(index: number): Tensor | null {
    return this.inputs[index]?.tensor ?? null;
  }
  /** Whether the node names such an input. */
  has(index: number): boolean {
    return (this.inputs[index] ?? null) !== null;
  }
  /** The elements of an input, which the result's shape depends on. Those that depend on what is fed are there outside of transforms only. */
  known(index: number): number[] {
    const value = this.value(index);
    if (value.known === null) return [...valuesOf(`input ${index}`, value.tensor.node, 'a constant')];
    return Array.from(value.known as ArrayLike<number>);
  }

  int(name: string, otherwise: number): number {
    return this.node.attributes.get(name)?.i ?? otherwise;
  }
  float(name: string, otherwise: number): number {
    return this.node.attributes.get(name)?.f ?? otherwise;
  }
  string(name: string, otherwise: string): string {
    return this.node.attributes.get(name)?.s ?? otherwise;
  }
  ints(name: string): readonly number[] | null {
    const attribute = this.node.attributes.get(name);
    return attribute === undefined ? null : attribute.ints;
  }
  floats(name: string): readonly number[] | null {
    return this.node.attributes.get(name)?.floats ?? null;
  }
  strings(name: string): readonly string[] | null {
    return this.node.attributes.get(name)?.strings ?? null;
  }
  /** The elements of an attribute that is a tensor, if there. */
  elements(name: string): Elements | null {
    return this.node.attributes.get(name)?.t ? this.#elements(this.node, name) : null;
  }
  graph(name: string): GraphMessage {
    return this.node.attributes.get(name)?.g ?? this.fail(`the graph ${name} is missing`);
  }
  /** An axis counted from the front. */
  axis(axis: number, rank: number): number {
    if (axis < -rank || axis >= rank) this.fail(`there is no axis ${axis} among ${rank}`);
    return axis < 0 ? axis + rank : axis;
  }
  /** Integers that newer versions have as an input and older ones as an attribute. */
  either(name: string, index: number): readonly number[] | null {
    return this.ints(name) ?? (this.has(index) ? this.known(index) : null);
  }

  fail(problem: string): never {
    const shapes = this.inputs.map((v) => (v === null ? '-' : `${v.dtype}[${v.shape.join(', ')}]`));
    throw new Error(`${problem} (inputs: ${shapes.join(', ') || 'none'})`);
  }
}

/** An operator of ONNX over our arrays: its outputs in order. Values that are known already may be given as such. */
export type Operator = (call: Call) => Tensor | Value | readonly (Tensor | Value)[];
export type Operators = Readonly<Record<string, Operator>>;
