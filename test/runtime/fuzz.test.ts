import { describe, test } from 'vitest';
import type { TypedArray } from '../../src/graph/dtype.ts';
import { hostNumbers } from '../../src/graph/half.ts';
import { type Node, sizeOf, topological } from '../../src/graph/node.ts';
import { compile } from '../../src/runtime/evaluate.ts';
import { evaluateReference } from '../../src/runtime/reference/evaluate.ts';
import { Storage } from '../../src/runtime/storage.ts';
import { expectClose } from '../support/close.ts';
import { graphText } from '../support/graph_text.ts';
import { type RandomGraph, randomGraph } from '../support/random_graph.ts';

// Random programs, compiled on the current tier against interpreted. NABLA_FUZZ sets their number, NABLA_FUZZ_SEED the first one's
// seed: the message of a failure names the seed that reproduces it alone.
const programs = Number(process.env.NABLA_FUZZ ?? 2000);
const firstSeed = Number(process.env.NABLA_FUZZ_SEED ?? 0);
const batch = 200;
// One thread, so memory that is not shared; fuzz_threads.test.ts has the other.
process.env.NABLA_THREADS = '1';

/** Values of `outputs` from the current device's compiler, as one program. */
function compiled({ data }: RandomGraph, outputs: readonly Node[]): Storage[] {
  const inputs = topological(outputs).filter((node) => node.op === 'input');
  const program = compile({ inputs, outputs, donations: outputs.map(() => -1) });
  return program.run(
    inputs.map((node) => new Storage(node.dtype, sizeOf(node.shape), data.get(node)!.slice())),
  );
}

/** The first node, in order of creation, that goes wrong as a program of its own: where to look. */
function firstWrongNode(graph: RandomGraph, expected: ReadonlyMap<Node, TypedArray>): string {
  for (const node of topological(graph.roots)) {
    if (node.op === 'input') continue;
    const values = expected.get(node)!;
    const scale = Array.from(hostNumbers(node.dtype, values)).reduce(
      (top, x) => (Number.isFinite(x) ? Math.max(top, Math.abs(x)) : top),
      1,
    );
    try {
      const [actual] = compiled(graph, [node]);
      expectClose(hostNumbers(node.dtype, actual.read()), hostNumbers(node.dtype, values), {
        atol: 1e-4 * scale,
      });
    } catch (error) {
      return `alone, this node goes wrong first:\n${graphText([node])}\n${(error as Error).message}`;
    }
  }
  return 'each node alone is right: what goes wrong is how they are put together';
}

function check(seed: number): void {
  const graph = randomGraph(seed, 12);
  const expected = evaluateReference(graph.roots, (node) => graph.data.get(node)!);
  try {
    const actual = compiled(graph, graph.roots);
    graph.roots.forEach((root, i) => {
      // As numbers: of halves, -0 and 0 are other bits.
      const [a, b] = [actual[i].read(), expected.get(root)!].map((data) => hostNumbers(root.dtype, data));
      expectClose(a, b, { atol: graph.tolerances[i] }, `root ${i}`);
    });
  } catch (error) {
    throw new Error(
      `random program of seed ${seed}: ${(error as Error).message}\n${graphText(graph.roots)}\n${firstWrongNode(graph, expected)}`,
      { cause: error },
    );
  }
}

describe('compiled equals interpreted on random programs', () => {
  for (let start = firstSeed; start < firstSeed + programs; start += batch) {
    const end = Math.min(start + batch, firstSeed + programs);
    test(`seeds ${start} to ${end - 1}`, { timeout: 300_000 }, () => {
      for (let seed = start; seed < end; seed++) check(seed);
    });
  }
});
