import * as g from '../graph/build.ts';
import { pullBack, pushForward } from '../graph/differentiate.ts';
import { isFloat } from '../graph/dtype.ts';
import { type Node, sameShape, topological, typeText } from '../graph/node.ts';
import { checkFunction } from './options.ts';
import { Tensor } from './tensor.ts';
import { isTracing, tracing } from './trace.ts';
import { flatten } from './tree.ts';
import { Variable } from './variable.ts';

/** Derivatives of functions over trees of arrays. They record the function's graph and return graphs: any order nests. */

const isTensor = (value: unknown): value is Tensor => value instanceof Tensor;

/** Whatever owns variables: a module, or the variables themselves. */
export interface VariableOwner {
  /** The variables that are trained, in a fixed order. */
  parameters(): Variable[];
}
/** Variables to differentiate by: what owns some, or some themselves. */
export type VariableSource =
  | VariableOwner
  | Variable
  | readonly Variable[]
  | { readonly [name: string]: Variable };

/** Gradients by variables, as valueAndGrad(f, model) returns them: optimizers take them whole. */
export type Gradients = ReadonlyMap<Variable, Tensor>;

/** Options of `grad` and `valueAndGrad`. */
export interface GradOptions {
  /** Positions of the arguments to differentiate by; the first one alone by default. */
  argnums?: number | readonly number[];
  /** f returns [value, aux]; aux is passed through without a derivative. */
  hasAux?: boolean;
}

// biome-ignore lint/suspicious/noExplicitAny: functions of users may take and return any trees
type AnyFunction = (...args: any[]) => any;

function collectVariables(source: VariableSource): Variable[] {
  if (source instanceof Variable) return [source];
  if (Array.isArray(source)) return [...source];
  if ('parameters' in source && typeof source.parameters === 'function') return source.parameters();
  return Object.values(source as Record<string, Variable>);
}

function isVariableSource(value: unknown): value is VariableSource {
  if (value instanceof Variable) return true;
  if (typeof value !== 'object' || value === null) return false;
  if (!Array.isArray(value) && 'parameters' in value) return true;
  const parts = Object.values(value);
  return parts.length > 0 && parts.every((v) => v instanceof Variable);
}

export function requireFloats(name: string, tensors: readonly Tensor[]): void {
  for (const t of tensors)
    if (!isFloat(t.dtype))
      throw new Error(
        `${name}: cannot differentiate by ${typeText(t.dtype, t.shape)}; only float arrays have derivatives`,
      );
}

function requireScalar(name: string, value: unknown): Tensor {
  if (!isTensor(value))
    throw new Error(`${name}: the function must return a scalar array, got ${describe(value)}`);
  if (value.size !== 1 || value.ndim !== 0)
    throw new Error(
      `${name}: the function must return a scalar, got shape [${value.shape.join(', ')}]; reduce it with sum() or mean()`,
    );
  if (!isFloat(value.dtype))
    throw new Error(`${name}: the function returned ${value.dtype}; only floats have derivatives`);
  return value;
}

const describe = (value: unknown): string =>
  Array.isArray(value) ? 'an array (did you mean hasAux: true?)' : value === null ? 'null' : typeof value;

/** Runs f on fresh leaves in place of the tensors of chosen arguments. */
export function onLeaves(
  name: string,
  f: AnyFunction,
  args: readonly unknown[],
  positions: readonly number[],
) {
  checkFunction(name, f);
  const trees = positions.map((i) => {
    if (i < 0 || i >= args.length)
      throw new Error(`${name}: there is no argument ${i}; the call has ${args.length}`);
    // A tree without arrays, such as {}, has an empty derivative; a bare number is a mistake.
    if (typeof args[i] === 'number')
      throw new TypeError(
        `${name}: argument ${i} is the number ${args[i]}; derivatives are by arrays: tensor(${args[i]}) makes one`,
      );
    return flatten(args[i], isTensor, name);
  });
  for (const tree of trees) requireFloats(name, tree.leaves);
  const leaves = trees.map((tree) => tree.leaves.map((t) => new Tensor(g.alias(t.node))));
  const replaced = [...args];
  positions.forEach((position, k) => {
    replaced[position] = trees[k].rebuild(leaves[k]);
  });
  return { trees, leaves: leaves.flat(), result: f(...replaced) };
}

/** Gradient of `value` by leaves; zeros where it does not depend on them. */
const gradientsOf = (value: Tensor, leaves: readonly Tensor[]): Tensor[] =>
  pullBack(
    [value.node],
    [g.fill(1, value.node)],
    leaves.map((l) => l.node),
  ).map((ct, i) => new Tensor(ct ?? g.fill(0, leaves[i].node)));

/** The gradient's type: that of the argument, or a list for a list of argnums. */
export type GradientOf<F extends AnyFunction, O extends GradOptions> = O extends {
  argnums: infer A extends readonly number[];
}
  ? { -readonly [I in keyof A]: Parameters<F>[A[I]] }
  : O extends { argnums: infer N extends number }
    ? Parameters<F>[N]
    : Parameters<F>[0];
type ResultOfGrad<F extends AnyFunction, O extends GradOptions> = O extends { hasAux: true }
  ? [GradientOf<F, O>, ReturnType<F>[1]]
  : GradientOf<F, O>;

/**
 * The value and the gradient of a scalar function in one evaluation: `valueAndGrad(f)(x, ...rest)` returns `[f(x, ...rest), df/dx]`
 * with the gradient in the tree structure of x. With a module or variables as second argument, f is called at once and the
 * gradient is by their trainable parameters: `valueAndGrad(() => loss(model), model)`.
 *
 * @throws if f does not return a float scalar, or an argument to differentiate by is not float
 */
export function valueAndGrad<R>(
  f: () => R,
  source: VariableSource,
): [R extends readonly [infer V, infer A] ? [V, A] : R, Gradients];
export function valueAndGrad<F extends AnyFunction, const O extends GradOptions = Record<never, never>>(
  f: F,
  options?: O,
): (...args: Parameters<F>) => [ReturnType<F>, GradientOf<F, O>];
export function valueAndGrad(f: AnyFunction, second: VariableSource | GradOptions = {}): unknown {
  checkFunction('grad', f);
  if (isVariableSource(second)) return valueAndGradOfVariables(f, collectVariables(second));
  const { argnums = 0, hasAux = false } = second as GradOptions;
  const positions = typeof argnums === 'number' ? [argnums] : argnums;
  return (...args: unknown[]) =>
    together((note) => {
      const { trees, leaves, result } = onLeaves('grad', f, args, positions);
      const value = requireScalar('grad', hasAux ? result?.[0] : result);
      const gradients = gradientsOf(value, leaves);
      let used = 0;
      const rebuilt = trees.map((tree) => tree.rebuild(gradients.slice(used, (used += tree.leaves.length))));
      note(value, gradients);
      return [result, typeof argnums === 'number' ? rebuilt[0] : rebuilt];
    });
}

/**
 * A transform whose results, if it is the outermost, are computed in one program when the first of them is read: each alone
 * would repeat the forward pass.
 */
function together<T>(body: (note: (value: Tensor, gradients: readonly Tensor[]) => void) => T): T {
  let results: Node[] = [];
  const output = tracing(() =>
    body((value, gradients) => {
      results = [value.node, ...gradients.map((t) => t.node)];
    }),
  );
  if (!isTracing()) for (const node of results) if (node.op !== 'constant') node.companions = results;
  return output;
}

function valueAndGradOfVariables(f: AnyFunction, variables: readonly Variable[]): [unknown, Gradients] {
  return together((note) => {
    const before = variables.map((v) => v.value.node);
    const leaves = before.map((node) => new Tensor(g.alias(node)));
    requireFloats('valueAndGrad', leaves);
    variables.forEach((v, i) => {
      v.node = leaves[i].node;
    });
    try {
      const result = f();
      const value = requireScalar('valueAndGrad', Array.isArray(result) ? result[0] : result);
      const gradients = gradientsOf(value, leaves);
      note(value, gradients);
      return [result, new Map(variables.map((v, i) => [v, gradients[i]]))];
    } finally {
      // A variable that f assigned keeps its new content; the others get theirs back.
      variables.forEach((v, i) => {
        if (v.node === leaves[i].node) v.node = before[i];
      });
    }
  });
}

/** The gradient of a scalar function: `grad(f)(x, ...rest)`, a tree like x. See valueAndGrad for options and errors. */
export function grad(f: () => unknown, source: VariableSource): Gradients;
export function grad<F extends AnyFunction, const O extends GradOptions = Record<never, never>>(
  f: F,
  options?: O,
): (...args: Parameters<F>) => ResultOfGrad<F, O>;
export function grad(f: AnyFunction, second: VariableSource | GradOptions = {}): unknown {
  if (isVariableSource(second)) return valueAndGrad(f, second)[1];
  const both = valueAndGrad(f, second as GradOptions);
  const { hasAux = false } = second as GradOptions;
  return (...args: unknown[]) => {
    const [result, gradient] = both(...args) as [unknown, unknown];
    return hasAux ? [gradient, (result as unknown[])[1]] : gradient;
  };
}

/**
 * Forward mode: `jvp(f, primals, tangents)` returns `[f(...primals), the directional derivative]`; one tangent tree for each
 * primal tree.
 */
export function jvp<F extends AnyFunction>(
  f: F,
  primals: Parameters<F>,
  tangents: Parameters<F>,
): [ReturnType<F>, ReturnType<F>] {
  return tracing(() => {
    if (tangents.length !== primals.length)
      throw new Error(
        `jvp: ${primals.length} primals need as many tangents, got ${tangents.length}; a direction of zeros leaves one out`,
      );
    const positions = primals.map((_, i) => i);
    const { trees, leaves, result } = onLeaves('jvp', f, primals, positions);
    const directions = tangents.flatMap((t, i) => {
      const tree = flatten(t, isTensor, 'jvp');
      if (tree.leaves.length !== trees[i]?.leaves.length)
        throw new Error(
          `jvp: tangent ${i} has ${tree.leaves.length} arrays, its primal has ${trees[i]?.leaves.length ?? 0}`,
        );
      return tree.leaves;
    });
    directions.forEach((t, i) => {
      requireLike('jvp: a tangent', t, leaves[i]);
    });
    const out = flatten<Tensor>(result, isTensor, 'jvp');
    const known = new Map(leaves.map((leaf, i) => [leaf.node, directions[i].node]));
    const changes = pushForward(
      out.leaves.map((t) => t.node),
      known,
    );
    return [
      result,
      out.rebuild(changes.map((c, i) => new Tensor(c ?? g.fill(0, out.leaves[i].node)))),
    ] as never;
  });
}

/**
 * Reverse mode: `vjp(f, ...primals)` returns `[f(...primals), pullback]`; `pullback(ct)` takes a tree like the result and gives the
 * change of the primals: a tree like the only primal, or a list of trees.
 */
export function vjp<F extends AnyFunction>(
  f: F,
  ...primals: Parameters<F>
): [
  ReturnType<F>,
  (cotangent: ReturnType<F>) => Parameters<F>['length'] extends 1 ? Parameters<F>[0] : Parameters<F>,
] {
  const { trees, leaves, result } = tracing(() =>
    onLeaves(
      'vjp',
      f,
      primals,
      primals.map((_, i) => i),
    ),
  );
  const out = flatten<Tensor>(result, isTensor, 'vjp');
  // The result may be read, and thereby evaluated, before the pullback is called.
  const boundary = new Set(leaves.map((l) => l.node));
  for (const node of topological(
    out.leaves.map((t) => t.node),
    (n) => boundary.has(n),
  ))
    node.kept = true;
  const pullback = (cotangent: unknown) =>
    tracing(() => {
      const ct = flatten(cotangent, isTensor, 'vjp');
      if (ct.leaves.length !== out.leaves.length)
        throw new Error(
          `vjp: the cotangent has ${ct.leaves.length} arrays, the function returned ${out.leaves.length}`,
        );
      ct.leaves.forEach((t, i) => {
        requireLike('vjp: a cotangent', t, out.leaves[i]);
      });
      const changes = pullBack(
        out.leaves.map((t) => t.node),
        ct.leaves.map((t) => t.node),
        leaves.map((l) => l.node),
      );
      const tensors = changes.map((c, i) => new Tensor(c ?? g.fill(0, leaves[i].node)));
      let used = 0;
      const rebuilt = trees.map((tree) => tree.rebuild(tensors.slice(used, (used += tree.leaves.length))));
      return primals.length === 1 ? rebuilt[0] : rebuilt;
    });
  return [result, pullback as never];
}

export function requireLike(what: string, given: Tensor, like: Tensor): void {
  if (!sameShape(given.shape, like.shape) || given.dtype !== like.dtype)
    throw new Error(
      `${what} is ${typeText(given.dtype, given.shape)}, it must be ${typeText(like.dtype, like.shape)}`,
    );
}

/** The array as a constant to every derivative. Applies to trees. */
export function stopGradient<T>(tree: T): T {
  const { leaves, rebuild } = flatten(tree, isTensor, 'stopGradient');
  return rebuild(leaves.map((t) => new Tensor(g.stopGradient(t.node)))) as T;
}
