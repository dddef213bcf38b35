import { broadcastTo, contract, mul, reduce, reshape, transpose } from '../graph/build.ts';
import { plainIndex } from '../graph/contraction.ts';
import type { Node } from '../graph/node.ts';
import { diagonalOf } from './diagonals.ts';
import { alike } from './operands.ts';

/** Sums of products whose axes have names. */

/** An array whose axes have names: letters of an equation, or numbers. */
export interface Named {
  readonly node: Node;
  readonly axes: readonly string[];
}

/**
 * `einsum('bij,bjk->bik', a, b)`: multiplies arrays whose axes have letters and sums over the axes that the result does not name.
 * An axis named twice in one operand is its diagonal, `...` stands for any further axes, which broadcast (their names count from
 * the right). Without `->` the result has the axes of `...`, then those that occur once, in alphabetical order (NumPy's rule).
 * Extents of 1 repeat.
 *
 * More than two operands are multiplied pair by pair, the pair first whose product is smallest compared with what it replaces;
 * each pair is one contraction.
 */
export function einsumOf(equation: string, operands: readonly Node[]): Node {
  const problem = (text: string) => {
    const shapes = operands.map((o) => `[${o.shape.join(', ')}]`).join(', ');
    return new Error(`einsum '${equation}': ${text} (operands: ${shapes})`);
  };
  const [left, right, ...more] = equation.replaceAll(' ', '').split('->');
  const inputs = left.split(',');
  if (more.length > 0) throw problem(`has more than one '->'`);
  if (operands.length === 0) throw problem('needs at least one operand');
  if (inputs.length !== operands.length)
    throw problem(`names ${inputs.length} operands, got ${operands.length}`);
  const names = inputs.map((text, k) => namesOf(text, operands[k].shape.length, problem));
  const extents = new Map<string, number>();
  names.forEach((list, k) => {
    list.forEach((name, i) => {
      const extent = operands[k].shape[i];
      const known = extents.get(name) ?? 1;
      if (known !== extent && known !== 1 && extent !== 1)
        throw problem(`axis ${name} is ${known} and ${extent}`);
      extents.set(name, known === 1 ? extent : known);
    });
  });
  const out = right === undefined ? implied(names) : resultNames(right, extents, problem);
  const arrays = alike(operands).map((node, k) => prepared({ node, axes: names[k] }, extents));
  return productOf(arrays, out, extents);
}

const isEllipsis = (name: string): boolean => name.startsWith('...');

/** The names of an operand's axes; those of the ellipsis are `...1`, `...2` from the right. */
function namesOf(text: string, rank: number, problem: (text: string) => Error): string[] {
  const [before, after, ...more] = text.split('...');
  if (more.length > 0) throw problem(`'${text}' has more than one ellipsis`);
  if (!/^[a-zA-Z]*$/.test(before) || !/^[a-zA-Z]*$/.test(after ?? ''))
    throw problem(`'${text}': axes are named by single letters`);
  const letters = before.length + (after ?? '').length;
  if (after === undefined ? letters !== rank : letters > rank)
    throw problem(`'${text}' names ${letters} axes of an array of rank ${rank}`);
  const hidden = Array.from({ length: rank - letters }, (_, i) => `...${rank - letters - i}`);
  return [...before, ...hidden, ...(after ?? '')];
}

const ellipsisOf = (names: Iterable<string>): string[] =>
  [...new Set(names)].filter(isEllipsis).sort((a, b) => Number(b.slice(3)) - Number(a.slice(3)));

function implied(names: readonly (readonly string[])[]): string[] {
  const all = names.flat();
  const once = all.filter((n) => !isEllipsis(n) && all.indexOf(n) === all.lastIndexOf(n));
  return [...ellipsisOf(all), ...once.sort()];
}

function resultNames(
  text: string,
  extents: ReadonlyMap<string, number>,
  problem: (text: string) => Error,
): string[] {
  const [before, after, ...more] = text.split('...');
  if (more.length > 0) throw problem('the result has more than one ellipsis');
  const hidden = after === undefined ? [] : ellipsisOf(extents.keys());
  const out = [...before, ...hidden, ...(after ?? '')];
  for (const name of out)
    if (!extents.has(name)) throw problem(`axis ${name} of the result is in no operand`);
  if (new Set(out).size !== out.length) throw problem('the result repeats an axis');
  return out;
}

/** Each name once, and with the extent that it has everywhere: diagonals are taken, axes that would repeat are left out. */
function prepared(operand: Named, extents: ReadonlyMap<string, number>): Named {
  let { node, axes } = operand;
  const kept = axes.flatMap((name, i) => (node.shape[i] === extents.get(name) ? [i] : []));
  node = reshape(
    node,
    kept.map((i) => node.shape[i]),
  );
  axes = kept.map((i) => axes[i]);
  for (;;) {
    const second = axes.findIndex((name, i) => axes.indexOf(name) < i);
    if (second < 0) return { node, axes };
    const first = axes.indexOf(axes[second]);
    const rest = axes.flatMap((_, i) => (i === first || i === second ? [] : [i]));
    node = diagonalOf(node, 0, [first, second]);
    axes = [...rest, first].map((i) => axes[i]);
  }
}

/**
 * The product of named arrays, each name once in an array and equally long in all, summed over the names that are not in `out`. All
 * have one dtype.
 */
export function productOf(
  arrays: readonly Named[],
  out: readonly string[],
  extents: ReadonlyMap<string, number>,
): Node {
  let pending = arrays.map((array, k) => summed(array, [...out, ...others(arrays, k)]));
  while (pending.length > 1) {
    const [i, j] = cheapestPair(pending, out, extents);
    const rest = pending.filter((_, k) => k !== i && k !== j);
    const needed = [...out, ...rest.flatMap((x) => x.axes)];
    pending = [...rest, pairOf(pending[i], pending[j], rest.length === 0 ? out : null, needed, extents)];
  }
  const [{ node, axes }] = pending;
  return transpose(
    node,
    out.map((name) => axes.indexOf(name)),
  );
}

const others = (arrays: readonly Named[], k: number): string[] =>
  arrays.flatMap((x, i) => (i === k ? [] : x.axes));

/** Sums over the axes that nobody needs. */
function summed({ node, axes }: Named, needed: readonly string[]): Named {
  const gone = axes.flatMap((name, i) => (needed.includes(name) ? [] : [i]));
  return { node: reduce('sum', node, gone), axes: axes.filter((name) => needed.includes(name)) };
}

/** Positions of the two arrays whose product has the fewest elements more than they have, of equal ones the cheapest to compute. */
function cheapestPair(
  arrays: readonly Named[],
  out: readonly string[],
  extents: ReadonlyMap<string, number>,
): [number, number] {
  const sizeOf = (names: readonly string[]) => names.reduce((n, name) => n * extents.get(name)!, 1);
  let best: [number, number] = [0, 1];
  let least = [Infinity, Infinity];
  for (let i = 0; i < arrays.length; i++)
    for (let j = i + 1; j < arrays.length; j++) {
      const union = [...new Set([...arrays[i].axes, ...arrays[j].axes])];
      const needed = [...out, ...arrays.flatMap((x, k) => (k === i || k === j ? [] : x.axes))];
      const growth =
        sizeOf(union.filter((name) => needed.includes(name))) -
        sizeOf(arrays[i].axes) -
        sizeOf(arrays[j].axes);
      const cost = [growth, sizeOf(union)];
      if (cost[0] > least[0] || (cost[0] === least[0] && cost[1] >= least[1])) continue;
      [best, least] = [[i, j], cost];
    }
  return best;
}

/** The product of two arrays with the axes `order`, or in any order those that are needed; one contraction. */
function pairOf(
  a: Named,
  b: Named,
  order: readonly string[] | null,
  needed: readonly string[],
  extents: ReadonlyMap<string, number>,
): Named {
  const union = [...new Set([...a.axes, ...b.axes])];
  const out = order ?? union.filter((name) => needed.includes(name));
  const gone = union.filter((name) => !out.includes(name));
  const all = [...out, ...gone];
  if (gone.length === 0) return { node: mul(spread(a, out, extents), spread(b, out, extents)), axes: out };
  const index = ({ axes }: Named) => axes.map((name) => plainIndex(all.indexOf(name)));
  const sizes = all.map((name) => extents.get(name)!);
  return {
    node: contract({ sizes, outRank: out.length, a: index(a), b: index(b) }, a.node, b.node),
    axes: out,
  };
}

/** An array with its axes in the places that `out` gives them, repeated along the others. */
function spread({ node, axes }: Named, out: readonly string[], extents: ReadonlyMap<string, number>): Node {
  const inOrder = out.filter((name) => axes.includes(name));
  const arranged = transpose(
    node,
    inOrder.map((name) => axes.indexOf(name)),
  );
  const aligned = reshape(
    arranged,
    out.map((name) => (axes.includes(name) ? extents.get(name)! : 1)),
  );
  return broadcastTo(
    aligned,
    out.map((name) => extents.get(name)!),
  );
}

/** A contraction of two arrays over pairs of axes; the result has the other axes of a, then those of b. */
export function tensordotOf(
  name: string,
  a: Node,
  b: Node,
  overA: readonly number[],
  overB: readonly number[],
): Node {
  overA.forEach((axis, i) => {
    if (a.shape[axis] !== b.shape[overB[i]])
      throw new Error(
        `${name}: axis ${axis} of [${a.shape.join(', ')}] and axis ${overB[i]} of [${b.shape.join(', ')}] are summed together and must have equal extents`,
      );
  });
  const axesA = a.shape.map((_, i) => (overA.includes(i) ? `s${overA.indexOf(i)}` : `a${i}`));
  const axesB = b.shape.map((_, i) => (overB.includes(i) ? `s${overB.indexOf(i)}` : `b${i}`));
  const extents = new Map([
    ...axesA.map((axis, i) => [axis, a.shape[i]] as const),
    ...axesB.map((axis, i) => [axis, b.shape[i]] as const),
  ]);
  const out = [...axesA, ...axesB].filter((axis) => !axis.startsWith('s'));
  const [x, y] = alike([a, b]);
  return productOf(
    [
      { node: x, axes: axesA },
      { node: y, axes: axesB },
    ],
    out,
    extents,
  );
}
