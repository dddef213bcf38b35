import * as g from '../graph/build.ts';
import type { Change } from '../graph/derivatives.ts';
import { type Node, sameShape, typeText } from '../graph/node.ts';
import type { CustomRule } from '../graph/vocabulary.ts';
import { type AnyFunction, isTensor } from './record.ts';
import { Tensor } from './tensor.ts';
import { type Flattened, flatten } from './tree.ts';

/** Functions whose derivatives their authors give. */

const typeOf = ({ shape, dtype }: Node) => ({ shape, dtype });
const wrap = (nodes: readonly Node[]): Tensor[] => nodes.map((node) => new Tensor(node));

/** Changes as arrays: those that are zero as zeros. */
const filled = (changes: readonly Change[], like: readonly Node[]): Tensor[] =>
  changes.map((change, i) => new Tensor(change ?? g.fill(0, like[i])));

/** The nodes of a tree that must be like another one. */
function changesOf(name: string, tree: unknown, like: Flattened<unknown>, types: readonly Node[]): Node[] {
  const { leaves, structure } = flatten<Tensor>(tree, isTensor, name);
  if (leaves.length !== types.length)
    throw new Error(
      `${name}: ${types.length} arrays are needed, in a tree like ${like.structure}, got ${leaves.length} in ${structure}`,
    );
  leaves.forEach((x, i) => {
    if (!sameShape(x.shape, types[i].shape) || x.dtype !== types[i].dtype)
      throw new Error(
        `${name}: array ${i} is ${typeText(x.dtype, x.shape)}, it must be ${typeText(types[i].dtype, types[i].shape)}`,
      );
  });
  return leaves.map((x) => x.node);
}

/** An operation with a rule, in place of the results that were computed. */
function customized(
  results: readonly Node[],
  operands: readonly Node[],
  extras: readonly Node[],
  rule: CustomRule,
): Node[] {
  return g.parts('custom', { results: results.map(typeOf), operands: operands.length, rule }, [
    ...results,
    ...operands,
    ...extras,
  ]);
}

/**
 * A function with its own derivative in forward mode: `rule(primals, tangents, result)` gives the change of the result for changes of the
 * arguments, and must be linear in them. Reverse mode and higher orders follow from it. Arguments and results may be trees; `tangents` has
 * the shape of `primals`, with zeros where nothing changes. The result that the rule gets may be used in it.
 *
 *     const safeSqrt = customJvp(
 *       (x: Tensor) => x.sqrt(),
 *       ([x], [t], root) => t.mul(where(x.gt(0), root.reciprocal().mul(0.5), 0)),
 *     );
 */
export function customJvp<F extends AnyFunction>(
  f: F,
  rule: (primals: Parameters<F>, tangents: Parameters<F>, result: ReturnType<F>) => ReturnType<F>,
): F {
  const name = `customJvp(${f.name || 'function'})`;
  const custom = (...args: unknown[]): unknown => {
    const tree = flatten<Tensor>(args, isTensor, name);
    const out = flatten<Tensor>(f(...args), isTensor, `${name}: the result`);
    const tangents: CustomRule['tangents'] = (results, operands, _, changes) => {
      const primals = tree.rebuild(wrap(operands)) as Parameters<F>;
      const directions = tree.rebuild(filled(changes, operands)) as Parameters<F>;
      const change = rule(primals, directions, out.rebuild(wrap(results)) as ReturnType<F>);
      return changesOf(`${name}: the tangent of the result`, change, out, results);
    };
    const results = out.leaves.map((t) => t.node);
    const operands = tree.leaves.map((t) => t.node);
    return out.rebuild(wrap(customized(results, operands, [], { name, tangents, cotangents: null })));
  };
  return custom as F;
}

/**
 * A function with its own derivative in reverse mode: `forward(...args)` gives `[result, residuals]`, `backward(residuals, cotangent)`
 * the list of the arguments' cotangents (null for an argument without arrays or of integers). Trees everywhere. The derivative with
 * respect to anything that `forward` uses besides its arguments is zero.
 *
 *     const clipGradient = customVjp(
 *       (x: Tensor) => [x, null],
 *       (_, ct) => [ct.clip(-1, 1)],
 *     );
 */
export function customVjp<A extends readonly unknown[], R, S>(
  forward: (...args: A) => [result: R, residuals: S],
  backward: (residuals: S, cotangent: R) => readonly unknown[],
): (...args: A) => R {
  const name = `customVjp(${forward.name || 'function'})`;
  return (...args) => {
    const tree = flatten<Tensor>(args, isTensor, name);
    const pair = forward(...args);
    if (!Array.isArray(pair) || pair.length !== 2)
      throw new TypeError(`${name}: the function must return [result, residuals]; residuals may be null`);
    const out = flatten<Tensor>(pair[0], isTensor, `${name}: the result`);
    const kept = flatten<Tensor>(pair[1], isTensor, `${name}: the residuals`);
    const trees = args.map((arg) => flatten<Tensor>(arg, isTensor, name));
    const cotangents: CustomRule['cotangents'] = (results, operands, extras, changes) => {
      const residuals = kept.rebuild(wrap(extras)) as S;
      const back = backward(residuals, out.rebuild(filled(changes, results)) as R);
      if (!Array.isArray(back) || back.length !== args.length)
        throw new TypeError(
          `${name}: backward must return a list of ${args.length} cotangents, one for each argument`,
        );
      let used = 0;
      return trees.flatMap((argument, i) => {
        const types = operands.slice(used, (used += argument.leaves.length));
        if (back[i] === null) return types.map(() => null);
        return changesOf(`${name}: the cotangent of argument ${i}`, back[i], argument, types);
      });
    };
    const rule = { name, tangents: null, cotangents };
    const results = customized(
      out.leaves.map((t) => t.node),
      tree.leaves.map((t) => t.node),
      kept.leaves.map((t) => t.node),
      rule,
    );
    return out.rebuild(wrap(results)) as R;
  };
}
