/** A training whose loss or weights are no longer finite numbers. */
export class DivergenceError extends Error {
  override name = 'DivergenceError';
}

/** A training that was told to end at once, by Ctrl-C for example. What callbacks have written is whole. */
export class Interrupted extends Error {
  override name = 'Interrupted';
}
