import type { TupleRule } from './batch_tuples.ts';
import { broadcast, compare, fill, input, parts, reduce, select } from './build.ts';
import { type Batching, batched, type Lifted, moveAxis, shared, spread, stackedType } from './lifted.ts';
import type { Node } from './node.ts';
import type { Body } from './vocabulary.ts';

/** Batching of loops and choices. */

/** Each operand as an input of a body: with the axis of the examples where it has one. */
export const inputsLike = (operands: readonly Lifted[]): Lifted[] =>
  operands.map(({ node: { shape, dtype }, batched: is }) => lifted(input(shape, dtype), is));

/** What stands for the results of a body, of the given operands. */
export const liftBody = ({ inputs, outputs }: Body, operands: readonly Lifted[], by: Batching): Lifted[] =>
  by.lift(outputs, new Map(inputs.map((x, i) => [x, operands[i]])));

const lifted = (node: Node, is: boolean): Lifted => (is ? batched(node) : shared(node));

/** The array as `flag` wants it; one that is batched stays so. */
const asWanted = (x: Lifted, flag: boolean, size: number): Node => (flag ? spread(x, size) : x.node);

/** An operand of a loop's body, of the type of one of its inputs. */
const inputLike = ({ shape, dtype }: Node, isBatched: boolean, size: number): Lifted =>
  lifted(input(isBatched ? [size, ...shape] : shape, dtype), isBatched);

/** For each example, a where its condition holds and b where not. */
const choose = (condition: Node, a: Node, b: Node): Node => select(broadcast(condition, a.shape, [0]), a, b);

/**
 * Which carries of a loop are batched: those that start so, and those that a round makes so from the others. Gives the last round's
 * inputs and results.
 */
function settle(
  body: Body,
  operands: readonly Lifted[],
  carried: readonly [from: number, to: number],
  by: Batching,
): { inputs: Lifted[]; outputs: Lifted[] } {
  const flags = operands.map((x) => x.batched);
  for (;;) {
    const inputs = body.inputs.map((x, i) => inputLike(x, flags[i], by.size));
    const outputs = liftBody(body, inputs, by);
    let grew = false;
    for (let i = carried[0]; i < carried[1]; i++) {
      if (flags[i] || !outputs[i - carried[0]].batched) continue;
      flags[i] = true;
      grew = true;
    }
    if (!grew) return { inputs, outputs };
  }
}

export const batchScan: TupleRule<'scan'> = ({ attributes }, operands, by) => {
  const { constants, carries, length, results } = attributes;
  const { size } = by;
  const { inputs, outputs } = settle(attributes.body, operands, [constants, constants + carries], by);
  const flags = results.map((_, i) => (i < carries ? inputs[constants + i].batched : outputs[i].batched));
  const made = parts(
    'scan',
    {
      ...attributes,
      results: results.map((type, i) => {
        if (!flags[i]) return type;
        if (i < carries) return stackedType(type, size);
        return { shape: [length, size, ...type.shape.slice(1)], dtype: type.dtype };
      }),
      body: {
        inputs: inputs.map((x) => x.node),
        outputs: outputs.map((x, i) => asWanted(x, flags[i], size)),
      },
    },
    operands.map((x, i) => {
      if (i < constants + carries) return asWanted(x, inputs[i].batched, size);
      return x.batched ? moveAxis(x.node, 0, 1) : x.node;
    }),
  );
  return made.map((x, i) => lifted(flags[i] && i >= carries ? moveAxis(x, 1, 0) : x, flags[i]));
};

export const batchWhile: TupleRule<'while'> = ({ attributes }, operands, by) => {
  const { condition, constants, results } = attributes;
  const { size } = by;
  const count = operands.length;
  let { inputs, outputs } = settle(attributes.body, operands, [constants, count], by);
  let [holds] = liftBody(condition, inputs, by);
  if (holds.batched) {
    // Every example stops by itself: all it carries is its own.
    const own = operands.map((x, i) => (i < constants ? x : batched(spread(x, size))));
    ({ inputs, outputs } = settle(attributes.body, own, [constants, count], by));
    [holds] = liftBody(condition, inputs, by);
  }
  const carried = inputs.slice(constants);
  const next = outputs.map((x, i) => asWanted(x, carried[i].batched, size));
  const given = inputs.map((x) => x.node);
  const made = parts(
    'while',
    {
      ...attributes,
      results: results.map((type, i) => (carried[i].batched ? stackedType(type, size) : type)),
      condition: { inputs: given, outputs: [holds.batched ? reduce('or', holds.node, [0]) : holds.node] },
      body: {
        inputs: given,
        outputs: holds.batched ? next.map((x, i) => choose(holds.node, x, carried[i].node)) : next,
      },
    },
    operands.map((x, i) => asWanted(x, inputs[i].batched, size)),
  );
  return made.map((x, i) => lifted(x, carried[i].batched));
};

export const batchCond: TupleRule<'cond'> = ({ attributes: { branches, results } }, operands, by) => {
  const { size } = by;
  const [index, ...given] = operands;
  if (index.batched) {
    const each = branches.map((branch) => liftBody(branch, given, by).map((x) => spread(x, size)));
    // Numbers are clamped: the first branch also serves all below, the last one all above.
    const chosen = branches.map((_, k) => compare('le', index.node, fill(k, index.node)));
    return results.map((_, i) =>
      batched(each.map((out) => out[i]).reduceRight((later, out, k) => choose(chosen[k], out, later))),
    );
  }
  const made = branches.map((branch) => {
    const inputs = inputsLike(given);
    return { inputs: inputs.map((x) => x.node), outputs: liftBody(branch, inputs, by) };
  });
  const flags = results.map((_, i) => made.some(({ outputs }) => outputs[i].batched));
  return parts(
    'cond',
    {
      results: results.map((type, i) => (flags[i] ? stackedType(type, size) : type)),
      branches: made.map(({ inputs, outputs }) => ({
        inputs,
        outputs: outputs.map((x, i) => asWanted(x, flags[i], size)),
      })),
    },
    operands.map((x) => x.node),
  ).map((x, i) => lifted(x, flags[i]));
};
