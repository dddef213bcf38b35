import { allocate, type TypedArray } from '../../graph/dtype.ts';
import { type Node, sizeOf } from '../../graph/node.ts';
import type { Body, TupleOp } from '../../graph/vocabulary.ts';
import { factorize } from '../linalg/factorize.ts';

/** Evaluates a graph, given the data of its inputs and of evaluated nodes. */
type Evaluate = (roots: readonly Node[], dataOf: (node: Node) => TypedArray) => Map<Node, TypedArray>;

type Rule<O extends TupleOp> = (
  node: Node<O>,
  inputs: readonly TypedArray[],
  run: (body: Body, inputs: readonly TypedArray[]) => TypedArray[],
) => readonly TypedArray[];

/** Operations with several results, step by step: what control flow means. */
const rules: { readonly [O in TupleOp]: Rule<O> } = {
  custom: ({ attributes }, inputs) => inputs.slice(0, attributes.results.length),
  checkpoint: ({ attributes }, inputs) => inputs.slice(0, attributes.results.length),
  scan: ({ attributes }, inputs, run) => {
    const { body, constants, carries, length, reverse, results } = attributes;
    let carried = inputs.slice(constants, constants + carries);
    const sequences = inputs.slice(constants + carries);
    const stacks = results.slice(carries).map(({ dtype, shape }) => allocate(dtype, sizeOf(shape)));
    for (let step = 0; step < length; step++) {
      const i = reverse ? length - 1 - step : step;
      const elements = sequences.map((x) => {
        const size = x.length / length;
        return x.slice(i * size, (i + 1) * size);
      });
      const out = run(body, [...inputs.slice(0, constants), ...carried, ...elements]);
      carried = out.slice(0, carries);
      out.slice(carries).forEach((x, k) => {
        stacks[k].set(x, i * x.length);
      });
    }
    return [...carried, ...stacks];
  },
  while: ({ attributes: { condition, body, constants } }, inputs, run) => {
    const fixed = inputs.slice(0, constants);
    let carried = inputs.slice(constants);
    while (run(condition, [...fixed, ...carried])[0][0] !== 0) carried = run(body, [...fixed, ...carried]);
    return carried;
  },
  cond: ({ attributes: { branches } }, [index, ...operands], run) => {
    const chosen = Math.min(branches.length - 1, Math.max(0, index[0]));
    return run(branches[chosen], operands);
  },
  factor: (node, inputs) =>
    factorize(
      node.attributes.kind,
      inputs.map((data, i) => ({ data, shape: node.inputs[i].shape })),
    ),
};

/** The results of an operation that has several. Sequences of length 0 are not read. */
export function evaluateTuple(
  node: Node<TupleOp>,
  inputs: readonly TypedArray[],
  dataOf: (node: Node) => TypedArray,
  evaluate: Evaluate,
): readonly TypedArray[] {
  const run = (body: Body, given: readonly TypedArray[]): TypedArray[] => {
    const data = new Map(body.inputs.map((x, i) => [x, given[i]]));
    const values = evaluate(body.outputs, (x) => data.get(x) ?? dataOf(x));
    return body.outputs.map((x) => values.get(x)!);
  };
  return (rules[node.op] as Rule<TupleOp>)(node, inputs, run);
}
