import type { Node } from '../graph/node.ts';
import { recording, recordOrigins } from '../graph/origins.ts';
import { isCheckingNumerics, setNumerics } from './numerics.ts';
import { printValues } from './print_values.ts';
import { Tensor } from './tensor.ts';
import { Variable } from './variable.ts';

/** What `debug` switches on and off. */
export interface DebugOptions {
  /** Arrays remember the line of code that made them, and errors name it. As `NABLA_DEBUG=origins`. */
  origins?: boolean;
  /** Everything that is computed is checked for NaN and infinities, as by checkNumerics. As `NABLA_DEBUG=numerics`; includes origins. */
  numerics?: boolean;
}

/**
 * Switches help for debugging on and off, for all that is made from then on. What is not named stays as it is.
 *
 * @returns the settings before, to go back to them
 */
function setDebug(options: DebugOptions = {}): Required<DebugOptions> {
  const before = { origins: recording, numerics: isCheckingNumerics() };
  const { numerics = before.numerics, origins = before.origins || numerics } = options;
  if (numerics !== before.numerics) setNumerics(numerics ? {} : null);
  recordOrigins(origins);
  return before;
}

/**
 * Prints a line with the values of arrays: each `{}` in the format stands for the next value, and values without a place follow
 * at the end. In a jitted function it is part of the program and prints at every run, in the order of the calls, once the program has
 * run; elsewhere at once. Under a derivative it prints the values, once; of their derivatives, print the gradient. Under vmap it prints the
 * values of all examples, along a first axis, when the function has run. In the bodies of scan, while and cond, arrays have no values to
 * print: an error says so.
 */
function print(format: string, ...values: unknown[]): void {
  printValues(format, values.map(printable));
}

function printable(value: unknown): Node | string {
  if (value instanceof Variable) return value.value.node;
  return value instanceof Tensor ? value.node : String(value);
}

/** `debug({ origins, numerics })` switches help for debugging on; `debug.print('loss {}', loss)` prints, also from jitted functions. */
export const debug: typeof setDebug & { readonly print: typeof print } = Object.assign(
  (options?: DebugOptions) => setDebug(options),
  { print },
);
