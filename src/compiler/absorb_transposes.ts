import { make } from '../graph/build.ts';
import { isOp, type Node } from '../graph/node.ts';
import type { AffineIndex, Contraction } from '../graph/vocabulary.ts';

/** A contraction reads and writes its axes in any order: transposes before and after it are part of its indices. */

/** A contraction of transposed operands as one of the operands themselves. */
export function absorbOperandTransposes(node: Node, isInput: (node: Node) => boolean): Node {
  if (!isOp(node, 'contract')) return node;
  const through = (x: Node, index: readonly AffineIndex[]): { x: Node; index: readonly AffineIndex[] } => {
    if (!isOp(x, 'transpose') || isInput(x)) return { x, index };
    const inner = new Array<AffineIndex>(index.length);
    x.attributes.permutation.forEach((axis, i) => {
      inner[axis] = index[i];
    });
    return through(x.inputs[0], inner);
  };
  const [a, b] = [through(node.inputs[0], node.attributes.a), through(node.inputs[1], node.attributes.b)];
  if (a.x === node.inputs[0] && b.x === node.inputs[1]) return node;
  return make('contract', { ...node.attributes, a: a.index, b: b.index }, [a.x, b.x]);
}

/** The transpose of a contraction as a contraction. Worth it if nobody else needs the untransposed result. */
export function transposedContraction(node: Node, isOnlyReader: (input: Node) => boolean): Node {
  if (!isOp(node, 'transpose')) return node;
  const [inner] = node.inputs;
  if (!isOp(inner, 'contract') || !isOnlyReader(inner)) return node;
  const { permutation } = node.attributes;
  const { sizes, outRank, a, b } = inner.attributes;
  const renamed = new Map(sizes.map((_, axis) => [axis, axis]));
  permutation.forEach((axis, i) => {
    renamed.set(axis, i);
  });
  const rename = (index: readonly AffineIndex[]) =>
    index.map((i) => ({ ...i, terms: i.terms.map(([axis, c]) => [renamed.get(axis)!, c] as const) }));
  const attributes: Contraction = {
    sizes: [...permutation.map((axis) => sizes[axis]), ...sizes.slice(outRank)],
    outRank,
    a: rename(a),
    b: rename(b),
  };
  return make('contract', attributes, inner.inputs);
}
