import { Interrupted } from './errors.ts';

/** Lets timers, signals and input have their turn now and then. */
export type Breath = () => Promise<void> | void;

/** Longest time in milliseconds that a loop holds the event loop without a break. */
const longest = 50;

const nextTurn = (): Promise<void> =>
  new Promise((resolve) => {
    if (typeof setImmediate === 'function') setImmediate(resolve);
    else setTimeout(resolve, 0);
  });

/**
 * A function for long loops of computation to await: about twenty times a second it gives way to whatever waits.
 *
 * @param signal makes it throw Interrupted once aborted
 */
export function breathe(signal?: AbortSignal): Breath {
  let last = performance.now();
  const check = () => {
    if (signal?.aborted) throw new Interrupted('interrupted');
  };
  return () => {
    check();
    if (performance.now() - last < longest) return;
    return nextTurn().then(() => {
      last = performance.now();
      check();
    });
  };
}
