/**
 * Implicit QR iterations on a matrix with elements on its diagonal `d` and beside it `e`: works on the last block in which no element beside the
 * diagonal is negligible, until all are.
 *
 * @param step works on the block from row `first` to row `last`, both included; `norm` is the size of the matrix
 * @returns whether that came to an end
 */
export function deflate(
  d: Float64Array,
  e: Float64Array,
  n: number,
  step: (first: number, last: number, norm: number) => void,
): boolean {
  let norm = 0;
  for (let i = 0; i < n; i++) norm = Math.max(norm, Math.abs(d[i]) + Math.abs(e[i]));
  const negligible = (i: number): boolean =>
    Math.abs(e[i]) <= Number.EPSILON * Math.max(Math.abs(d[i]) + Math.abs(d[i + 1]), norm / 8);
  let last = n - 1;
  for (let steps = 60 * n; last > 0; ) {
    if (negligible(last - 1)) {
      last--;
      continue;
    }
    if (steps-- === 0) return false;
    let first = last - 1;
    while (first > 0 && !negligible(first - 1)) first--;
    step(first, last, norm);
  }
  return true;
}
