import { isInteger, type TypedArray } from '../graph/dtype.ts';
import { type Node, topological } from '../graph/node.ts';
import { storageOf } from './evaluate.ts';
import { computable } from './operands.ts';

/** Values that a result's shape depends on: they must exist while the graph is made. */

/**
 * The elements of an array, now.
 *
 * @throws inside of jit and vmap, where there are none yet
 */
export function valuesOf(name: string, node: Node, instead = 'where()'): TypedArray {
  const unknown = topological([node], (n) => n.stored !== null).some(
    (n) => n.op === 'input' && n.stored === null,
  );
  if (unknown)
    throw new Error(
      `${name}: the shape of the result depends on the values of an array, which do not exist yet while a function is being traced; use ${instead}, or call ${name} outside`,
    );
  return storageOf(computable(node)).read();
}

/** The elements of an array of integers, now. */
export function integersOf(name: string, node: Node, instead?: string): number[] {
  if (!isInteger(node.dtype))
    throw new Error(`${name}: needs an array of integers, got ${node.dtype}; cast it to int32`);
  return [...valuesOf(name, node, instead)];
}
