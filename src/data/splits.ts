import { checkOptions } from '../core/options.ts';
import { foldIn, hostPermutation, keyOf } from '../core/threefry.ts';
import { DataError } from './dataset.ts';

/** A class or a group for each example: numbers or names. */
export type Labels = ArrayLike<number> | ArrayLike<string>;

/** How examples are dealt out by {@link splitPositions} and `kFolds`. */
export interface SplitOptions {
  /** Shuffles before. Default true. */
  readonly shuffle?: boolean;
  /** Of the shuffling. Default 0. */
  readonly seed?: number;
  /** The class of each example: every part has the classes in about the same proportions (within two examples). Default: not looked at. */
  readonly stratify?: Labels;
  /**
   * The group of each example, such as its patient or its author: no group is in two parts. The sizes of the parts are then as
   * near to what is wanted as whole groups allow. Default: none.
   */
  readonly groups?: Labels;
}

/** Names of {@link SplitOptions}. */
export const splitOptions = ['shuffle', 'seed', 'stratify', 'groups'] as const;

/**
 * Deals positions out to parts of these fractions: `[0.6, 0.2, 0.2]` for training, validation and test. A part ends at the
 * rounded sum of the fractions up to it, so that all examples are in exactly one part if the fractions sum to 1. The parts are functions
 * of the seed.
 *
 * @throws DataError when fractions are not positive or sum to more than 1, a part would be empty, or a class that `stratify` names has
 * a single example
 */
export function splitPositions(
  count: number,
  fractions: readonly number[] = [0.6, 0.2, 0.2],
  options: SplitOptions = {},
): Int32Array[] {
  checkOptions('splitPositions', options, splitOptions);
  return splitBy('splitPositions', count, fractions, options);
}

/** {@link splitPositions}, in whose name errors speak. @internal */
export function splitBy(
  name: string,
  count: number,
  fractions: readonly number[],
  options: SplitOptions,
): Int32Array[] {
  const total = fractions.reduce((sum, fraction) => sum + fraction, 0);
  if (fractions.length === 0 || fractions.some((f) => !(f > 0)) || total > 1 + 1e-9)
    throw new DataError(
      `${name}: fractions must be positive and sum to at most 1, got [${fractions.join(', ')}]`,
    );
  let sum = 0;
  // Sums such as 0.6 + 0.2 are a little off.
  const ends = fractions.map((fraction) => Math.min(count, Math.round(count * (sum += fraction) + 1e-9)));
  const parts = deal(name, count, ends, 2, options);
  parts.forEach((part, i) => {
    if (part.length === 0)
      throw new DataError(
        `${name}: of ${count} examples${options.groups === undefined ? '' : ' in whole groups'} a part of ${fractions[i]} would have none; choose larger parts`,
      );
  });
  return parts;
}

/**
 * Deals `count` positions out to parts of `ends[i] - ends[i - 1]`; what is behind the last end is in no part.
 *
 * @param least examples that a class must have to be stratified
 * @internal
 */
export function deal(
  name: string,
  count: number,
  ends: readonly number[],
  least: number,
  options: SplitOptions,
): Int32Array[] {
  const { shuffle = true, seed = 0, stratify, groups } = options;
  if (!Number.isInteger(count) || count < 1)
    throw new DataError(`${name}: there are ${count} examples, nothing that can be split`);
  const order = shuffle
    ? hostPermutation(foldIn(keyOf(seed), 0), count)
    : Int32Array.from({ length: count }, (_, i) => i);
  if (stratify === undefined && groups === undefined)
    return ends.map((end, i) => order.subarray(ends[i - 1] ?? 0, end));
  const sizes = [...ends, count].map((end, i) => end - (ends[i - 1] ?? 0));
  const classes = stratify === undefined ? null : numbered(name, 'stratify', stratify, count);
  const partOf =
    groups === undefined
      ? byQuota(name, order, sizes, least, classes as Numbered, stratify as Labels)
      : byGroups(order, sizes, numbered(name, 'groups', groups, count), classes);
  // Within a part the order is the shuffled one, not that of classes or groups.
  const parts: number[][] = sizes.map(() => []);
  for (const position of order) parts[partOf[position]].push(position);
  return ends.map((_, i) => Int32Array.from(parts[i]));
}

/** Labels as 0, 1, 2, ..., in the order in which they occur. */
interface Numbered {
  readonly of: Int32Array;
  readonly counts: readonly number[];
}

function numbered(name: string, option: string, labels: Labels, count: number): Numbered {
  if (labels.length !== count)
    throw new DataError(
      `${name}: ${option} has ${labels.length} labels for ${count} examples; give one for each`,
    );
  const numbers = new Map<number | string, number>();
  const counts: number[] = [];
  const of = Int32Array.from({ length: count }, (_, i) => {
    const number = numbers.get(labels[i]) ?? numbers.size;
    numbers.set(labels[i], number);
    counts[number] = (counts[number] ?? 0) + 1;
    return number;
  });
  return { of, counts };
}

/** One class after the other; each example goes to the part that is furthest behind its share of those before. */
function byQuota(
  name: string,
  order: Int32Array,
  sizes: readonly number[],
  least: number,
  classes: Numbered,
  labels: Labels,
): Int32Array {
  const rare = order.find((position) => classes.counts[classes.of[position]] < least);
  if (rare !== undefined)
    throw new DataError(
      `${name}: class ${labels[rare]} has ${classes.counts[classes.of[rare]]} of the ${order.length} examples, and at least ${least} are needed to ` +
        'stratify; join it with another class, or leave out stratify',
    );
  const sorted = Array.from(order).sort((a, b) => classes.of[a] - classes.of[b]);
  const dealt = sizes.map(() => 0);
  const partOf = new Int32Array(order.length);
  sorted.forEach((position, i) => {
    let [best, most] = [-1, Number.NEGATIVE_INFINITY];
    sizes.forEach((size, part) => {
      const behind = (size * (i + 1)) / order.length - dealt[part];
      if (dealt[part] < size && behind > most + 1e-9) [best, most] = [part, behind];
    });
    partOf[position] = best;
    dealt[best]++;
  });
  return partOf;
}

/**
 * Whole groups, the largest first; each goes where it brings the numbers of examples (of each class, if there are classes) nearest to
 * what they should be.
 */
function byGroups(
  order: Int32Array,
  sizes: readonly number[],
  groups: Numbered,
  classes: Numbered | null,
): Int32Array {
  const count = order.length;
  const classCounts = classes?.counts ?? [count];
  const members = groups.counts.map(() => classCounts.map(() => 0));
  const shuffled: number[] = [];
  const seen = new Set<number>();
  for (const position of order) {
    const group = groups.of[position];
    members[group][classes?.of[position] ?? 0]++;
    if (!seen.has(group)) shuffled.push(group);
    seen.add(group);
  }
  const missing = sizes.map((size) => classCounts.map((n) => (n * size) / count));
  const place = new Int32Array(groups.counts.length);
  for (const group of shuffled.sort((a, b) => groups.counts[b] - groups.counts[a])) {
    let [best, least] = [0, Number.POSITIVE_INFINITY];
    sizes.forEach((size, part) => {
      // By how much the sum of squares of what is missing grows.
      const cost = members[group].reduce(
        (sum, n, c) => sum + (n * (n - 2 * missing[part][c])) / classCounts[c],
        0,
      );
      if (size > 0 && cost < least - 1e-12) [best, least] = [part, cost];
    });
    place[group] = best;
    members[group].forEach((n, c) => {
      missing[best][c] -= n;
    });
  }
  return groups.of.map((group) => place[group]);
}
