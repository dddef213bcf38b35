import type { Cursor } from './source.ts';

/** What a dataset or attribute extends over. */
export interface Dataspace {
  /** Extents; none for a single element. Null if there is no element at all, not even an empty shape. */
  readonly shape: readonly number[] | null;
  /** How far each axis may grow; Infinity without an end. */
  readonly largest: readonly number[];
}

/** HDF5's own limit. */
const mostAxes = 32;

/** Reads a dataspace message. */
export function readDataspace(cursor: Cursor): Dataspace {
  const { source } = cursor;
  const version = cursor.version(1, 2);
  const rank = cursor.u8();
  const flags = cursor.u8();
  const isNull = version === 2 ? cursor.u8() === 2 : false;
  if (version === 1) cursor.take(5);
  if (rank > mostAxes) return source.fail(`damaged: it has ${rank} axes, more than ${mostAxes}`);
  const { lengthSize } = source.layout;
  const shape = Array.from({ length: rank }, () => cursor.length());
  const largest =
    flags & 1
      ? shape.map(() => {
          const most = cursor.length();
          return most >= 256 ** lengthSize - 1 ? Infinity : most;
        })
      : shape;
  for (const [axis, extent] of shape.entries())
    if (!(extent <= largest[axis]) || extent > Number.MAX_SAFE_INTEGER)
      source.fail(`damaged: axis ${axis} has the extent ${extent}, at most it may have ${largest[axis]}`);
  return { shape: isNull ? null : shape, largest };
}

/** The number of elements. */
export const countOf = (shape: readonly number[]): number =>
  shape.includes(0) ? 0 : shape.reduce((product, extent) => product * extent, 1);
