import { describe, expect, test } from 'vitest';
import { batchGraph } from '../../src/graph/batching.ts';
import { fill, input } from '../../src/graph/build.ts';
import { pullBack } from '../../src/graph/differentiate.ts';
import { isFloat, type TypedArray } from '../../src/graph/dtype.ts';
import { type Lifted, spread } from '../../src/graph/lifted.ts';
import { isOp, type Node, sizeOf, topological } from '../../src/graph/node.ts';
import { compile } from '../../src/runtime/evaluate.ts';
import { evaluateReference } from '../../src/runtime/reference/evaluate.ts';
import { Storage } from '../../src/runtime/storage.ts';
import { expectClose } from '../support/close.ts';
import { Dice } from '../support/dice.ts';
import { type ExamplesProblem, examplesProblem } from '../support/examples.ts';
import { graphText } from '../support/graph_text.ts';
import { inDouble } from '../support/in_double.ts';
import { randomGraph } from '../support/random_graph.ts';

// Random programs for several examples at once, some of whose inputs the examples share, against one example after the other.
process.env.NABLA_THREADS = '1';

interface Problem extends ExamplesProblem {
  readonly text: string;
  readonly tolerances: readonly number[];
}

function problem(seed: number): Problem | null {
  const graph = randomGraph(seed, 10);
  const dice = new Dice(seed + 0x20000);
  const inputs = [...graph.data.keys()].filter((node) => isOp(node, 'input'));
  if (inputs.length === 0) return null;
  const chosen = dice.subset(inputs, 0.6);
  if (chosen.length === 0) chosen.push(dice.pick(inputs));
  const size = dice.between(1, 3);
  const examples = new Map<Node, TypedArray[]>();
  for (const node of chosen) {
    const values = graph.data.get(node)!;
    // The values of an input in another order suit the program as well: bounds of errors still hold.
    const other = () => {
      const order = dice.shuffled(Array.from(values.keys()));
      return values.map((_, i) => values[order[i]]);
    };
    examples.set(
      node,
      Array.from({ length: size }, (_, i) => (i === 0 ? values : other())),
    );
  }
  return {
    ...examplesProblem(graph.roots, examples, graph.data, size),
    text: `seed ${seed}, batched ${chosen.map((x) => (x as Node<'input'>).attributes.name)} of\n${graphText(graph.roots)}`,
    tolerances: graph.tolerances,
  };
}

/** The derivatives of the graph for all examples: the other order of the two transforms. */
function batchedDerivatives(
  roots: readonly Node[],
  weights: readonly Node[],
  leaves: readonly Node[],
  given: ReadonlyMap<Node, Lifted>,
  size: number,
): Node[] {
  const all = batchGraph([...roots, ...weights], given, size).map((x) => spread(x, size));
  const by = leaves.map((leaf) => given.get(leaf)!.node);
  return pullBack(all.slice(0, roots.length), all.slice(roots.length), by).map((x, i) => x ?? fill(0, by[i]));
}

describe('random programs for several examples', () => {
  test('are exactly one after the other, interpreted', () => {
    let dependent = 0;
    for (let seed = 0; seed < 600; seed++) {
      const given = problem(seed);
      if (given === null) continue;
      const { roots, data, expected, depends, text } = given;
      const values = evaluateReference(roots, (node) => data.get(node)!);
      roots.forEach((root, i) => {
        expectClose(values.get(root)!, expected[i], {}, `root ${i}, ${text}`);
        if (depends[i]) dependent++;
      });
    }
    expect(dependent).toBeGreaterThan(300);
  });

  test('derivatives of one example, and of all of them', () => {
    let checked = 0;
    for (let seed = 0; seed < 250; seed++) {
      const graph = inDouble(randomGraph(seed, 7));
      if (graph === null) continue;
      const dice = new Dice(seed + 0x30000);
      const data = new Map(graph.data);
      const leaves = [...data.keys()].filter((node) => isFloat(node.dtype));
      const roots = graph.roots.filter((root) => isFloat(root.dtype));
      if (leaves.length === 0 || roots.length === 0) continue;
      // Away from the grid where kinks and jumps lie.
      const shifted = (values: TypedArray) => values.map((x: number) => x + 0.05 * (dice.fraction() + 0.01));
      const weights = roots.map((root) => input(root.shape, root.dtype, 'weights'));
      for (const weight of weights)
        data.set(
          weight,
          Float64Array.from({ length: sizeOf(weight.shape) }, () => dice.between(-4, 4)),
        );
      let changes: (Node | null)[];
      try {
        changes = pullBack(roots, weights, leaves);
      } catch (error) {
        // A contraction without any system need not have a derivative that is one.
        if (/can be solved for/.test((error as Error).message)) continue;
        throw error;
      }
      const wanted = changes.filter((change) => change !== null);
      if (wanted.length === 0) continue;
      const size = 2;
      const examples = new Map(
        leaves.map((leaf) => [leaf, [shifted(data.get(leaf)!), shifted(data.get(leaf)!)]] as const),
      );
      const each = examplesProblem(wanted, examples, data, size);
      const inOneGo = batchedDerivatives(roots, weights, leaves, each.leaves, size);
      const nodes = [...each.roots, ...inOneGo.filter((_, i) => changes[i] !== null)];
      const values = evaluateReference(nodes, (node) => each.data.get(node)!);
      const top = Math.max(...each.expected.flatMap((array) => Array.from(array, Math.abs)), 1);
      if (!Number.isFinite(top)) continue;
      const text = `seed ${seed}\n${graphText(roots)}`;
      wanted.forEach((_, i) => {
        expectClose(values.get(nodes[i])!, each.expected[i], {}, `batched derivative ${i}, ${text}`);
        const other = values.get(nodes[wanted.length + i])!;
        expectClose(other, each.expected[i], { atol: 1e-11 * top }, `derivative of batched ${i}, ${text}`);
        checked++;
      });
    }
    expect(checked).toBeGreaterThan(150);
  });

  test('compiled', () => {
    for (let seed = 1000; seed < 1150; seed++) {
      const given = problem(seed);
      if (given === null) continue;
      const { roots, data, expected, tolerances, text } = given;
      const inputs = topological(roots).filter((node) => node.op === 'input');
      const program = compile({ inputs, outputs: roots, donations: roots.map(() => -1) });
      const values = program.run(
        inputs.map((node) => new Storage(node.dtype, sizeOf(node.shape), data.get(node)!.slice())),
      );
      roots.forEach((_, i) => {
        expectClose(values[i].read(), expected[i], { atol: tolerances[i] }, `root ${i}, ${text}`);
      });
    }
  });
});
