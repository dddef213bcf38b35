import { instantiate } from './body.ts';
import { after, fill, make } from './build.ts';
import { condDerivative } from './cond_derivative.ts';
import type { Change, Differentiation } from './derivatives.ts';
import { isFloat } from './dtype.ts';
import { GraphError } from './infer.ts';
import type { Node } from './node.ts';
import { scanDerivative } from './scan_derivative.ts';
import type { TupleOp } from './vocabulary.ts';
import { whileDerivative } from './while_derivative.ts';

/** Derivatives of operations that have several results: of control flow, and rules that users give. */
export interface TupleDerivative<O extends TupleOp> {
  /** Changes of the results for changes of the inputs, not all null. */
  readonly tangents: (node: Node<O>, changes: readonly Change[], by: Differentiation) => readonly Change[];
  /** Changes that the inputs receive for changes of the results, not all null. */
  readonly cotangents: (node: Node<O>, changes: readonly Change[], by: Differentiation) => readonly Change[];
}

const none = (inputs: readonly Node[]): Change[] => inputs.map(() => null);

/** What a rule of the user's works on. The results are those of the operation itself, so that they can be differentiated again. */
function ruleOperands(node: Node<'custom'>) {
  const { results, operands } = node.attributes;
  const count = results.length;
  return {
    results: results.map((_, index) => make('part', { index }, [node])),
    operands: node.inputs.slice(count, count + operands),
    extras: node.inputs.slice(count + operands),
  };
}

const custom: TupleDerivative<'custom'> = {
  tangents: (node, changes) => {
    const { rule, results: types } = node.attributes;
    const { results, operands, extras } = ruleOperands(node);
    const own = changes.slice(types.length, types.length + operands.length);
    if (own.every((change) => change === null)) return types.map(() => null);
    if (rule.tangents === null)
      throw new GraphError(
        `${rule.name}: has a derivative in reverse mode only, but one in forward mode was asked for; define it with customJvp, which serves both`,
      );
    return rule.tangents(results, operands, extras, own);
  },
  cotangents: (node, changes, by) => {
    const { rule, results: types } = node.attributes;
    const { results, operands, extras } = ruleOperands(node);
    const given = (own: readonly Change[]) => [...none(types as never), ...own, ...none(extras)];
    if (rule.cotangents !== null) return given(rule.cotangents(results, operands, extras, changes));
    // The rule is linear in the changes: where they are evaluated does not matter.
    const leaves = operands.map((x) => (isFloat(x.dtype) ? make('alias', {}, [fill(0, x)]) : null));
    const out = rule.tangents!(results, operands, extras, leaves);
    const roots = out.flatMap((root, i) =>
      root !== null && changes[i] !== null ? [[root, changes[i]!]] : [],
    );
    const floats = leaves.filter((leaf) => leaf !== null);
    const back = by.pullBack(
      roots.map(([root]) => root),
      roots.map(([, change]) => change),
      floats,
    );
    return given(leaves.map((leaf) => (leaf === null ? null : back[floats.indexOf(leaf)])));
  },
};

const checkpoint: TupleDerivative<'checkpoint'> = {
  tangents: ({ attributes: { results, body }, inputs }, changes, by) => {
    const operands = inputs.slice(results.length);
    const known = new Map<Node, Node>();
    operands.forEach((x, i) => {
      const change = changes[results.length + i];
      if (change !== null) known.set(x, change);
    });
    return known.size === 0 ? results.map(() => null) : by.pushForward(instantiate(body, operands), known);
  },
  cotangents: ({ attributes: { results, body }, inputs }, changes, by) => {
    const live = changes.filter((change) => change !== null);
    const leaves = inputs.slice(results.length).map((x) => after(x, live));
    return [...results.map(() => null), ...by.pullBack(instantiate(body, leaves), changes, leaves)];
  },
};

const factor: TupleDerivative<'factor'> = {
  tangents: ({ attributes: { kind } }) => {
    throw new GraphError(
      `${kind}: the bare algorithm has no derivative; use the function of linear algebra, which has`,
    );
  },
  cotangents: ({ attributes: { kind } }) => {
    throw new GraphError(
      `${kind}: the bare algorithm has no derivative; use the function of linear algebra, which has`,
    );
  },
};

export const tupleDerivatives: { readonly [O in TupleOp]: TupleDerivative<O> } = {
  custom,
  checkpoint,
  scan: scanDerivative,
  while: whileDerivative,
  cond: condDerivative,
  factor,
};
