import { closureOf, instantiate } from './body.ts';
import { fill, input, parts } from './build.ts';
import type { Change } from './derivatives.ts';
import { GraphError } from './infer.ts';
import type { Node } from './node.ts';
import type { TupleDerivative } from './tuple_derivatives.ts';
import type { Body } from './vocabulary.ts';

/** Forward mode carries the tangents along. Reverse mode would have to store a number of steps that nobody knows. */
export const whileDerivative: TupleDerivative<'while'> = {
  tangents: (node, changes, by) => {
    const { condition, body, constants } = node.attributes;
    const count = node.inputs.length - constants;
    const first = input([], 'float32').id;
    const moving = movingCarries(changes, constants, count, (flags) => {
      const fresh = body.inputs.map((x) => input(x.shape, x.dtype));
      const known = tangentInputs(fresh, flags);
      return by.pushForward(instantiate(body, fresh), known).map((change) => change !== null);
    });
    const fresh = body.inputs.map((x) => input(x.shape, x.dtype));
    const known = tangentInputs(fresh, moving);
    const out = instantiate(body, fresh);
    const outChanges = by.pushForward(out, known);
    const carries = moving.slice(constants).flatMap((is, i) => (is ? [i] : []));
    const tangent = (i: number) => known.get(fresh[i])!;
    const constantTangents = fresh.slice(0, constants).flatMap((x) => (known.has(x) ? [known.get(x)!] : []));
    const carryInputs = [...fresh.slice(constants), ...carries.map((i) => tangent(constants + i))];
    const constantInputs = [...fresh.slice(0, constants), ...constantTangents];
    const closure = closureOf(
      [...constantInputs, ...carryInputs],
      [...out, ...carries.map((i) => outChanges[i] ?? fill(0, out[i]))],
      first,
    );
    const { captured } = closure;
    const conditionInputs = [...captured, ...constantInputs, ...carryInputs].map((x) =>
      input(x.shape, x.dtype),
    );
    const offset = captured.length + constantInputs.length;
    const newCondition: Body = {
      inputs: conditionInputs,
      outputs: instantiate(condition, [
        ...conditionInputs.slice(captured.length, captured.length + constants),
        ...conditionInputs.slice(offset, offset + count),
      ]),
    };
    const given = node.inputs.map((x, i) => changes[i] ?? fill(0, x));
    const inputs = [
      ...captured,
      ...node.inputs.slice(0, constants),
      ...given.slice(0, constants).filter((_, i) => changes[i] !== null),
      ...node.inputs.slice(constants),
      ...carries.map((i) => given[constants + i]),
    ];
    const results = [...closure.body.outputs].map(({ shape, dtype }) => ({ shape, dtype }));
    const made = parts(
      'while',
      { results, condition: newCondition, body: closure.body, constants: offset },
      inputs,
    );
    return node.attributes.results.map((_, i) =>
      carries.includes(i) ? made[count + carries.indexOf(i)] : null,
    );
  },
  cotangents: () => {
    throw new GraphError(
      'whileLoop: has no derivative in reverse mode, for the number of its steps is not known; use scan with a fixed length, or differentiate forwards (jvp)',
    );
  },
};

/** Tangents, as inputs, for those of a body's inputs that move. */
export const tangentInputs = (inputs: readonly Node[], moving: readonly boolean[]): Map<Node, Node> =>
  new Map(inputs.flatMap((x, i) => (moving[i] ? [[x, input(x.shape, x.dtype)] as const] : [])));

/**
 * Which inputs of a loop's body move: those that are given a change, and carries that one round makes move.
 *
 * @param round which carries move after a round
 */
export function movingCarries(
  changes: readonly Change[],
  constants: number,
  carries: number,
  round: (moving: readonly boolean[]) => readonly boolean[],
): boolean[] {
  const moving = changes.map((change) => change !== null);
  for (;;) {
    const next = round(moving);
    let grew = false;
    for (let i = 0; i < carries; i++) {
      if (!next[i] || moving[constants + i]) continue;
      moving[constants + i] = true;
      grew = true;
    }
    if (!grew) return moving;
  }
}
