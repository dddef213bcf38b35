import type { DType } from '../graph/dtype.ts';
import { type Node, sameShape, typeText } from '../graph/node.ts';
import type { Storage } from '../runtime/storage.ts';
import { exchange, realize, relinquish } from './evaluate.ts';
import { noteHeld } from './scope.ts';
import { laziest, Tensor } from './tensor.ts';
import { afterTransforms, type Cell, currentTracer, isTracing, noteAssigned } from './trace.ts';

/** Options of a variable. */
export interface VariableOptions {
  /** Shown in state dicts and error messages. */
  name?: string;
  /** Whether gradients by a module include it. Default true. */
  trainable?: boolean;
}

/**
 * The only mutable thing: a cell that holds an array. `jit` finds out which variables a function reads and writes, hands
 * their contents in and out, and updates them in place. Shape and dtype never change.
 */
export class Variable implements Cell {
  readonly name: string;
  #node: Node;
  #trainable: boolean;

  constructor(value: Tensor, options: VariableOptions = {}) {
    this.#node = value.node;
    exchange(null, value.node);
    this.name = options.name ?? 'variable';
    this.#trainable = options.trainable ?? true;
    noteHeld(this);
    if (value.node.stored !== null) (value.node.stored as Storage).shared = true;
  }

  /** The content as the trace in progress, if any, sees it. */
  get value(): Tensor {
    currentTracer()?.touch(this);
    noteHeld(this);
    // Whoever holds this tensor must keep seeing this value: the next jitted update may not overwrite it.
    if (this.#node.stored !== null) (this.#node.stored as Storage).shared = true;
    return new Tensor(this.#node);
  }

  set value(value: Tensor) {
    this.assign(value);
  }

  /**
   * Replaces the content.
   *
   * @throws if shape or dtype differ from the present content's
   */
  assign(value: Tensor): void {
    const { shape, dtype } = this.#node;
    if (!sameShape(shape, value.shape) || dtype !== value.dtype)
      throw new Error(
        `Variable '${this.name}': cannot assign ${typeText(value.dtype, value.shape)} to a variable of ${typeText(dtype, shape)}`,
      );
    currentTracer()?.touch(this);
    if (value.node.stored !== null) (value.node.stored as Storage).shared = true;
    const former = this.#node;
    this.node = value.node;
    relinquish(former);
    // State that a differentiated function assigns and nobody reads, such as running statistics, would grow a graph for ever.
    if (isTracing() && currentTracer() === null && value.node.depth > laziest)
      afterTransforms(() => settle([this]));
  }

  get shape(): readonly number[] {
    return this.#node.shape;
  }
  get dtype(): DType {
    return this.#node.dtype;
  }
  get trainable(): boolean {
    currentTracer()?.guard(() => this.#trainable);
    return this.#trainable;
  }
  set trainable(value: boolean) {
    this.#trainable = value;
  }

  /** For transforms: the content as a graph node, unreported. */
  get node(): Node {
    return this.#node;
  }
  set node(node: Node) {
    noteAssigned(this, this.#node);
    exchange(this.#node, node);
    this.#node = node;
    noteHeld(this);
  }

  toString(): string {
    return `Variable '${this.name}' ${String(new Tensor(this.#node))}`;
  }
}

/** Computes the contents of variables now, in one program: keeps lazily updated state from growing a graph. */
export function settle(variables: readonly Variable[]): void {
  realize(variables.map((v) => v.node));
}
