import { describe, expect, test } from 'vitest';
import { input } from '../../src/graph/build.ts';
import { pullBack, pushForward } from '../../src/graph/differentiate.ts';
import { isFloat, type TypedArray } from '../../src/graph/dtype.ts';
import { isHalf } from '../../src/graph/half.ts';
import { isOp, type Node, sizeOf, topological } from '../../src/graph/node.ts';
import { evaluateReference } from '../../src/runtime/reference/evaluate.ts';
import { expectClose } from '../support/close.ts';
import { Dice } from '../support/dice.ts';
import { graphText } from '../support/graph_text.ts';
import { inDouble } from '../support/in_double.ts';
import { type RandomGraph, randomGraph } from '../support/random_graph.ts';

const programs = 600;

const noise = (dice: Dice, node: Node, scale: number): Float64Array =>
  Float64Array.from({ length: sizeOf(node.shape) }, () => scale * (2 * dice.fraction() - 1));

/** A random program in double at a generic point: away from the grid where kinks, jumps and ties lie. */
interface Problem {
  readonly text: string;
  readonly dice: Dice;
  readonly data: Map<Node, TypedArray>;
  readonly leaves: readonly Node[];
  readonly roots: readonly Node[];
}

function problem(seed: number): Problem | null {
  const graph: RandomGraph | null = inDouble(randomGraph(seed, 8));
  // Rounding to a half is a staircase: its differences are not the derivative, which passes through.
  if (graph === null || topological(graph.roots).some(({ dtype }) => isHalf(dtype))) return null;
  // By its order zeta has no derivative that is made of elementary functions: it is NaN, on purpose.
  if (topological(graph.roots).some((node) => isOp(node, 'binary') && node.attributes.kind === 'zeta'))
    return null;
  const dice = new Dice(seed + 0x10000);
  const data = new Map(graph.data);
  const leaves = [...data.keys()].filter((node) => isFloat(node.dtype));
  for (const leaf of leaves)
    data.set(
      leaf,
      data.get(leaf)!.map((x: number) => x + 0.05 * (dice.fraction() + 0.01)),
    );
  const roots = graph.roots.filter((root) => isFloat(root.dtype));
  const values = evaluateReference(graph.roots, (node) => data.get(node)!);
  const isTame = [...values.values()].every((array) => array.every(Number.isFinite));
  if (leaves.length === 0 || roots.length === 0 || !isTame) return null;
  return { text: `seed ${seed}\n${graphText(roots)}`, dice, data, leaves, roots };
}

/** Contractions without any system need not have a derivative that is one; the rule says so. */
const isUnsolvable = (error: unknown): boolean => /can be solved for/.test((error as Error).message);

function pushed({ dice, data, leaves, roots }: Problem): {
  tangents: Map<Node, Node>;
  outputs: (Node | null)[];
} {
  const tangents = new Map(leaves.map((leaf) => [leaf, input(leaf.shape, leaf.dtype, 'tangent')]));
  for (const tangent of tangents.values()) data.set(tangent, noise(dice, tangent, 1));
  return { tangents, outputs: pushForward(roots, tangents) };
}

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((sum, x, i) => sum + x * b[i], 0);

const magnitude = (a: ArrayLike<number>): number =>
  Array.from(a).reduce((top, x) => Math.max(top, Math.abs(x)), 0);

describe('derivatives of random programs', () => {
  test('forward mode equals central differences', () => {
    let checked = 0;
    for (let seed = 0; seed < programs; seed++) {
      const given = problem(seed);
      if (given === null) continue;
      const { data, leaves, roots, text } = given;
      // Its derivative is not that of the function, on purpose.
      if (topological(roots).some((node) => node.op === 'stopGradient')) continue;
      const { tangents, outputs } = pushed(given);
      const eps = 1e-6;
      const at = (step: number) =>
        evaluateReference(roots, (node) => {
          const value = data.get(node)!;
          if (!leaves.includes(node)) return value;
          const direction = data.get(tangents.get(node)!)!;
          return value.map((x: number, i: number) => x + step * direction[i]);
        });
      const [above, below] = [at(eps), at(-eps)];
      const exact = evaluateReference(
        outputs.filter((node) => node !== null),
        (node) => data.get(node)!,
      );
      roots.forEach((root, i) => {
        const [high, low] = [above.get(root)!, below.get(root)!];
        const difference = Float64Array.from(high, (x, j) => (x - low[j]) / (2 * eps));
        const output = outputs[i];
        const tangent = output === null ? new Float64Array(high.length) : exact.get(output)!;
        const atol = 1e-5 * (1 + magnitude(tangent)) + 1e-9 * magnitude(high);
        expectClose(tangent, difference, { atol }, `tangent of root ${i}, ${text}`);
        checked++;
      });
    }
    expect(checked).toBeGreaterThan(programs / 2);
  });

  test('reverse mode is the adjoint of forward mode', () => {
    let checked = 0;
    let unsolvable = 0;
    for (let seed = 0; seed < programs; seed++) {
      const given = problem(seed);
      if (given === null) continue;
      const { dice, data, leaves, roots, text } = given;
      const { tangents, outputs } = pushed(given);
      const cotangents = roots.map((root) => input(root.shape, root.dtype, 'cotangent'));
      for (const cotangent of cotangents) data.set(cotangent, noise(dice, cotangent, 1));
      let changes: (Node | null)[];
      try {
        changes = pullBack(roots, cotangents, leaves);
      } catch (error) {
        if (!isUnsolvable(error) || !topological(roots).some((node) => node.op === 'contract')) {
          throw new Error(`${(error as Error).message} in ${text}`, { cause: error });
        }
        unsolvable++;
        continue;
      }
      const wanted = [...outputs, ...changes].filter((node) => node !== null);
      const values = evaluateReference(wanted, (node) => data.get(node)!);
      const pairing = (nodes: readonly (Node | null)[], partners: readonly Node[]): number[] =>
        nodes.map((node, i) => (node === null ? 0 : dot(values.get(node)!, data.get(partners[i])!)));
      changes.forEach((change, i) => {
        if (change !== null) expect(change.shape, text).toEqual(leaves[i].shape);
      });
      const forward = pairing(outputs, cotangents);
      const backward = pairing(
        changes,
        leaves.map((leaf) => tangents.get(leaf)!),
      );
      const sum = (terms: readonly number[]): number => terms.reduce((total, x) => total + x, 0);
      const scale = Math.max(1, ...wanted.map((node) => magnitude(values.get(node)!)));
      expectClose(
        [sum(forward)],
        [sum(backward)],
        { atol: 1e-9 * scale },
        `<Jt, c> against <t, J'c>, ${text}`,
      );
      checked++;
    }
    expect(checked).toBeGreaterThan(programs / 3);
    expect(unsolvable).toBeLessThan(programs / 10);
  });
});
