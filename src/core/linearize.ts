import { rebuild } from '../graph/body.ts';
import { fill } from '../graph/build.ts';
import { pushForward } from '../graph/differentiate.ts';
import { type Node, topological } from '../graph/node.ts';
import type { Op } from '../graph/vocabulary.ts';
import { realize, standIn } from './evaluate.ts';
import { type AnyFunction, isTensor, together } from './record.ts';
import { Tensor } from './tensor.ts';
import { isTracing, tracing } from './trace.ts';
import { onLeaves, requireLike } from './transforms.ts';
import { flatten } from './tree.ts';

/**
 * The linear map that a function is near a point: `linearize(f, ...primals)` returns `[f(...primals), tangentMap]`, where
 * `tangentMap(...tangents)` is the derivative of f at the primals in that direction, as `jvp` gives it. What depends on the primals alone is
 * computed once, however many directions follow; `vmap(tangentMap)` takes many at once.
 *
 * @throws if a primal is not float; the map throws if a tangent is not of its primal's type
 */
export function linearize<F extends AnyFunction>(
  f: F,
  ...primals: Parameters<F>
): [ReturnType<F>, (...tangents: Parameters<F>) => ReturnType<F>] {
  const outermost = !isTracing();
  const { leaves, directions, result, out, changes } = tracing(() => {
    const recorded = onLeaves(
      'linearize',
      f,
      primals,
      primals.map((_, i) => i),
    );
    const own = recorded.leaves.map((t) => standIn('linearize', t.node));
    const results = flatten<Tensor>(recorded.result, isTensor, 'linearize: the result');
    const known = new Map(recorded.leaves.map((t, i) => [t.node, own[i]]));
    return {
      ...recorded,
      directions: own,
      out: results,
      changes: pushForward(
        results.leaves.map((t) => t.node),
        known,
      ),
    };
  });
  const roots = changes.filter((x) => x !== null);
  let missing = outermost ? residualsOf(roots, directions) : [];
  const tangentMap = (...tangents: unknown[]): unknown => {
    if (!isTracing() && missing.length > 0) {
      realize(missing);
      missing = [];
    }
    if (tangents.length !== primals.length)
      throw new Error(
        `linearize: ${primals.length} primals need as many tangents, got ${tangents.length}; a direction of zeros leaves one out`,
      );
    const given = flatten<Tensor>(tangents, isTensor, 'linearize');
    if (given.leaves.length !== leaves.length)
      throw new Error(
        `linearize: the tangents have ${given.leaves.length} arrays, the primals ${leaves.length}`,
      );
    given.leaves.forEach((t, i) => {
      requireLike('linearize: a tangent', t, leaves[i]);
    });
    const made = tracing(() => {
      const nodes = rebuild(roots, new Map(directions.map((x, i) => [x, given.leaves[i].node])));
      let next = 0;
      return changes.map((x, i) => (x === null ? fill(0, out.leaves[i].node) : nodes[next++]));
    });
    together(made.filter((node) => node.op !== 'constant'));
    return out.rebuild(made.map((node) => new Tensor(node)));
  };
  return [result, tangentMap as never];
}

/** Views are made again; what several numbers are known from costs nothing to keep. */
const remade = new Set<Op>([
  'constant',
  'literal',
  'iota',
  'broadcast',
  'reshape',
  'transpose',
  'slice',
  'alias',
]);

/** What the map needs of the function itself: nodes that depend on no direction, read by nodes that do. */
function residualsOf(roots: readonly Node[], directions: readonly Node[]): Node[] {
  const moving = new Set<Node>(directions);
  const found = new Set<Node>();
  const order = topological(roots, (node) => node.stored !== null);
  for (const node of order) if (node.inputs.some((x) => moving.has(x))) moving.add(node);
  const leave = (node: Node): void => {
    if (moving.has(node) || node.stored !== null) return;
    if (remade.has(node.op)) node.inputs.forEach(leave);
    else found.add(node);
  };
  for (const node of order) if (moving.has(node)) node.inputs.forEach(leave);
  return [...found];
}
