import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { grad, jit, tensor } from '../../src/index.ts';
import {
  boxIou,
  type Detections,
  type GroundTruth,
  MeanAveragePrecision,
  Segmentation,
  segmentation,
} from '../../src/metrics/index.ts';

interface Image {
  detections: { boxes: number[][]; scores: number[]; labels: number[] };
  truth: { boxes: number[][]; labels: number[]; crowd: number[] };
}

// Made by scripts/fixtures/coco_detection.py.
const cases = JSON.parse(
  readFileSync(new URL('../fixtures/coco_detection.json', import.meta.url), 'utf8'),
) as { images: Image[]; stats: number[]; perThreshold: number[]; perClass: [number, number][] }[];

const update = (metric: MeanAveragePrecision, images: readonly Image[]): MeanAveragePrecision =>
  metric.update(
    images.map(({ detections }): Detections => detections),
    images.map(({ truth }): GroundTruth => truth),
  );

const unit = [0, 0, 10, 10];

describe('MeanAveragePrecision, COCO', () => {
  test.each(cases.map((stored, i) => ({ i, stored })))(
    'has the numbers of pycocotools, case $i',
    ({ stored }) => {
      const metric = update(new MeanAveragePrecision(), stored.images.slice(0, 2));
      metric.merge(update(new MeanAveragePrecision(), stored.images.slice(2)));
      const scores = metric.compute();
      const { bySize, recall, perThreshold } = scores;
      const ours = [
        scores.map,
        perThreshold[0],
        perThreshold[5],
        bySize?.small,
        bySize?.medium,
        bySize?.large,
      ];
      for (const [i, value] of [...ours, recall?.at1, recall?.at10, recall?.at100].entries()) {
        if (stored.stats[i] === -1) expect(value).toBeNaN();
        else expect(value).toBeCloseTo(stored.stats[i], 12);
      }
      for (const [i, value] of stored.perThreshold.entries()) expect(perThreshold[i]).toBeCloseTo(value, 12);
      expect([...scores.perClass.keys()]).toEqual(stored.perClass.map(([label]) => label));
      for (const [label, value] of stored.perClass) expect(scores.perClass.get(label)).toBeCloseTo(value, 12);
    },
  );

  test('tensors, areas that are given, nothing at all', () => {
    const found = { boxes: tensor([unit]), scores: tensor([0.5]), labels: tensor([2], { dtype: 'int32' }) };
    const metric = new MeanAveragePrecision().update(
      [found],
      [{ boxes: tensor([unit]), labels: [2], areas: [2000] }],
    );
    expect(metric.compute().map).toBe(1);
    expect(metric.compute().bySize).toEqual({ small: NaN, medium: 1, large: NaN });
    expect(metric.reset().compute().map).toBeNaN();
    expect(
      update(metric, [
        {
          detections: { boxes: [], scores: [], labels: [] },
          truth: { boxes: [unit], labels: [0], crowd: [0] },
        },
      ]).compute().map,
    ).toBe(0);
  });

  test('errors', () => {
    const metric = new MeanAveragePrecision();
    const truth = { boxes: [unit], labels: [0] };
    const found = { boxes: [unit], scores: [1], labels: [0] };
    expect(() => metric.update([found], [])).toThrow('detections of 1 images, but ground truth of 0');
    expect(() => metric.update([{ ...found, boxes: [[1, 2]] }], [truth])).toThrow(
      'need boxes [1, 4], got [1, 2]',
    );
    expect(() => metric.update([{ ...found, boxes: [[5, 0, 1, 1]] }], [truth])).toThrow('with x1 <= x2');
    expect(() => metric.update([{ ...found, scores: [] }], [truth])).toThrow(
      'expected one for each of 1 labels',
    );
    expect(() => metric.update([{ ...found, scores: [NaN] }], [truth])).toThrow('score 0 is NaN');
    expect(() => new MeanAveragePrecision({ thresholds: [0] })).toThrow('above 0, up to 1');
    expect(() => new MeanAveragePrecision({ style: 'voc12' as 'voc' })).toThrow("'coco', 'voc' or 'voc07'");
  });
});

describe('MeanAveragePrecision, VOC', () => {
  const iou = (a: number[], b: number[]): number => {
    const inside = (x: number, y: number, [x1, y1, x2, y2]: number[]): boolean =>
      x >= x1 && x < x2 && y >= y1 && y < y2;
    let both = 0;
    let either = 0;
    // Coordinates of the fixture are integers: count the unit squares.
    for (let x = Math.min(a[0], b[0]); x < Math.max(a[2], b[2]); x++)
      for (let y = Math.min(a[1], b[1]); y < Math.max(a[3], b[3]); y++) {
        const [first, second] = [inside(x, y, a), inside(x, y, b)];
        if (first && second) both++;
        if (first || second) either++;
      }
    return both / either;
  };

  /** Precision and recall of one class with the `count` surest detections alone, by the words of the VOC development kit. */
  function cut(images: readonly Image[], label: number, threshold: number, count: number): [number, number] {
    const found = images
      .flatMap(({ detections: d }, image) =>
        d.boxes.map((box, i) => ({ image, box, score: d.scores[i], label: d.labels[i] })),
      )
      .filter((d) => d.label === label)
      .sort((a, b) => b.score - a.score)
      .slice(0, count);
    const there = images.flatMap(({ truth }, image) =>
      truth.boxes.flatMap((box, i) => (truth.labels[i] === label ? [{ image, box, hit: false }] : [])),
    );
    let right = 0;
    for (const d of found) {
      const best = there
        .filter(({ image }) => image === d.image)
        .map((object) => ({ object, overlap: iou(d.box, object.box) }))
        .reduce<{ object: { hit: boolean }; overlap: number } | null>(
          (a, b) => (a === null || b.overlap > a.overlap ? b : a),
          null,
        );
      if (best !== null && best.overlap >= threshold && !best.object.hit) {
        best.object.hit = true;
        right++;
      }
    }
    return [right / found.length, right / there.length];
  }

  test.each(['voc', 'voc07'] as const)('%s is what a slow implementation gives', (style) => {
    const images = cases[1].images.slice(0, 5);
    for (const image of images)
      image.detections.scores = image.detections.scores.map(
        (s, i) => s + i / 1000 + images.indexOf(image) / 1e5,
      );
    const threshold = 0.4;
    const scores = update(new MeanAveragePrecision({ style, thresholds: [threshold] }), images).compute();
    for (const [label, value] of scores.perClass) {
      const total = images.flatMap(({ detections }) => detections.labels).filter((k) => k === label).length;
      const points = Array.from({ length: total }, (_, i) => cut(images, label, threshold, i + 1));
      const best = (recall: number): number =>
        Math.max(0, ...points.filter(([, r]) => r >= recall - 1e-9).map(([p]) => p));
      let expected = 0;
      if (style === 'voc07') for (let k = 0; k <= 10; k++) expected += best(k / 10) / 11;
      else {
        const objects = images.flatMap(({ truth }) => truth.labels).filter((k) => k === label).length;
        for (let k = 1; k <= objects; k++) expected += best(k / objects) / objects;
      }
      expect(value).toBeCloseTo(expected, 9);
    }
    expect(scores.bySize).toBeNull();
    expect(scores.recall).toBeNull();
  });

  test('a second detection is wrong, one of a difficult object does not count', () => {
    const far = [50, 50, 60, 60];
    const metric = (difficult: number): number =>
      new MeanAveragePrecision({ style: 'voc' })
        .update(
          [{ boxes: [unit, far, far, unit], scores: [0.9, 0.8, 0.7, 0.6], labels: [0, 0, 0, 0] }],
          [{ boxes: [unit, far, [80, 80, 90, 90]], labels: [0, 0, 0], difficult: [0, difficult, 0] }],
        )
        .compute().map;
    expect(metric(0)).toBeCloseTo(2 / 3, 12);
    expect(metric(1)).toBeCloseTo(1 / 2, 12);
  });
});

test('boxIou', () => {
  const a = tensor([unit, [0, 0, 0, 5]]);
  const b = tensor([
    [0, 0, 10, 5],
    [5, 5, 15, 15],
    [20, 20, 30, 30],
    [3, 3, 3, 3],
  ]);
  const expected = [0.5, 25 / 175, 0, 0, 0, 0, 0, 0];
  const actual = jit(boxIou)(a, b);
  expect(actual.shape).toEqual([2, 4]);
  for (const [i, value] of [...actual.dataSync()].entries()) expect(value).toBeCloseTo(expected[i], 6);
  // 32 of 82 unit squares.
  const slopes = [-200 / 82 ** 2, -8 / 82, 200 / 82 ** 2, -256 / 82 ** 2];
  const slope = grad((box: typeof a) => boxIou(box, tensor([[0, 0, 10, 5]])).sum())(tensor([[1, 1, 9, 9]]));
  for (const [i, value] of slopes.entries()) expect(slope.dataSync()[i]).toBeCloseTo(value, 6);
  expect(() => boxIou(a, tensor([1, 2, 3, 4]))).toThrow('boxes must have shape [n, 4], got [4]');
});

test('Segmentation', () => {
  const truth = tensor(
    [
      [0, 0, 1],
      [1, 255, 2],
    ],
    { dtype: 'int32' },
  );
  const predicted = tensor(
    [
      [0, 1, 1],
      [1, 0, 1],
    ],
    { dtype: 'int32' },
  );
  const scores = segmentation(predicted, truth, { classes: 4, ignoreIndex: 255 });
  expect(scores.pixelAccuracy).toBe(0.6);
  expect(scores.iou).toEqual([0.5, 0.5, 0, NaN]);
  expect(scores.meanIou).toBeCloseTo(1 / 3, 12);
  expect(scores.meanAccuracy).toBe(0.5);
  expect(scores.frequencyWeightedIou).toBe(0.4);
  expect(scores.dice).toEqual([2 / 3, 2 / 3, 0, NaN]);
  expect(scores.meanDice).toBeCloseTo(4 / 9, 12);
  const parts = [0, 1].map((i) =>
    new Segmentation({ classes: 4, ignoreIndex: 255 }).update(predicted.at(i), truth.at(i)),
  );
  expect(parts[0].merge(parts[1]).compute()).toEqual(scores);
  expect(parts[0].reset().compute().meanIou).toBeNaN();
});
