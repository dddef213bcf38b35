import { compare, fill, iota, make, mul, pad, prefix, select, slice } from './build.ts';
import { isFloat } from './dtype.ts';
import type { Node } from './node.ts';

/** Compositions equal to running products and extremes, by way of which these are differentiated. */

/** `x` moved by `distance` places in the direction of a prefix, with `value` where nothing comes from. */
function shifted(
  x: Node,
  { axis, reverse }: Node<'prefix'>['attributes'],
  distance: number,
  value: number,
): Node {
  const only = (n: number) => x.shape.map((_, i) => (i === axis ? n : 0));
  const rest = slice(
    x,
    only(reverse ? distance : 0),
    x.shape.map(() => 1),
    x.shape.with(axis, x.shape[axis] - distance),
  );
  const none = only(0);
  return reverse
    ? pad(rest, none, only(distance), none, value)
    : pad(rest, only(distance), none, none, value);
}

/**
 * Running product of x by doubling: after k rounds each element is the product of 2^k factors. No division, so that derivatives
 * are right where factors are zero.
 */
export function prefixProduct(x: Node, node: Node<'prefix'>): Node {
  const { attributes } = node;
  let product = x;
  for (let distance = 1; distance < x.shape[attributes.axis]; distance *= 2)
    product = mul(product, shifted(product, attributes, distance, 1));
  return product;
}

/** int32 position along the axis of the element that a running extreme is: the first in its direction that equals it; NaN is the extreme. */
export function prefixWinner(node: Node<'prefix'>): Node {
  const { kind, axis, reverse } = node.attributes;
  const [x] = node.inputs;
  const { shape } = node;
  const position = iota(axis, shape);
  const start = fill(reverse ? shape[axis] - 1 : 0, position);
  // The extreme one place before; at the start of the row its own first element, which nothing there beats.
  const before = select(compare('eq', position, start), x, shifted(node, node.attributes, 1, 0));
  const beats = kind === 'max' ? compare('lt', before, x) : compare('lt', x, before);
  const firstNaN = (): Node =>
    make('binary', { kind: 'and' }, [compare('ne', x, x), compare('eq', before, before)]);
  const isNew = isFloat(x.dtype) ? make('binary', { kind: 'or' }, [beats, firstNaN()]) : beats;
  return prefix(reverse ? 'min' : 'max', select(isNew, position, start), axis, reverse);
}
