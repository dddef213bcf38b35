import { batchCond, batchScan, batchWhile, inputsLike, liftBody } from './batch_control.ts';
import { cast, input, parts, reduce } from './build.ts';
import { type Batching, batched, type Lifted, spread, stackedType } from './lifted.ts';
import type { Node } from './node.ts';
import type { CustomRule, TupleOp } from './vocabulary.ts';

/** Batching of operations that have several results: what stands for each of them. */
export type TupleRule<O extends TupleOp> = (
  node: Node<O>,
  operands: readonly Lifted[],
  by: Batching,
) => readonly Lifted[];

/** A rule of the user's for one example, applied to all of them. Results are batched, operands and extras as `flags` say. */
function batchRule(rule: CustomRule, results: number, flags: readonly boolean[], by: Batching): CustomRule {
  const { size } = by;
  type Derivative = NonNullable<CustomRule['tangents']>;
  /** Runs a function of the rule on nodes of one example, and gives what stands for its results. */
  const run = (f: Derivative, groups: Parameters<Derivative>, isBatched: readonly (readonly boolean[])[]) => {
    const leaves = new Map<Node, Lifted>(by.known);
    const examples = groups.map((group, g) =>
      group.map((x, i) => {
        if (x === null || !isBatched[g][i]) return x;
        const example = input(x.shape.slice(1), x.dtype);
        leaves.set(example, batched(x));
        return example;
      }),
    );
    const out = f(...(examples as unknown as Parameters<Derivative>));
    const made = by.lift(
      out.filter((x) => x !== null),
      leaves,
    );
    let next = 0;
    return out.map((x) => (x === null ? null : made[next++]));
  };
  const all = new Array<boolean>(results).fill(true);
  const { tangents, cotangents } = rule;
  return {
    name: rule.name,
    tangents:
      tangents &&
      ((given, operands, extras, changes) =>
        run(
          tangents,
          [given, operands, extras, changes],
          [all, flags, flags.slice(operands.length), flags],
        ).map((x) => x && spread(x, size))),
    cotangents:
      cotangents &&
      ((given, operands, extras, changes) =>
        run(
          cotangents,
          [given, operands, extras, changes],
          [all, flags, flags.slice(operands.length), all],
        ).map((x, i) => {
          if (x === null) return null;
          // An operand that the examples share receives the changes of all of them.
          return flags[i] ? spread(x, size) : cast(reduce('sum', spread(x, size), [0]), x.node.dtype);
        })),
  };
}

const rules: { readonly [O in TupleOp]: TupleRule<O> } = {
  custom: ({ attributes: { results, operands: count, rule } }, operands, by) => {
    const others = operands.slice(results.length);
    const flags = others.map((x) => x.batched);
    return parts(
      'custom',
      {
        results: results.map((type) => stackedType(type, by.size)),
        operands: count,
        rule: batchRule(rule, results.length, flags, by),
      },
      [...operands.slice(0, results.length).map((x) => spread(x, by.size)), ...others.map((x) => x.node)],
    ).map(batched);
  },
  checkpoint: ({ attributes: { results, body } }, operands, by) => {
    const given = operands.slice(results.length);
    const fresh = inputsLike(given);
    const outputs = liftBody(body, fresh, by);
    return parts(
      'checkpoint',
      {
        results: results.map((type) => stackedType(type, by.size)),
        body: { inputs: fresh.map((x) => x.node), outputs: outputs.map((x) => spread(x, by.size)) },
      },
      [...operands.slice(0, results.length).map((x) => spread(x, by.size)), ...given.map((x) => x.node)],
    ).map(batched);
  },
  scan: batchScan,
  while: batchWhile,
  cond: batchCond,
  factor: ({ attributes: { results, kind } }, operands, { size }) =>
    parts(
      'factor',
      { results: results.map((type) => stackedType(type, size)), kind },
      operands.map((x) => spread(x, size)),
    ).map(batched),
};

/** What stands for the results of an operation, given what stands for its operands, at least one of which is batched. */
export const batchTuple = (
  node: Node<TupleOp>,
  operands: readonly Lifted[],
  by: Batching,
): readonly Lifted[] => (rules[node.op] as TupleRule<TupleOp>)(node, operands, by);
