import { describe, expect, test } from 'vitest';
import type { TypedArray } from '../../src/graph/dtype.ts';
import { isOp, type Node, sizeOf, topological } from '../../src/graph/node.ts';
import { compile } from '../../src/runtime/evaluate.ts';
import { evaluateReference } from '../../src/runtime/reference/evaluate.ts';
import { Storage } from '../../src/runtime/storage.ts';
import { expectClose } from '../support/close.ts';
import { Dice } from '../support/dice.ts';
import { type ExamplesProblem, examplesProblem } from '../support/examples.ts';
import { graphText } from '../support/graph_text.ts';
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
