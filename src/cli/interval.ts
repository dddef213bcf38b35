import type { Interval } from '../train/checkpoints.ts';

/**
 * How often checkpoints are to be written, as it is typed: `2` or `2epochs`, `500steps`, `10min`. Nothing: after each epoch.
 *
 * @throws Error that says what is possible
 */
export function intervalOf(text = '1'): Interval {
  const [, digits, unit = 'epochs'] = /^\s*(\d+(?:\.\d+)?)\s*([a-z]+)?\s*$/.exec(text) ?? [];
  const count = Number(digits);
  const isWhole = Number.isSafeInteger(count) && count >= 1;
  if (isWhole && /^epochs?$/.test(unit)) return { epochs: count };
  if (isWhole && /^steps?$/.test(unit)) return { steps: count };
  if (count > 0 && /^min(ute)?s?$/.test(unit)) return { minutes: count };
  throw new Error("It must be a number of epochs, or such as '500steps' or '10min'.");
}
