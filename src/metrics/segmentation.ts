import { ConfusionMatrix, type ConfusionOptions } from './confusion.ts';
import { MatrixMetric } from './matrix_metric.ts';
import { splitWeights, type UpdateOptions } from './metric.ts';
import type { Values } from './values.ts';

/** Options of {@link Segmentation}. */
export type SegmentationOptions = Omit<ConfusionOptions, 'normalize'>;

/** What {@link Segmentation} gives. Classes that occur in neither images nor predictions are NaN, and left out of means. */
export interface SegmentationScores {
  /** Share of pixels that are right. */
  readonly pixelAccuracy: number;
  /** The mean over classes of the share of their pixels that is found. */
  readonly meanAccuracy: number;
  /** Mean of `iou`. */
  readonly meanIou: number;
  /** Mean of `iou`, weighted by the pixels of the class. */
  readonly frequencyWeightedIou: number;
  /** Mean of `dice`. */
  readonly meanDice: number;
  /** Intersection over union of each class. */
  readonly iou: readonly number[];
  /** Dice coefficient of each class. */
  readonly dice: readonly number[];
}

/**
 * The usual measures of semantic segmentation (Long et al. 2015), over all pixels of all images: outputs are images of class numbers like the targets,
 * or have a last axis with scores of classes.
 */
export class Segmentation extends MatrixMetric<SegmentationScores> {
  /** @throws RangeError if the number of classes is not a positive integer, TypeError for unknown options */
  constructor(options: SegmentationOptions) {
    super(new ConfusionMatrix(options));
  }

  compute(): SegmentationScores {
    const matrix = this.confusion.compute();
    const actual = matrix.map(sum);
    const predicted = matrix.map((_, j) => sum(matrix.map((row) => row[j])));
    const right = matrix.map((row, i) => row[i]);
    const total = sum(actual);
    const iou = right.map((value, i) => value / (actual[i] + predicted[i] - value));
    const dice = right.map((value, i) => (2 * value) / (actual[i] + predicted[i]));
    return {
      pixelAccuracy: sum(right) / total,
      meanAccuracy: mean(right.map((value, i) => value / actual[i])),
      meanIou: mean(iou),
      frequencyWeightedIou: sum(iou.map((value, i) => (actual[i] > 0 ? actual[i] * value : 0))) / total,
      meanDice: mean(dice),
      iou,
      dice,
    };
  }
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

/** Of what is not NaN. */
function mean(values: readonly number[]): number {
  const kept = values.filter((value) => !Number.isNaN(value));
  return sum(kept) / kept.length;
}

/** {@link Segmentation} of images given all at once. */
export function segmentation(
  outputs: Values,
  targets: Values,
  options: SegmentationOptions & UpdateOptions,
): SegmentationScores {
  const [settings, update] = splitWeights(options);
  return new Segmentation(settings as SegmentationOptions).update(outputs, targets, update).compute();
}
