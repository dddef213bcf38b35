import { compare, fill, gather, make, positionAlong, scatter, select } from './build.ts';
import { isFloat } from './dtype.ts';
import type { Node } from './node.ts';

/**
 * Which updates of a scattered maximum or minimum the result is made of: of those that equal the result at their index, the first
 * one in row-major order. NaN is the extreme.
 */
export function scatterWinners(node: Node<'scatter'>): Node {
  const { axis } = node.attributes;
  const [indices, updates] = node.inputs;
  const along = indices.shape.map((_, i) => axis + i);
  const position = positionAlong(updates.shape, along);
  const reached = gather(node, indices, axis);
  const same = compare('eq', updates, reached);
  const both = (kind: 'and' | 'or', a: Node, b: Node) => make('binary', { kind }, [a, b]);
  const equals = isFloat(node.dtype)
    ? both('or', same, both('and', compare('ne', updates, updates), compare('ne', reached, reached)))
    : same;
  const candidates = select(equals, position, fill(2 ** 31 - 1, position));
  const first = scatter('min', indices, candidates, node.shape, axis);
  return compare('eq', gather(first, indices, axis), position);
}
