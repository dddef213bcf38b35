import * as g from '../graph/build.ts';
import type { Node } from '../graph/node.ts';
import { positions } from './index_plan.ts';
import { broadcastShapes, meet } from './operands.ts';

/** Elements of one array or another, and indices as vectors. */

type Value = Node | number | boolean;

/** The elements of the first choice whose condition holds, else of `otherwise`; everything broadcasts. */
export function selectOf(conditions: readonly Node[], choices: readonly Value[], otherwise: Value): Node {
  if (conditions.length !== choices.length || choices.length === 0)
    throw new Error(
      `select: ${conditions.length} conditions for ${choices.length} choices; give at least one, and as many of each`,
    );
  for (const condition of conditions)
    if (condition.dtype !== 'bool')
      throw new Error(`select: conditions must be bool, got ${condition.dtype}; compare first`);
  const [last, ...values] = meet('select', [otherwise, ...choices]);
  const shape = broadcastShapes('select', last.shape, ...conditions.map((c) => c.shape));
  return conditions.reduceRight(
    (rest, condition, i) => g.select(g.broadcastTo(condition, shape), g.broadcastTo(values[i], shape), rest),
    g.broadcastTo(last, shape),
  );
}

/** `out[i] = choices[index[i]][i]`; everything broadcasts, the index is clamped. */
export function chooseOf(index: Node, choices: readonly Value[]): Node {
  if (choices.length === 0) throw new Error('choose: needs at least one choice');
  const which = positions('choose', index);
  const values = meet('choose', choices);
  const shape = broadcastShapes('choose', which.shape, values[0].shape);
  const at = g.broadcastTo(which, shape);
  const last = values.length - 1;
  return values
    .slice(0, last)
    .reduceRight(
      (rest, value, i) => g.select(g.compare('le', at, g.fill(i, at)), g.broadcastTo(value, shape), rest),
      g.broadcastTo(values[last], shape),
    );
}

/** 1 at the index on a new last axis of extent `count`, 0 elsewhere; nothing but 0 for indices outside. */
export function oneHotOf(given: Node, count: number): Node {
  if (!Number.isInteger(count) || count < 0)
    throw new Error(`oneHot: the number of classes is an integer from 0 on, got ${count}`);
  const indices = positions('oneHot', given);
  const shape = [...indices.shape, count];
  const spread = g.broadcast(
    indices,
    shape,
    indices.shape.map((_, i) => i),
  );
  return g.compare('eq', g.iota(shape.length - 1, shape), spread);
}
