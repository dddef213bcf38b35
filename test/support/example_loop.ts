import { expect } from 'vitest';
import { random, stack, type Tensor } from '../../src/index.ts';
import { expectClose } from './close.ts';

/** Deterministic numbers between -1 and 1, in double. */
export const sample = (shape: readonly number[], seed = 0): Tensor =>
  random.uniform(shape, { key: random.key(seed), low: -1, high: 1, dtype: 'float64' });

export type ArrayFunction = (...args: Tensor[]) => Tensor;

/** What vmap must give: one example after the other. */
export function loopOver(
  f: ArrayFunction,
  axes: readonly (number | null)[],
  args: readonly Tensor[],
): Tensor {
  const size = args.flatMap((x, i) => (axes[i] === null ? [] : [x.shape.at(axes[i]!)!]))[0];
  return stack(
    Array.from({ length: size }, (_, n) =>
      f(...args.map((x, i) => (axes[i] === null ? x : x.at(n, axes[i])))),
    ),
  );
}

/** Equal types, and values within `rtol`. */
export function expectSame(actual: Tensor, expected: Tensor, rtol = 1e-12, what = 'values'): void {
  expect(actual.shape, what).toEqual(expected.shape);
  expect(actual.dtype, what).toBe(expected.dtype);
  expectClose(actual.dataSync(), expected.dataSync(), { rtol, atol: rtol }, what);
}
