import type * as random from '../core/random.ts';
import type { Tensor } from '../core/tensor.ts';
import type { Augmentation } from './augment.ts';
import type { Change } from './pixel_kernel.ts';

/**
 * Augmentations that only move pixels are known in two forms: as functions of arrays, and as changes that loaders apply to bytes
 * (`pixel_kernel.ts`), ahead of the training and several times faster. Both draw the same numbers from the same key.
 */

/** A {@link Change} without its place in the table of draws. */
export type ChangeKind = Change extends infer C ? (C extends Change ? Omit<C, 'at'> : never) : never;

/** A change with the numbers that it draws. */
export interface DrawnChange {
  readonly change: ChangeKind;
  /** [batch, k], float32. */
  readonly draws: Tensor;
  /** The k numbers that leave images as they are; null where the change has another size. */
  readonly identity: readonly number[] | null;
}

/** The changes of a batch of images [batch, height, width]; null if those images cannot be changed like this. */
export type Geometry = (
  key: random.Key,
  size: readonly [batch: number, height: number, width: number],
) => readonly DrawnChange[] | null;

/** What an augmentation begins with, and the function that does the rest with the same key, if there is a rest. */
export interface Split {
  readonly geometry: Geometry;
  readonly rest: Augmentation | null;
}

const known = new WeakMap<Augmentation, Split>();

/** Notes that an augmentation can be done in this way, to its end or up to the rest. */
export function withGeometry(
  augmentation: Augmentation,
  geometry: Geometry,
  rest: Augmentation | null = null,
): Augmentation {
  known.set(augmentation, { geometry, rest });
  return augmentation;
}

/** How an augmentation moves pixels, where it begins with that. */
export const geometryOf = (augmentation: Augmentation): Split | undefined => known.get(augmentation);

/** The size of images after a change. */
export const sizeAfter = (
  change: ChangeKind,
  [batch, height, width]: readonly [number, number, number],
): [number, number, number] =>
  change.kind === 'crop' ? [batch, change.height, change.width] : [batch, height, width];

/** One after the other, each with a key of its own: `keys(key, i)`. */
export const chained =
  (geometries: readonly Geometry[], keyOf: (key: random.Key, i: number) => random.Key): Geometry =>
  (key, size) => {
    let current: readonly [number, number, number] = size;
    const all: DrawnChange[] = [];
    for (const [i, geometry] of geometries.entries()) {
      const changes = geometry(keyOf(key, i), current);
      if (changes === null) return null;
      for (const { change } of changes) current = sizeAfter(change, current);
      all.push(...changes);
    }
    return all;
  };
