import { customVjp } from '../core/custom.ts';
import { guarded } from '../core/trace.ts';

/** Listening to what modules compute, from outside. */

/** What has a forward to listen to. */
interface Callable {
  forward(...inputs: never[]): unknown;
}

/** Runs around a module's forward: calls it (or not) and gives what the caller gets. */
export type Around = (call: (inputs: readonly unknown[]) => unknown, inputs: readonly unknown[]) => unknown;

const listeners = new WeakMap<Callable, Set<Around>>();
const versions = new WeakMap<Callable, number>();

/** A compiled function that ran these listeners is compiled anew when they change. */
const changed = (module: Callable): void => {
  versions.set(module, (versions.get(module) ?? 0) + 1);
};

/**
 * Has `around` run with every call of a module's forward, outside of those that are there already.
 *
 * @returns what ends that
 */
export function intercept(module: Callable, around: Around): () => void {
  const all = listeners.get(module) ?? begin(module);
  // Two of the same function are two listeners.
  const own: Around = (call, inputs) => around(call, inputs);
  all.add(own);
  changed(module);
  return () => {
    if (!all.delete(own)) return;
    changed(module);
    if (all.size > 0) return;
    listeners.delete(module);
    const { forward } = module as { forward: { former?: PropertyDescriptor } };
    if (forward.former !== undefined) Object.defineProperty(module, 'forward', forward.former);
    else delete (module as { forward?: unknown }).forward;
  };
}

/** Puts a forward of its own before the class's, that runs what listens. */
function begin(module: Callable): Set<Around> {
  const all = new Set<Around>();
  listeners.set(module, all);
  const original = module.forward as unknown as (...inputs: unknown[]) => unknown;
  const former = Object.getOwnPropertyDescriptor(module, 'forward');
  const forward = (...inputs: unknown[]): unknown => {
    guarded(() => versions.get(module));
    const inner = (given: readonly unknown[]): unknown => original.apply(module, [...given]);
    const run = [...all].reduce(
      (call, around) => (given: readonly unknown[]) => around(call, given),
      inner as (given: readonly unknown[]) => unknown,
    );
    return run(inputs);
  };
  const value = Object.assign(forward, former === undefined ? {} : { former });
  Object.defineProperty(module, 'forward', { value, configurable: true, enumerable: false });
  return all;
}

/** x with a derivative that `listener` is told of, and may replace. */
export function observeGradient<X>(x: X, listener: (gradient: X) => unknown): X {
  const observed = customVjp(
    function observed(y: X): [X, null] {
      return [y, null];
    },
    (_: null, gradient: X) => [listener(gradient) ?? gradient],
  );
  return observed(x);
}
