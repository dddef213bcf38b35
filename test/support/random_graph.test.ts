import { expect, test } from 'vitest';
import { dtypes } from '../../src/graph/dtype.ts';
import { infer } from '../../src/graph/infer.ts';
import { sizeOf, topological } from '../../src/graph/node.ts';
import { evaluateReference } from '../../src/runtime/reference/evaluate.ts';
import { expectClose } from './close.ts';
import { graphText } from './graph_text.ts';
import { inDouble } from './in_double.ts';
import { randomGraph } from './random_graph.ts';

const seeds = Array.from({ length: 300 }, (_, seed) => seed);

test('the same seed gives the same program', () => {
  const text = (seed: number): string => graphText(randomGraph(seed).roots);
  for (const seed of seeds.slice(0, 20)) expect(text(seed)).toBe(text(seed));
  expect(text(1)).not.toBe(text(2));
});

test('every operation, dtype, rank, and extents 0 and 1 occur', () => {
  const ops = new Set<string>();
  const types = new Set<string>();
  const ranks = new Set<number>();
  const sizes = new Set<number>();
  for (const seed of seeds) {
    for (const node of topological(randomGraph(seed).roots)) {
      ops.add(node.op);
      types.add(node.dtype);
      ranks.add(node.shape.length);
      sizes.add(sizeOf(node.shape));
    }
  }
  // Control flow and what derivatives make of it come from transformations of these programs (transformed.ts), matrix algorithms have
  // tests of their own.
  const others = ['after', 'checkpoint', 'cond', 'custom', 'factor', 'part', 'scan', 'while'];
  expect([...ops, ...others].sort()).toEqual(Object.keys(infer).sort());
  expect(types.size).toBe(dtypes.length);
  for (let rank = 0; rank <= 7; rank++) expect(ranks).toContain(rank);
  expect(sizes).toContain(0);
  expect(sizes).toContain(1);
});

test('tolerances cover the rounding of float32: the program in double stays within them', () => {
  let exact = 0;
  let compared = 0;
  for (const seed of seeds) {
    const graph = randomGraph(seed);
    const twin = inDouble(graph);
    if (twin === null) continue;
    const single = evaluateReference(graph.roots, (node) => graph.data.get(node)!);
    const double = evaluateReference(twin.roots, (node) => twin.data.get(node)!);
    graph.roots.forEach((root, i) => {
      compared++;
      if (graph.tolerances[i] === 0) exact++;
      const what = `seed ${seed}, root ${i}\n${graphText([root])}\n`;
      expectClose(single.get(root)!, double.get(twin.roots[i])!, { atol: graph.tolerances[i] }, what);
    });
  }
  expect(compared).toBeGreaterThan(500);
  // Both sorts matter: exact roots find wrong elements, inexact ones wrong functions.
  expect(exact / compared).toBeGreaterThan(0.2);
  expect(exact / compared).toBeLessThan(0.8);
});
