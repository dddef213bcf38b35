import { checkOptions } from '../core/options.ts';
import { type Detected, matchCoco, matchVoc, type Outcome, type Truth } from './matching.ts';
import { checkMerge, Metric, type MetricState } from './metric.ts';
import { read, type Values } from './values.ts';

/** What a detector found in an image. */
export interface Detections {
  /** Corners [x1, y1, x2, y2] of each box, [n, 4]. */
  readonly boxes: Values;
  /** How sure it is of each, [n]. */
  readonly scores: Values;
  /** Their classes, [n]. */
  readonly labels: Values;
}

/** What is in an image. */
export interface GroundTruth {
  /** Corners [x1, y1, x2, y2] of each box, [n, 4]. */
  readonly boxes: Values;
  /** Their classes, [n]. */
  readonly labels: Values;
  /** 1 where the box holds many objects (COCO's iscrowd). Default 0. */
  readonly crowd?: Values;
  /** 1 where the object need not be found (VOC's difficult). Default 0. */
  readonly difficult?: Values;
  /** Areas by which objects are small, medium or large, such as those of COCO's masks. Default those of the boxes. */
  readonly areas?: Values;
}

/** Options of {@link MeanAveragePrecision}. */
export interface DetectionOptions {
  /**
   * `coco`: greedy matching, precision at 101 recalls, at most 100 detections for each image and class. `voc`: PASCAL VOC from 2010 on, the area under the whole
   * curve. `voc07`: precision at 11 recalls. Default 'coco'.
   */
  readonly style?: 'coco' | 'voc' | 'voc07';
  /** Overlaps (intersection over union) from which a detection may be right. Default 0.5, 0.55, ..., 0.95 for coco, else 0.5. */
  readonly thresholds?: readonly number[];
}

/** What {@link MeanAveragePrecision} gives. NaN where there is nothing to be found. */
export interface DetectionScores {
  /** Mean average precision over thresholds and classes. */
  readonly map: number;
  /** That of each threshold. */
  readonly perThreshold: readonly number[];
  /** Of each class that occurs in the ground truth, the mean over thresholds. */
  readonly perClass: ReadonlyMap<number, number>;
  /** With style coco, for objects of area up to 32^2, up to 96^2, and above. */
  readonly bySize: { readonly small: number; readonly medium: number; readonly large: number } | null;
  /** With style coco, mean recall over thresholds and classes with the 1, 10 and 100 surest detections of each image and class. */
  readonly recall: { readonly at1: number; readonly at10: number; readonly at100: number } | null;
}

interface Image {
  readonly detections: Map<number, Detected[]>;
  readonly truths: Map<number, Truth[]>;
}

/** 0.5 to 0.95 as pycocotools computes them: equal overlaps must fall on the same side. */
const cocoThresholds = Array.from({ length: 10 }, (_, i) => (i === 9 ? 0.95 : 0.5 + i * ((0.95 - 0.5) / 9)));

const sizes = {
  all: [0, 1e10],
  small: [0, 32 ** 2],
  medium: [32 ** 2, 96 ** 2],
  large: [96 ** 2, 1e10],
} as const satisfies Record<string, readonly [number, number]>;

/**
 * Mean average precision of object detection, image by image: `update` takes lists with what was found in each image and what is in it.
 * Style coco gives the numbers of pycocotools. Coordinates are continuous: VOC's own scripts count pixels, and add 1 to widths and heights.
 */
export class MeanAveragePrecision extends Metric<
  DetectionScores,
  readonly Detections[],
  readonly GroundTruth[],
  object
> {
  readonly #style: 'coco' | 'voc' | 'voc07';
  readonly #thresholds: readonly number[];
  #images: Image[] = [];

  /** @throws TypeError or RangeError for unknown options or values */
  constructor(options: DetectionOptions = {}) {
    super();
    checkOptions('MeanAveragePrecision', options, ['style', 'thresholds']);
    const { style = 'coco' } = options;
    if (!['coco', 'voc', 'voc07'].includes(style))
      throw new RangeError(
        `MeanAveragePrecision: style must be 'coco', 'voc' or 'voc07', got ${String(style)}`,
      );
    const { thresholds = style === 'coco' ? cocoThresholds : [0.5] } = options;
    if (thresholds.length === 0 || thresholds.some((t) => !(t > 0 && t <= 1)))
      throw new RangeError(
        `MeanAveragePrecision: thresholds must be numbers above 0, up to 1, got [${thresholds.join(', ')}]`,
      );
    this.#style = style;
    this.#thresholds = thresholds;
  }

  /**
   * @param outputs what was found, for each image
   * @param targets what is there, for each image
   * @throws RangeError if there are not as many of both, or boxes, scores and labels do not fit
   */
  update(outputs: readonly Detections[], targets: readonly GroundTruth[]): this {
    if (outputs.length !== targets.length)
      throw new RangeError(
        `MeanAveragePrecision: detections of ${outputs.length} images, but ground truth of ${targets.length}`,
      );
    const images = outputs.map((found, i) => ({
      detections: readDetections(found),
      truths: readTruths(targets[i]),
    }));
    this.#images.push(...images);
    return this;
  }

  override stateDict(): MetricState {
    return this.#images.map(
      ({ detections, truths }): MetricState => [
        [...detections].map(([label, items]) => [label, items.map(({ box, score }) => ({ box, score }))]),
        [...truths].map(([label, items]) => [
          label,
          items.map(({ box, area, crowd, difficult }) => ({ box, area, crowd, difficult })),
        ]),
      ],
    );
  }

  override loadStateDict(state: [[number, Detected[]][], [number, Truth[]][]][]): void {
    this.#images = state.map(([detections, truths]) => ({
      detections: new Map(detections),
      truths: new Map(truths),
    }));
  }

  reset(): this {
    this.#images = [];
    return this;
  }

  merge(other: this): this {
    checkMerge(this, other);
    this.#images = [...this.#images, ...other.#images];
    return this;
  }

  compute(): DetectionScores {
    const classes = [...new Set(this.#images.flatMap(({ truths }) => [...truths.keys()]))].sort(
      (a, b) => a - b,
    );
    const all = this.#average(classes, sizes.all);
    const thresholds = this.#thresholds.map((_, t) => mean(all.map(({ precisions }) => precisions[t])));
    const size = (range: readonly [number, number]): number =>
      mean(this.#average(classes, range).flatMap(({ precisions }) => precisions));
    const coco = this.#style === 'coco';
    return {
      map: mean(thresholds),
      perThreshold: thresholds,
      perClass: new Map(all.map(({ label, precisions }) => [label, mean(precisions)])),
      bySize: coco
        ? { small: size(sizes.small), medium: size(sizes.medium), large: size(sizes.large) }
        : null,
      recall: coco
        ? {
            at1: this.#recall(classes, 1),
            at10: this.#recall(classes, 10),
            at100: this.#recall(classes, 100),
          }
        : null,
    };
  }

  /** Outcomes of a class in all images, from the surest on, and how many objects were to be found. */
  #outcomes(
    label: number,
    range: readonly [number, number],
    most: number,
  ): { outcomes: Outcome[]; positives: number } {
    const matches = this.#images.flatMap(({ detections, truths }) => {
      const found = detections.get(label) ?? [];
      const there = truths.get(label) ?? [];
      if (found.length === 0 && there.length === 0) return [];
      return this.#style === 'coco'
        ? matchCoco(found.slice(0, most), there, this.#thresholds, range)
        : matchVoc(found, there, this.#thresholds);
    });
    return {
      outcomes: matches.flatMap(({ outcomes }) => outcomes).sort((a, b) => b.score - a.score),
      positives: matches.reduce((sum, { positives }) => sum + positives, 0),
    };
  }

  /** Average precisions at each threshold, of classes that have something to be found. */
  #average(
    classes: readonly number[],
    range: readonly [number, number],
  ): { label: number; precisions: number[] }[] {
    return classes.flatMap((label) => {
      const { outcomes, positives } = this.#outcomes(label, range, 100);
      if (positives === 0) return [];
      const precisions = this.#thresholds.map((_, t) => averages[this.#style](curve(outcomes, positives, t)));
      return [{ label, precisions }];
    });
  }

  /** Mean over classes and thresholds of the share of objects that are found. */
  #recall(classes: readonly number[], most: number): number {
    return mean(
      classes.flatMap((label) => {
        const { outcomes, positives } = this.#outcomes(label, sizes.all, most);
        if (positives === 0) return [];
        return this.#thresholds.map((_, t) => curve(outcomes, positives, t).recall.at(-1) ?? 0);
      }),
    );
  }
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

interface Curve {
  /** Rising, one for each detection that counts. */
  readonly recall: number[];
  /** The best precision at this recall or a larger one. */
  readonly precision: number[];
}

function curve(outcomes: readonly Outcome[], positives: number, threshold: number): Curve {
  let right = 0;
  let wrong = 0;
  const recall: number[] = [];
  const precision: number[] = [];
  for (const { matched, ignored } of outcomes) {
    if (ignored[threshold]) continue;
    if (matched[threshold]) right++;
    else wrong++;
    recall.push(right / positives);
    precision.push(right / (right + wrong));
  }
  for (let i = precision.length - 2; i >= 0; i--) precision[i] = Math.max(precision[i], precision[i + 1]);
  return { recall, precision };
}

/** The mean of the precision at recalls of 0, step, 2 step, ..., 1; 0 where the recall is not reached. */
function sampled({ recall, precision }: Curve, count: number): number {
  let sum = 0;
  for (let k = 0, i = 0; k < count; k++) {
    const wanted = k === count - 1 ? 1 : k * (1 / (count - 1));
    while (i < recall.length && recall[i] < wanted) i++;
    sum += precision[i] ?? 0;
  }
  return sum / count;
}

const averages = {
  coco: (points: Curve): number => sampled(points, 101),
  voc07: (points: Curve): number => sampled(points, 11),
  voc: ({ recall, precision }: Curve): number =>
    recall.reduce((sum, value, i) => sum + (value - (recall[i - 1] ?? 0)) * precision[i], 0),
};

/** Boxes as lists of four numbers. */
function readBoxes(what: string, values: Values, labels: number): number[][] {
  const { data, shape } = read('MeanAveragePrecision', values);
  if (data.length !== labels * 4 || (data.length > 0 && (shape.length !== 2 || shape[1] !== 4)))
    throw new RangeError(
      `MeanAveragePrecision: ${labels} labels of ${what} need boxes [${labels}, 4], got [${shape.join(', ')}]`,
    );
  return Array.from({ length: labels }, (_, i) => {
    const box = [data[4 * i], data[4 * i + 1], data[4 * i + 2], data[4 * i + 3]];
    if (!(box[0] <= box[2] && box[1] <= box[3]))
      throw new RangeError(
        `MeanAveragePrecision: box ${i} of ${what} is [${box.join(', ')}]; corners are [x1, y1, x2, y2] with x1 <= x2 and y1 <= y2`,
      );
    return box;
  });
}

/** As many numbers as there are labels, or zeros. */
function readList(what: string, values: Values | undefined, labels: number): ArrayLike<number> | null {
  if (values === undefined) return null;
  const { data, shape } = read('MeanAveragePrecision', values);
  if (data.length !== labels)
    throw new RangeError(
      `MeanAveragePrecision: ${what} [${shape.join(', ')}], expected one for each of ${labels} labels`,
    );
  return data;
}

/** Items by their class, in their order. */
function byClass<T>(labels: ArrayLike<number>, items: readonly T[]): Map<number, T[]> {
  const groups = new Map<number, T[]>();
  for (const [i, item] of items.entries()) {
    const group = groups.get(labels[i]);
    if (group === undefined) groups.set(labels[i], [item]);
    else group.push(item);
  }
  return groups;
}

function readDetections({ boxes, scores, labels }: Detections): Map<number, Detected[]> {
  const classes = read('MeanAveragePrecision', labels).data;
  const corners = readBoxes('detections', boxes, classes.length);
  const sure = readList('scores', scores, classes.length)!;
  for (let i = 0; i < sure.length; i++)
    if (Number.isNaN(sure[i])) throw new RangeError(`MeanAveragePrecision: score ${i} is NaN`);
  const groups = byClass(
    classes,
    corners.map((box, i) => ({ box, score: sure[i] })),
  );
  for (const group of groups.values()) group.sort((a, b) => b.score - a.score);
  return groups;
}

function readTruths({ boxes, labels, crowd, difficult, areas }: GroundTruth): Map<number, Truth[]> {
  const classes = read('MeanAveragePrecision', labels).data;
  const crowds = readList('crowd', crowd, classes.length);
  const hard = readList('difficult', difficult, classes.length);
  const given = readList('areas', areas, classes.length);
  return byClass(
    classes,
    readBoxes('the ground truth', boxes, classes.length).map((box, i) => ({
      box,
      area: given === null ? (box[2] - box[0]) * (box[3] - box[1]) : given[i],
      crowd: crowds !== null && crowds[i] !== 0,
      difficult: hard !== null && hard[i] !== 0,
    })),
  );
}
