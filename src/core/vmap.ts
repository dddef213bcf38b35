import { batchGraph } from '../graph/batching.ts';
import { input } from '../graph/build.ts';
import { batched, type Lifted, moveAxis, spread } from '../graph/lifted.ts';
import { type Node, typeText } from '../graph/node.ts';
import { standIn } from './evaluate.ts';
import { checkFunction, checkOptions } from './options.ts';
import { printingAfter } from './print_values.ts';
import { type AnyFunction, isTensor, together } from './record.ts';
import { Tensor } from './tensor.ts';
import { type Cell, tracing, undoing } from './trace.ts';
import { flatten } from './tree.ts';
import type { Variable } from './variable.ts';

/**
 * Axes of the examples in a tree of arrays: one for all arrays below, null where the examples share them, or a list or object that says it
 * for the parts of a list or object.
 */
export type Axes = number | null | readonly Axes[] | { readonly [key: string]: Axes };

/** Options of `vmap`. */
export interface VmapOptions {
  /**
   * Where the arguments have the axis of the examples: for all of them, or a list with an entry for each argument. Negative axes count
   * from the end. Default 0.
   */
  readonly inAxes?: Axes;
  /** Where the results get it; null for results that do not depend on the example. Default 0. */
  readonly outAxes?: Axes;
}

/** An array among the arguments, and its axis of examples. */
interface Argument {
  readonly tensor: Tensor;
  readonly axis: number | null;
  readonly where: string;
}

/**
 * The function for many examples at once: f is written for one example, `vmap(f)` takes arrays with one more axis and computes all examples
 * together, as a loop over them would, without the loop.
 *
 *     vmap((x: Tensor, w: Tensor) => w.matmul(x), { inAxes: [0, null] })(xs, w);
 *
 * Arguments and results are trees of arrays. What no example changes is computed once. It composes with itself and with every
 * transform: `vmap(grad(loss))` gives the gradient of each example, `grad`, `jvp` and `jit` take vmapped functions.
 *
 * f runs once, on arrays of the shape of one example, whose values cannot be read. Variables may be read; those that f assigns must get
 * the same value from every example. Random functions with a key that differs between the examples draw for each of them what they
 * would alone; without a key all examples share one draw from the default generator. `debug.print` prints the values of all examples, along
 * a first axis, once f has run.
 *
 * @throws if no argument is batched, if the axes of the examples differ in size or do not exist, or f assigns a Variable a value that
 * differs between the examples
 */
export function vmap<F extends AnyFunction>(f: F, options: VmapOptions = {}): F {
  checkFunction('vmap', f);
  checkOptions('vmap', options, ['inAxes', 'outAxes']);
  const { inAxes = 0, outAxes = 0 } = options;
  const name = `vmap(${f.name || 'function'})`;
  const mapped = (...args: unknown[]): unknown => {
    if (Array.isArray(inAxes) && inAxes.length !== args.length)
      throw new Error(
        `${name}: inAxes has ${inAxes.length} entries for ${args.length} arguments; give one for each, null where the examples share it`,
      );
    const given = args.map((arg, i) =>
      argumentsOf(name, arg, Array.isArray(inAxes) ? (inAxes[i] as Axes) : inAxes, `argument ${i}`),
    );
    const size = examplesOf(name, given.flat());
    const first = input([], 'float32').id;
    const nodes: Node[] = [];
    const output = tracing(() => {
      const leaves = new Map<Node, Lifted>();
      const perExample = args.map((arg, i) => {
        if (given[i].every(({ axis }) => axis === null)) return arg;
        const tree = flatten<Tensor>(arg, isTensor, name);
        return tree.rebuild(given[i].map((one) => exampleOf(one, leaves)));
      });
      const result = printingAfter(
        () => withoutLeaks(name, leaves, first, size, () => f(...perExample)),
        (printed) => batchGraph(printed, leaves, size).map((x) => x.node),
      );
      const out = flatten<Tensor>(result, isTensor, `${name}: the result`);
      const axes = axesOf(name, 'outAxes', outAxes, result, 'the result');
      batchGraph(
        out.leaves.map((t) => t.node),
        leaves,
        size,
      ).forEach((x, i) => {
        nodes.push(placed(name, x, axes[i], size));
      });
      return out.rebuild(nodes.map((node) => new Tensor(node)));
    });
    // Results that were there before are nobody's companions.
    together(nodes.filter((node) => node.id > first && node.op !== 'constant'));
    return output;
  };
  Object.defineProperty(mapped, 'name', { value: name });
  return mapped as F;
}

/** The arrays of an argument with their axes of examples, which are counted from the beginning. */
function argumentsOf(name: string, arg: unknown, axes: Axes, where: string): Argument[] {
  if (axes === null) return [];
  const { leaves } = flatten<Tensor>(arg, isTensor, `${name}: ${where}`);
  const chosen = axesOf(name, 'inAxes', axes, arg, where);
  return leaves.map((tensor, i) => {
    const axis = chosen[i];
    const what = leaves.length === 1 ? where : `array ${i} of ${where}`;
    if (axis === null) return { tensor, axis, where: what };
    const positive = axis < 0 ? axis + tensor.ndim : axis;
    if (!Number.isInteger(axis) || !(positive in tensor.shape))
      throw new Error(
        `${name}: ${what} is ${typeText(tensor.dtype, tensor.shape)} and has no axis ${axis} of examples; inAxes null has the examples share it`,
      );
    return { tensor, axis: positive, where: what };
  });
}

/** How many examples there are. */
function examplesOf(name: string, given: readonly Argument[]): number {
  const own = given.filter(({ axis }) => axis !== null);
  const sizeOf = ({ tensor, axis }: Argument) => tensor.shape[axis!];
  if (own.length === 0)
    throw new Error(
      `${name}: no argument has an axis of examples; pass an array whose entry in inAxes is not null`,
    );
  const size = sizeOf(own[0]);
  if (own.some((one) => sizeOf(one) !== size)) {
    const list = own.map(
      (one) =>
        `${one.where} (${typeText(one.tensor.dtype, one.tensor.shape)}) has ${sizeOf(one)} on axis ${one.axis}`,
    );
    throw new Error(`${name}: the axes of examples differ in size: ${list.join(', ')}`);
  }
  return size;
}

/** What the function sees of an argument. */
function exampleOf({ tensor, axis }: Argument, leaves: Map<Node, Lifted>): Tensor {
  if (axis === null) return tensor;
  const all = moveAxis(tensor.node, axis, 0);
  const one = standIn('vmap', { shape: all.shape.slice(1), dtype: all.dtype });
  leaves.set(one, batched(all));
  return new Tensor(one);
}

/** An axis, or null, for each array of a tree. */
function axesOf(name: string, option: string, axes: Axes, tree: unknown, where: string): (number | null)[] {
  if (axes === null || typeof axes === 'number')
    return flatten(tree, isTensor, `${name}: ${where}`).leaves.map(() => axes);
  const mismatch = (problem: string) =>
    new Error(`${name}: ${option} does not fit ${where}: ${problem}; it must be a number, null, or like it`);
  if (Array.isArray(axes)) {
    if (!Array.isArray(tree)) throw mismatch('it has a list where there is none');
    if (tree.length !== axes.length)
      throw mismatch(`it has ${axes.length} entries for ${tree.length} elements`);
    return axes.flatMap((part, i) => axesOf(name, option, part, tree[i], `${where}[${i}]`));
  }
  if (typeof axes !== 'object') throw mismatch(`it has ${String(axes)}`);
  if (typeof tree !== 'object' || tree === null || Array.isArray(tree) || isTensor(tree))
    throw mismatch('it has an object where there is none');
  const parts = axes as { readonly [key: string]: Axes };
  const keys = Object.keys(tree).sort();
  const other = [...keys, ...Object.keys(parts)].find((key) => !(key in parts) || !keys.includes(key));
  if (other !== undefined) throw mismatch(`only one of them has '${other}'`);
  return keys.flatMap((key) =>
    axesOf(name, option, parts[key], (tree as Record<string, unknown>)[key], `${where}.${key}`),
  );
}

/** A result with the axis of the examples where it is wanted. */
function placed(name: string, x: Lifted, axis: number | null, size: number): Node {
  if (axis === null) {
    if (x.batched)
      throw new Error(
        `${name}: outAxes is null for a result that differs between the examples, ${typeText(x.node.dtype, x.node.shape.slice(1))} each; give its axis, or reduce over the examples outside`,
      );
    return x.node;
  }
  const all = spread(x, size);
  const positive = axis < 0 ? axis + all.shape.length : axis;
  if (!Number.isInteger(axis) || !(positive in all.shape))
    throw new Error(
      `${name}: outAxes has ${axis} for a result of shape [${all.shape.slice(1).join(', ')}] for one example; axes from ${-all.shape.length} to ${all.shape.length - 1} are possible`,
    );
  return moveAxis(all, 0, positive);
}

/** Runs `body`; what it leaves in variables must be there for all examples at once. */
function withoutLeaks<T>(
  name: string,
  leaves: ReadonlyMap<Node, Lifted>,
  first: number,
  size: number,
  body: () => T,
): T {
  return undoing(
    (changed) => {
      /** Variables from outside that hold something different for each example; they get back what they held. */
      const leaking = (): Cell[] =>
        [...changed].flatMap(([cell, former]) => {
          const [now] = batchGraph([cell.node], leaves, size);
          if (!now.batched || former.id > first) return [];
          cell.node = former;
          return [cell];
        });
      let result: T;
      try {
        result = body();
      } catch (error) {
        leaking();
        throw error;
      }
      const [cell] = leaking() as Variable[];
      if (cell !== undefined)
        throw new Error(
          `${name}: the function assigned Variable '${cell.name}' a value that differs between the examples, but it holds one of shape [${cell.shape.join(', ')}]; ` +
            'return the values instead, and assign their mean (or what you need of them) outside of vmap',
        );
      return result;
    },
    () => false,
  );
}
