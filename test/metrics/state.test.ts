import { describe, expect, test } from 'vitest';
import { random, type Tensor } from '../../src/index.ts';
import * as metrics from '../../src/metrics/index.ts';
import { putTogether, type State, takeApart } from '../../src/train/state.ts';

/** Metrics that are saved after each batch and go on as others: the same result to the last bit, for every class there is. */

type AnyMetric = metrics.Metric<unknown, unknown, unknown, object>;
type Batch = readonly [outputs: unknown, targets: unknown, options?: object];

const batches = 5;
const each = (make: (i: number) => Batch): Batch[] => Array.from({ length: batches }, (_, i) => make(i));
const uniform = (i: number, shape: number[]): Tensor => random.uniform(shape, { key: random.key(i) });
const classes = (i: number, shape: number[], count: number): Tensor =>
  random.randint(shape, 0, count, { key: random.key(100 + i) });
const weights = (i: number): object => ({ weights: uniform(200 + i, [7]) });

const decided = each((i) => [classes(i, [7], 2), classes(i + 50, [7], 2), weights(i)]);
const threeClasses = each((i) => [uniform(i, [7, 3]), classes(i, [7], 3), weights(i)]);
const shares = each((i) => [uniform(i, [7, 3]).softmax(-1), classes(i, [7], 3), weights(i)]);
const scored = each((i) => [uniform(i, [7]), classes(i, [7], 2), weights(i)]);
const numbers = each((i) => [uniform(i, [7, 2]).add(1000), uniform(i + 50, [7, 2]).add(1000), weights(i)]);
const pairs = each((i) => [uniform(i, [7]).add(1000), uniform(i + 50, [7]).add(1000)]);
const words = 'the cat sat on the mat and the dog did not'.split(' ');
const sentence = (i: number): string => words.slice(i % 4, 4 + ((i * 5) % 7)).join(' ');
const texts = each((i) => [
  [sentence(i), sentence(i + 1)],
  [sentence(i + 2), sentence(i + 3)],
]);
const referenced = each((i) => [[sentence(i)], [[sentence(i + 2), sentence(i + 3)]]]);
const boxes = each((i) => [
  [
    {
      boxes: [
        [i, 0, i + 10, 12],
        [1, 1, 5, 5],
      ],
      scores: [0.9 - 0.1 * i, 0.3],
      labels: [0, 1],
    },
  ],
  [
    {
      boxes: [
        [0, 0, 10, 10],
        [1, 1, 6, 5],
      ],
      labels: [0, i % 2],
    },
  ],
]);

const { ...exported } = metrics as unknown as Record<string, unknown>;
const table: Record<string, { make: () => unknown; data: Batch[] }> = {
  Accuracy: { make: () => new metrics.Accuracy(), data: threeClasses },
  TopKAccuracy: { make: () => new metrics.TopKAccuracy({ k: 2 }), data: threeClasses },
  BalancedAccuracy: { make: () => new metrics.BalancedAccuracy(), data: threeClasses },
  MatthewsCorrelation: { make: () => new metrics.MatthewsCorrelation(), data: threeClasses },
  HammingLoss: { make: () => new metrics.HammingLoss(), data: threeClasses },
  CohenKappa: { make: () => new metrics.CohenKappa({ classes: 3 }), data: threeClasses },
  ConfusionMatrix: { make: () => new metrics.ConfusionMatrix({ classes: 3 }), data: threeClasses },
  Segmentation: { make: () => new metrics.Segmentation({ classes: 3 }), data: threeClasses },
  Precision: { make: () => new metrics.Precision({ average: 'macro' }), data: threeClasses },
  Recall: { make: () => new metrics.Recall(), data: decided },
  Specificity: { make: () => new metrics.Specificity(), data: decided },
  FBeta: { make: () => new metrics.FBeta({ beta: 2 }), data: decided },
  F1: { make: () => new metrics.F1({ average: 'none' }), data: threeClasses },
  Dice: { make: () => new metrics.Dice(), data: decided },
  Jaccard: { make: () => new metrics.Jaccard(), data: decided },
  CalibrationCurve: { make: () => new metrics.CalibrationCurve(), data: scored },
  CalibrationError: { make: () => new metrics.CalibrationError(), data: shares },
  LogLoss: { make: () => new metrics.LogLoss(), data: shares },
  BrierScore: { make: () => new metrics.BrierScore(), data: scored },
  RocCurve: { make: () => new metrics.RocCurve(), data: scored },
  RocAuc: { make: () => new metrics.RocAuc(), data: scored },
  PrecisionRecallCurve: { make: () => new metrics.PrecisionRecallCurve(), data: scored },
  AveragePrecision: { make: () => new metrics.AveragePrecision(), data: scored },
  MeanAbsoluteError: { make: () => new metrics.MeanAbsoluteError(), data: numbers },
  MeanSquaredError: { make: () => new metrics.MeanSquaredError(), data: numbers },
  RootMeanSquaredError: { make: () => new metrics.RootMeanSquaredError(), data: numbers },
  MeanSquaredLogError: { make: () => new metrics.MeanSquaredLogError(), data: numbers },
  MeanAbsolutePercentageError: { make: () => new metrics.MeanAbsolutePercentageError(), data: numbers },
  MaxError: { make: () => new metrics.MaxError(), data: numbers },
  MedianAbsoluteError: { make: () => new metrics.MedianAbsoluteError({ multioutput: 'raw' }), data: numbers },
  R2: { make: () => new metrics.R2({ multioutput: 'variance' }), data: numbers },
  ExplainedVariance: { make: () => new metrics.ExplainedVariance(), data: numbers },
  PearsonCorrelation: { make: () => new metrics.PearsonCorrelation(), data: pairs },
  SpearmanCorrelation: { make: () => new metrics.SpearmanCorrelation(), data: pairs },
  Perplexity: { make: () => new metrics.Perplexity(), data: threeClasses },
  Bleu: { make: () => new metrics.Bleu({ n: 2 }), data: referenced },
  RougeL: { make: () => new metrics.RougeL(), data: referenced },
  WordErrorRate: { make: () => new metrics.WordErrorRate(), data: texts },
  CharacterErrorRate: { make: () => new metrics.CharacterErrorRate(), data: texts },
  MeanAveragePrecision: { make: () => new metrics.MeanAveragePrecision(), data: boxes },
};

describe('states of metrics', () => {
  test('every class is in the table', () => {
    const names = Object.keys(exported).filter((name) => {
      const prototype = (exported[name] as { prototype?: unknown }).prototype;
      return typeof exported[name] === 'function' && prototype instanceof metrics.Metric;
    });
    const abstract = ['ClassCounts', 'ScoredMetric', 'Metric'];
    expect(names.filter((name) => !(name in table) && !abstract.includes(name))).toEqual([]);
  });

  test.each(Object.entries(table))('%s', (_, { make, data }) => {
    const update = (metric: AnyMetric, from: number, to: number): AnyMetric => {
      for (const [outputs, targets, options] of data.slice(from, to))
        metric.update(outputs, targets, options);
      return metric;
    };
    const expected = update(make() as AnyMetric, 0, batches).compute();
    for (let at = 0; at <= batches; at++) {
      const first = update(make() as AnyMetric, 0, at);
      const { json, tensors } = takeApart(first.stateDict() as State);
      // Later updates are not to change what was saved.
      update(first, at, batches);
      const second = update(make() as AnyMetric, 1, 3);
      second.loadStateDict(putTogether(json, tensors) as never);
      expect(update(second, at, batches).compute()).toEqual(expected);
    }
  });

  test('of a metric of one’s own that has none: an error that says so', () => {
    class Mine extends metrics.Metric<number> {
      update = (): this => this;
      compute = (): number => 0;
      reset = (): this => this;
      merge = (): this => this;
    }
    expect(() => new Mine().stateDict()).toThrow(
      'Mine: has no stateDict, so it cannot be saved in the middle',
    );
    expect(() => new metrics.ConfusionMatrix({ classes: 2 }).loadStateDict({ matrix: [[1]] })).toThrow(
      'ConfusionMatrix.loadStateDict: 1 and 2 classes',
    );
  });
});
