import { checkOptions } from '../core/options.ts';
import { foldIn, hostPermutation, keyOf } from '../core/threefry.ts';
import { DataError } from './dataset.ts';
import { Draws } from './draws.ts';
import { requirePositive } from './epochs.ts';

/** Says which examples an epoch has, and in which order. */
export interface Sampler {
  /** Number of examples in an epoch. */
  readonly length: number;
  /** Their positions in the dataset; a function of the epoch's number alone. */
  order(epoch: number): Int32Array;
}

/** Options of {@link weightedSampler}. */
export interface WeightedOptions {
  /** Examples in an epoch. Default: as many as there are weights. */
  readonly count?: number;
  /** Whether an example may occur more than once in an epoch. Default true. */
  readonly replacement?: boolean;
  /** Default 0. */
  readonly seed?: number;
}

/** The dataset's own order. */
export const sequentialSampler = (count: number): Sampler => ({
  length: count,
  order: () => Int32Array.from({ length: count }, (_, i) => i),
});

/** Every example once, in another random order in each epoch. */
export function shuffledSampler(count: number, { seed = 0 }: { readonly seed?: number } = {}): Sampler {
  const key = keyOf(seed);
  return { length: count, order: (epoch) => hostPermutation(foldIn(key, epoch), count) };
}

/** Uniform on (0, 1), of 52 bits. */
const open = (draws: Draws): number =>
  ((draws.word() >>> 6) * 2 ** 26 + (draws.word() >>> 6) + 0.5) * 2 ** -52;

/**
 * Draws examples with chances in proportion to their weights, PyTorch's WeightedRandomSampler. With replacement each draw is
 * independent. Without, one follows the other among those that are left, which is the same as taking the largest of
 * log(u) / weight (Efraimidis and Spirakis: "Weighted random sampling with a reservoir", 2006).
 *
 * @throws DataError when a weight is negative or not finite, all are zero, or fewer are positive than are to be drawn without
 * replacement
 */
export function weightedSampler(weights: ArrayLike<number>, options: WeightedOptions = {}): Sampler {
  checkOptions('weightedSampler', options, ['count', 'replacement', 'seed']);
  const { count = weights.length, replacement = true, seed = 0 } = options;
  requirePositive('weightedSampler', 'count', count);
  const list = Float64Array.from(weights);
  const bad = list.findIndex((w) => !(w >= 0 && w < Infinity));
  if (bad >= 0)
    throw new DataError(
      `weightedSampler: weight ${bad} is ${list[bad]}; weights are finite and not negative`,
    );
  const positive = list.filter((w) => w > 0).length;
  if (positive === 0) throw new DataError('weightedSampler: no weight is above 0, so nothing can be drawn');
  if (!replacement && positive < count)
    throw new DataError(
      `weightedSampler: ${count} different examples cannot be drawn, only ${positive} have a weight above 0; lower count, or ` +
        'draw with replacement',
    );
  const key = keyOf(seed);
  const draw = replacement ? withReplacement(list) : withoutReplacement(list);
  return { length: count, order: (epoch) => draw(new Draws(foldIn(key, epoch), 0), count) };
}

type Draw = (draws: Draws, count: number) => Int32Array;

function withReplacement(weights: Float64Array): Draw {
  const sums = new Float64Array(weights.length);
  let total = 0;
  // Relative to the largest, so that no sum overflows.
  const largest = weights.reduce((a, b) => Math.max(a, b));
  weights.forEach((w, i) => {
    sums[i] = total += w / largest;
  });
  return (draws, count) =>
    Int32Array.from({ length: count }, () => {
      const at = open(draws) * total;
      let [low, high] = [0, sums.length - 1];
      while (low < high) {
        const middle = (low + high) >> 1;
        if (sums[middle] > at) high = middle;
        else low = middle + 1;
      }
      return low;
    });
}

const withoutReplacement =
  (weights: Float64Array): Draw =>
  (draws, count) => {
    const keys = weights.map((w) => {
      const chance = Math.log(open(draws));
      return w > 0 ? chance / w : -Infinity;
    });
    const order = Int32Array.from(keys, (_, i) => i);
    return order
      .sort((a, b) =>
        keys[a] === keys[b]
          ? (weights[b] > 0 ? 1 : 0) - (weights[a] > 0 ? 1 : 0) || a - b
          : keys[b] - keys[a],
      )
      .subarray(0, count);
  };

/** Options of {@link balancedSampler}. */
export interface BalancedOptions {
  /**
   * Examples of each class in an epoch. Default: as many as the smallest class has. Of larger classes every epoch takes others;
   * smaller ones are repeated, each example as often as the next, give or take one.
   */
  readonly perClass?: number;
  /** Default 0. */
  readonly seed?: number;
}

/**
 * Equally many examples of every class that occurs, in random order.
 *
 * @throws DataError when there are no labels
 */
export function balancedSampler(labels: ArrayLike<number>, options: BalancedOptions = {}): Sampler {
  checkOptions('balancedSampler', options, ['perClass', 'seed']);
  const classes = new Map<number, number[]>();
  for (let i = 0; i < labels.length; i++) {
    const members = classes.get(labels[i]);
    if (members === undefined) classes.set(labels[i], [i]);
    else members.push(i);
  }
  if (classes.size === 0) throw new DataError('balancedSampler: there are no labels');
  const groups = [...classes].sort(([a], [b]) => a - b).map(([, members]) => members);
  const { perClass = groups.reduce((least, group) => Math.min(least, group.length), Infinity), seed = 0 } =
    options;
  requirePositive('balancedSampler', 'perClass', perClass);
  const key = keyOf(seed);
  const length = perClass * groups.length;
  return {
    length,
    order: (epoch) => {
      const own = foldIn(key, epoch);
      const chosen = groups.flatMap((group, number) => {
        const ofClass = foldIn(own, number + 1);
        return Array.from({ length: Math.ceil(perClass / group.length) }, (_, round) =>
          Array.from(hostPermutation(foldIn(ofClass, round), group.length), (i) => group[i]),
        )
          .flat()
          .slice(0, perClass);
      });
      return hostPermutation(foldIn(own, 0), length).map((i) => chosen[i]);
    },
  };
}
