import type { Node } from '../graph/node.ts';
import { realize } from './evaluate.ts';
import { NumericsError, type NumericsOptions, setNumerics } from './numerics.ts';
import { Tensor } from './tensor.ts';
import { isTracing, undoing } from './trace.ts';

// biome-ignore lint/suspicious/noExplicitAny: functions of users may take and return anything
type AnyFunction = (...args: any[]) => any;

/**
 * The same function, which throws a NumericsError as soon as an operation makes a NaN or an infinity from operands without:
 * the message has the operation, its shapes, the first position, the operands' elements there and the line of code. Jitted
 * functions and derivatives inside are looked into (jitted ones are compiled once more, with every value as a result);
 * inside of the bodies of scan, while and cond, only their results are. Infinities that are written down, as in masks and padding, are no mistakes, nor is
 * what they lead to, unless it is NaN. When it throws, all variables hold what they held before the call.
 *
 * Goes around other transforms, as in `checkNumerics(jit(step))`, not into them. Slow: for the search, not for training.
 *
 * @throws NumericsError; an Error inside of another transform, or if `f` is asynchronous
 */
export function checkNumerics<F extends AnyFunction>(f: F, options: NumericsOptions = {}): F {
  const checked = (...args: unknown[]): unknown => {
    if (isTracing())
      throw new Error(
        'checkNumerics: there are no values inside of jit and derivatives; put it around them: checkNumerics(jit(f))',
      );
    const goBack = setNumerics(options);
    try {
      return undoing(
        (changed) => {
          const result: unknown = f(...args);
          if (result instanceof Promise)
            throw new Error(
              'checkNumerics: the function is asynchronous, so most of it runs later; use debug({ numerics: true }) around it',
            );
          realize([...nodesIn(result), ...[...changed.keys()].map((cell) => cell.node)]);
          return result;
        },
        (error) => error instanceof NumericsError,
      );
    } finally {
      goBack();
    }
  };
  Object.defineProperty(checked, 'name', { value: `checkNumerics(${f.name || 'function'})` });
  return checked as F;
}

/** The arrays in a result, whatever else there is. */
function nodesIn(value: unknown): Node[] {
  if (value instanceof Tensor) return [value.node];
  if (Array.isArray(value)) return value.flatMap(nodesIn);
  if (value instanceof Map) return [...value.values()].flatMap(nodesIn);
  if (typeof value !== 'object' || value === null) return [];
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null ? Object.values(value).flatMap(nodesIn) : [];
}
