import { input } from '../../src/graph/build.ts';
import { allocate, type DType, type TypedArray } from '../../src/graph/dtype.ts';
import { type Node, type Shape, sizeOf } from '../../src/graph/node.ts';
import { evaluateReference } from '../../src/runtime/reference/evaluate.ts';
import type { Dice } from './dice.ts';

/** Input nodes with their data, and the values of nodes built on them by the reference interpreter. */
export class Interpreted {
  readonly data = new Map<Node, TypedArray>();

  /** An input node that holds `values`. */
  input(values: ArrayLike<number>, shape: Shape, dtype: DType = 'float64'): Node {
    const node = input(shape, dtype);
    const array = allocate(dtype, sizeOf(shape));
    if (values.length !== array.length)
      throw new Error(`${values.length} values for ${array.length} elements`);
    array.set(values);
    this.data.set(node, array);
    return node;
  }

  /** An input of small integers: sums of their products are exact in double, so tests may ask for equality. */
  integers(dice: Dice, shape: Shape): Node {
    return this.input(
      Array.from({ length: sizeOf(shape) }, () => dice.between(-4, 4)),
      shape,
    );
  }

  /** Values of nodes, in order. */
  values(...nodes: readonly Node[]): TypedArray[] {
    const all = evaluateReference(nodes, (node) => this.data.get(node)!);
    return nodes.map((node) => all.get(node)!);
  }
}

/** Sum of products. */
export const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
};
