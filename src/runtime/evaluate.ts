import { type Node, topological } from '../graph/node.ts';
import type { Program, ProgramSource } from './program.ts';
import { evaluateReference } from './reference/evaluate.ts';
import { Storage } from './storage.ts';

/** Computes nodes on the current device. */
export function evaluate(nodes: readonly Node[]): Storage[] {
  const inputs = topological(nodes, (n) => n.stored !== null).filter((n) => n.stored !== null);
  return compile({ inputs, outputs: nodes, donations: nodes.map(() => -1) }).run(
    inputs.map((n) => n.stored as Storage),
  );
}

/** Makes a program for the current device. */
export function compile(source: ProgramSource): Program {
  return {
    run: (inputs) => {
      const data = new Map(source.inputs.map((node, i) => [node, inputs[i].read()]));
      const values = evaluateReference(source.outputs, (node) => data.get(node)!);
      return source.outputs.map(
        (node) => new Storage(node.dtype, values.get(node)!.length, values.get(node)!.slice()),
      );
    },
  };
}
