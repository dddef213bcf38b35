/**
 * A curve smoothed as TensorBoard does it: an exponential moving average without the bias of its beginning,
 *
 *     average[t] = (sum over i = 0..t of weight^i y[t - i]) / (sum over i = 0..t of weight^i).
 *
 * Values that are not finite are left where they are and do not enter the average; a constant curve stays as it is.
 *
 * @param weight from 0 (no smoothing) to below 1; default 0.6 as in TensorBoard
 * @throws RangeError for other weights
 */
export function smooth(values: ArrayLike<number>, weight = 0.6): number[] {
  if (!(weight >= 0 && weight < 1))
    throw new RangeError(`smooth: weight must be from 0 to below 1, got ${weight}`);
  const curve = Array.from(values);
  if (curve.every((value) => value === curve[0])) return curve;
  let [average, mass] = [0, 0];
  return curve.map((value) => {
    if (!Number.isFinite(value)) return value;
    average = weight * average + (1 - weight) * value;
    mass = weight * mass + (1 - weight);
    return average / mass;
  });
}
