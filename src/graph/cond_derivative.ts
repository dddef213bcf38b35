import { closureOf, instantiate } from './body.ts';
import { fill, input, parts } from './build.ts';
import type { Change } from './derivatives.ts';
import { isFloat } from './dtype.ts';
import type { Node } from './node.ts';
import type { TupleDerivative } from './tuple_derivatives.ts';
import type { Body, ResultType } from './vocabulary.ts';

/** A branch is differentiated by itself; in reverse mode it is computed anew, for the branches have no intermediate results in common. */
export const condDerivative: TupleDerivative<'cond'> = {
  tangents: (node, changes, by) => {
    const [index, ...operands] = node.inputs;
    const own = changes.slice(1);
    const moving = operands.flatMap((_, i) => (own[i] === null ? [] : [i]));
    if (moving.length === 0) return node.attributes.results.map(() => null);
    return derivedBranches(
      node,
      node.attributes.results,
      [...operands, ...moving.map((i) => own[i]!)],
      index,
      (branch, given) => {
        const fresh = given.slice(0, operands.length);
        const known = new Map(moving.map((i, k) => [fresh[i], given[operands.length + k]]));
        return by.pushForward(instantiate(branch, fresh), known);
      },
    );
  },
  cotangents: (node, changes, by) => {
    const [index, ...operands] = node.inputs;
    const live = changes.flatMap((change, i) => (change === null ? [] : [i]));
    const back = derivedBranches(
      node,
      operands,
      [...operands, ...live.map((i) => changes[i]!)],
      index,
      (branch, given) => {
        const fresh = given.slice(0, operands.length);
        const cts: Change[] = changes.map(() => null);
        live.forEach((i, k) => {
          cts[i] = given[operands.length + k];
        });
        return by.pullBack(instantiate(branch, fresh), cts, fresh);
      },
    );
    return [null, ...back];
  },
};

/** A choice between derivatives of the branches, all of which take `operands`; a result that is zero in every branch is null. */
function derivedBranches(
  node: Node<'cond'>,
  types: readonly ResultType[],
  operands: readonly Node[],
  index: Node,
  derive: (branch: Body, given: readonly Node[]) => readonly Change[],
): Change[] {
  const first = input([], 'float32').id;
  const made = node.attributes.branches.map((branch) => {
    const given = operands.map((x) => input(x.shape, x.dtype));
    return { given, out: derive(branch, given) };
  });
  const kept = types.flatMap((type, i) =>
    isFloat(type.dtype) && made.some(({ out }) => out[i] !== null) ? [i] : [],
  );
  const closures = made.map(({ given, out }) =>
    closureOf(
      given,
      kept.map((i) => out[i] ?? fill(0, types[i])),
      first,
    ),
  );
  // Each branch takes what any of them captured.
  const captured = [...new Set(closures.flatMap((c) => c.captured))];
  const branches = closures.map(({ body, captured: own }): Body => {
    const all = captured.map((x) => input(x.shape, x.dtype));
    return {
      inputs: [...all, ...body.inputs.slice(own.length)],
      outputs: instantiate(body, [
        ...own.map((x) => all[captured.indexOf(x)]),
        ...body.inputs.slice(own.length),
      ]),
    };
  });
  const results = kept.map((i) => ({ shape: types[i].shape, dtype: types[i].dtype }));
  const out = parts('cond', { results, branches }, [index, ...captured, ...operands]);
  return types.map((_, i) => (kept.includes(i) ? out[kept.indexOf(i)] : null));
}
