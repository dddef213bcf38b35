import { batchGraph } from '../graph/batching.ts';
import * as g from '../graph/build.ts';
import { pullBack, pushForward } from '../graph/differentiate.ts';
import { isFloat } from '../graph/dtype.ts';
import { batched, moveAxis, spread } from '../graph/lifted.ts';
import { type Node, sizeOf, typeText } from '../graph/node.ts';
import { checkOptions } from './options.ts';
import { type AnyFunction, isTensor, together } from './record.ts';
import { Tensor } from './tensor.ts';
import { tracing } from './trace.ts';
import { type GradientOf, type GradOptions, grad, jvp, onLeaves } from './transforms.ts';
import { flatten } from './tree.ts';

/** Matrices of derivatives, of first and second order. */

export interface JacobianOptions extends GradOptions {
  /**
   * `forward` goes through the function once for every element of the arguments, `reverse` once for every element of the result; all at
   * the same time, as one batch. By default whichever is less, `forward` if they are equal.
   */
  mode?: 'forward' | 'reverse';
}

/** A tree with something else in the place of each array. */
type InPlaceOfArrays<T, U> = T extends Tensor
  ? U
  : T extends object
    ? { -readonly [K in keyof T]: InPlaceOfArrays<T[K], U> }
    : T;

/** A tree like the result, with a tree like the argument in the place of each array. */
type JacobianOf<F extends AnyFunction, O extends GradOptions> = O extends { hasAux: true }
  ? [InPlaceOfArrays<ReturnType<F>[0], GradientOf<F, O>>, ReturnType<F>[1]]
  : InPlaceOfArrays<ReturnType<F>, GradientOf<F, O>>;

/**
 * All partial derivatives of a function: `jacobian(f)(x)` has the shape [...result, ...x], with `J[i.., j..]` the derivative of
 * `f(x)[i..]` by `x[j..]`. For trees it is a tree like the result, with a tree like the argument (for a list of argnums, a list of them) in
 * the place of each array, as in JAX. Computed forwards or in reverse, whichever takes fewer directions (see `mode`).
 *
 * @throws if an argument to differentiate by, or a result, is not float
 */
export function jacobian<F extends AnyFunction, const O extends JacobianOptions = Record<never, never>>(
  f: F,
  options?: O,
): (...args: Parameters<F>) => JacobianOf<F, O> {
  checkOptions('jacobian', options ?? {}, ['argnums', 'hasAux', 'mode']);
  const { mode } = options ?? {};
  if (mode !== undefined && mode !== 'forward' && mode !== 'reverse')
    throw new TypeError(`jacobian: mode must be 'forward' or 'reverse', got '${String(mode)}'`);
  return jacobianBy('jacobian', f, options ?? {}, mode) as never;
}

/** The jacobian in forward mode: for functions with more results than arguments. See `jacobian`. */
export function jacfwd<F extends AnyFunction, const O extends GradOptions = Record<never, never>>(
  f: F,
  options?: O,
): (...args: Parameters<F>) => JacobianOf<F, O> {
  checkOptions('jacfwd', options ?? {}, ['argnums', 'hasAux']);
  return jacobianBy('jacfwd', f, options ?? {}, 'forward') as never;
}

/** The jacobian in reverse mode: for functions with more arguments than results. See `jacobian`. */
export function jacrev<F extends AnyFunction, const O extends GradOptions = Record<never, never>>(
  f: F,
  options?: O,
): (...args: Parameters<F>) => JacobianOf<F, O> {
  checkOptions('jacrev', options ?? {}, ['argnums', 'hasAux']);
  return jacobianBy('jacrev', f, options ?? {}, 'reverse') as never;
}

/** The hessian of a function with trees: a tree of trees, by the argument twice. */
type HessianOf<F extends AnyFunction, O extends GradOptions> = O extends { hasAux: true }
  ? [InPlaceOfArrays<ReturnType<F>[0], InPlaceOfArrays<GradientOf<F, O>, GradientOf<F, O>>>, ReturnType<F>[1]]
  : InPlaceOfArrays<ReturnType<F>, InPlaceOfArrays<GradientOf<F, O>, GradientOf<F, O>>>;

/**
 * All second partial derivatives: `hessian(f)(x)` has the shape [...result, ...x, ...x], [...x, ...x] for the usual scalar function. Trees
 * as with `jacobian`, of which it is two: forwards over reverse.
 *
 * @throws if an argument to differentiate by, or a result, is not float
 */
export function hessian<F extends AnyFunction, const O extends GradOptions = Record<never, never>>(
  f: F,
  options?: O,
): (...args: Parameters<F>) => HessianOf<F, O> {
  checkOptions('hessian', options ?? {}, ['argnums', 'hasAux']);
  const once = jacobianBy('hessian', f, options ?? {}, 'reverse');
  return jacobianBy('hessian', once, options ?? {}, 'forward') as never;
}

/**
 * The product of the hessian of a scalar function with a vector (a tree like x), `H(x) v`, for about the price of two gradients: the
 * hessian itself is never made.
 */
export function hvp<T>(f: (x: T) => Tensor, x: T, v: T): T {
  const [, product] = jvp(grad(f) as unknown as (x: T) => T, [x], [v]);
  together(computed(flatten<Tensor>(product, isTensor, 'hvp').leaves));
  return product;
}

const computed = (tensors: readonly Tensor[]): Node[] =>
  tensors.map((t) => t.node).filter((node) => node.op !== 'constant');

function jacobianBy(
  name: string,
  f: AnyFunction,
  { argnums = 0, hasAux = false }: GradOptions,
  mode: 'forward' | 'reverse' | undefined,
): AnyFunction {
  const positions = typeof argnums === 'number' ? [argnums] : argnums;
  return (...args: unknown[]) => {
    const made: Tensor[] = [];
    const output = tracing(() => {
      const { trees, leaves, result } = onLeaves(name, f, args, positions);
      if (hasAux && (!Array.isArray(result) || result.length !== 2))
        throw new TypeError(`${name}: with hasAux the function must return [result, aux]`);
      const out = flatten<Tensor>(hasAux ? result[0] : result, isTensor, `${name}: the result`);
      if (out.leaves.length === 0)
        throw new TypeError(`${name}: the function must return an array or a tree of arrays`);
      for (const t of out.leaves)
        if (!isFloat(t.dtype))
          throw new TypeError(
            `${name}: the function returned ${typeText(t.dtype, t.shape)}; only floats have derivatives`,
          );
      const total = (list: readonly Tensor[]) => list.reduce((sum, t) => sum + t.size, 0);
      const chosen = mode ?? (total(leaves) <= total(out.leaves) ? 'forward' : 'reverse');
      const roots = out.leaves.map((t) => t.node);
      const by = leaves.map((t) => t.node);
      const blocks = chosen === 'forward' ? forwards(roots, by) : backwards(roots, by);
      const rows = blocks.map((row) => {
        const tensors = row.map((node) => new Tensor(node));
        made.push(...tensors);
        let used = 0;
        const parts = trees.map((tree) => tree.rebuild(tensors.slice(used, (used += tree.leaves.length))));
        return typeof argnums === 'number' ? parts[0] : parts;
      });
      const whole = out.rebuild(rows);
      return hasAux ? [whole, result[1]] : whole;
    });
    together(computed(made));
    return output;
  };
}

/** Derivatives of each root by each leaf, a column for each element of a leaf. */
function forwards(roots: readonly Node[], leaves: readonly Node[]): Node[][] {
  const columns = leaves.map((leaf) =>
    inAllDirections(
      leaf,
      roots,
      (direction) => pushForward(roots, new Map([[leaf, direction]])),
      (x, root) => moveAxis(x, 0, root.shape.length),
    ),
  );
  return roots.map((root, i) =>
    leaves.map((leaf, k) => g.reshape(columns[k][i], [...root.shape, ...leaf.shape])),
  );
}

/** Derivatives of each root by each leaf, a row for each element of a root. */
const backwards = (roots: readonly Node[], leaves: readonly Node[]): Node[][] =>
  roots.map((root) =>
    inAllDirections(
      root,
      leaves,
      (direction) => pullBack([root], [direction], leaves),
      (x) => x,
    ).map((x, k) => g.reshape(x, [...root.shape, ...leaves[k].shape])),
  );

/**
 * What a linear map makes of every unit vector of the type of `space`, along a first axis which `arrange` may move: arrays like `results` with
 * one more axis.
 */
function inAllDirections(
  space: Node,
  results: readonly Node[],
  map: (direction: Node) => readonly (Node | null)[],
  arrange: (x: Node, result: Node) => Node,
): Node[] {
  const size = sizeOf(space.shape);
  const stacked = (x: Node | null, i: number): Node => {
    const shape = [size, ...results[i].shape];
    return arrange(x ?? g.constant(0, shape, results[i].dtype), results[i]);
  };
  if (size === 0) return results.map((_, i) => stacked(null, i));
  // The only direction of a number needs no batch.
  if (size === 1) return map(g.fill(1, space)).map((x, i) => stacked(x && g.reshape(x, [1, ...x.shape]), i));
  const direction = g.input(space.shape, space.dtype);
  const changes = map(direction);
  const units = g.reshape(identity(size, space), [size, ...space.shape]);
  const all = batchGraph(
    changes.filter((x) => x !== null),
    new Map([[direction, batched(units)]]),
    size,
  );
  let next = 0;
  return changes.map((x, i) => stacked(x && spread(all[next++], size), i));
}

const identity = (size: number, { dtype }: Node): Node =>
  g.cast(g.compare('eq', g.iota(0, [size, size]), g.iota(1, [size, size])), dtype);
