/** Copying elements that lie apart, in another order, or several times. */

/** Elements of an array: none has an axis of 0, one has no axes. */
export const sizeOf = (shape: readonly number[]): number =>
  shape.reduce((product, extent) => product * extent, 1);

/** Distances between neighbours along each axis, in elements, of an array stored row by row. */
export function rowStrides(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = step;
    step *= shape[axis];
  }
  return strides;
}

/** Distances between neighbours along each axis, in elements, of an array stored column by column (Fortran order). */
export const columnStrides = (shape: readonly number[]): number[] =>
  rowStrides([...shape].reverse()).reverse();

/**
 * The first and the last element that an array touches, in elements from the begin of its storage; null when it has no
 * elements.
 */
export function extentOf(
  shape: readonly number[],
  strides: readonly number[],
  offset: number,
): { first: number; last: number } | null {
  if (shape.includes(0)) return null;
  let first = offset;
  let last = offset;
  shape.forEach((extent, axis) => {
    const reach = (extent - 1) * strides[axis];
    if (reach < 0) first += reach;
    else last += reach;
  });
  return { first, last };
}

/**
 * The elements of a strided array row by row, as bytes of their own.
 *
 * @param bytes the storage; all elements must lie inside, see extentOf
 * @param width bytes of an element
 */
export function gather(
  bytes: Uint8Array,
  width: number,
  shape: readonly number[],
  strides: readonly number[],
  offset: number,
): Uint8Array<ArrayBuffer> {
  const size = sizeOf(shape);
  if (size === 0) return new Uint8Array(0);
  const dense = rowStrides(shape);
  if (shape.every((extent, axis) => extent === 1 || strides[axis] === dense[axis]))
    return Uint8Array.from(bytes.subarray(offset * width, (offset + size) * width));
  const out = new Uint8Array(size * width);
  const at = new Array<number>(shape.length).fill(0);
  let from = offset;
  for (let to = 0; to < out.length; to += width) {
    for (let i = 0; i < width; i++) out[to + i] = bytes[from * width + i];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis];
      if (++at[axis] < shape[axis]) break;
      from -= strides[axis] * shape[axis];
      at[axis] = 0;
    }
  }
  return out;
}
