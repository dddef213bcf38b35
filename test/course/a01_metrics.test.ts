import { describe, expect, test } from 'vitest';
import { random, tensor } from '../../src/index.ts';
import {
  Accuracy,
  accuracy,
  confusionMatrix,
  f1,
  formatConfusion,
  formatThresholds,
  precision,
  precisionRecallCurve,
  recall,
  specificity,
  thresholdTable,
} from '../../src/metrics/index.ts';

// 20 patients, of whom 8 are ill. 6 of these are found (TP), 2 are not (FN, type II); 3 of the healthy are alarmed (FP, type I), 9 are not (TN).
const [TP, FP, FN, TN] = [6, 3, 2, 9];
const repeat = (count: number, value: number): number[] => Array(count).fill(value);
const truth = [...repeat(TP, 1), ...repeat(FP, 0), ...repeat(FN, 1), ...repeat(TN, 0)];
const said = [...repeat(TP, 1), ...repeat(FP, 1), ...repeat(FN, 0), ...repeat(TN, 0)];

const share = (said: number[], truth: number[]): number => new Accuracy().update(said, truth).compute();

/** 2,000 patients of whom 2 % have cancer, with scores that overlap. */
function screening() {
  const ill = random.uniform([2000], { key: random.key(1) }).lt(0.02);
  const scores = random
    .normal([2000], { key: random.key(2) })
    .add(ill.cast('float32').mul(2.5))
    .sub(1.5)
    .sigmoid();
  return { scores: [...scores.dataSync()], ill: [...ill.cast('int32').dataSync()] };
}

describe('A01 how good a classifier is', () => {
  test('A01-11 accuracy: (TP + TN) / (P + N)', () => {
    expect(share(said, truth)).toBeCloseTo((TP + TN) / (TP + FN + (TN + FP)), 12);
    expect(share(said, truth)).toBe(0.75);
    const logits = tensor([[0.1, 0.9], [0.8, 0.2]]); // biome-ignore format: scores
    expect(accuracy(logits, tensor([1, 1], { dtype: 'int32' })).item()).toBe(0.5);
  });

  test('A01-12 confusion matrix: true and false positives (type I) and negatives (type II)', () => {
    expect(confusionMatrix(truth, said, 2)).toEqual([
      [TN, FP],
      [FN, TP],
    ]);
    const text = formatConfusion(confusionMatrix(truth, said, 2), ['healthy', 'ill']);
    expect(text.split('\n').map((line) => line.trim().split(/ +/))).toEqual([
      ['true', '\\', 'predicted', 'healthy', 'ill', 'recall'],
      ['healthy', '9', '3', '75.0%'],
      ['ill', '2', '6', '75.0%'],
    ]);
  });

  test('A01-13 specificity: TN / (TN + FP)', () => {
    expect(specificity(said, truth)).toBeCloseTo(TN / (TN + FP), 12);
    // It is the recall of the other class.
    const flip = (list: number[]) => list.map((v) => 1 - v);
    expect(specificity(said, truth)).toBe(recall(flip(said), flip(truth)));
  });

  test('A01-14 precision: TP / (TP + FP)', () => {
    expect(precision(said, truth)).toBeCloseTo(TP / (TP + FP), 12);
  });

  test('A01-15 recall: TP / (TP + FN)', () => {
    expect(recall(said, truth)).toBe(TP / (TP + FN));
  });

  test('A01-16 F1: 2PR / (P + R), the harmonic mean', () => {
    const [p, r] = [TP / (TP + FP), TP / (TP + FN)];
    expect(f1(said, truth)).toBeCloseTo((2 * p * r) / (p + r), 12);
    expect(f1(said, truth)).toBeCloseTo(2 / (1 / p + 1 / r), 12);
  });

  test('A01-17 the threshold trades precision for recall: screening for a rare cancer', () => {
    const { scores, ill } = screening();
    const sick = ill.reduce((s, v) => s + v, 0);
    expect(sick / 2000).toBeGreaterThan(0.01);
    expect(sick / 2000).toBeLessThan(0.03);
    // Nobody is ill: nearly always right, and worthless.
    expect(share(repeat(2000, 0), ill)).toBeGreaterThan(0.97);
    expect(recall(repeat(2000, 0), ill)).toBe(0);

    const rows = thresholdTable(scores, ill);
    expect(rows.map((row) => row.threshold)).toEqual([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]);
    rows.forEach((row, i) => {
      const decided = scores.map((score) => (score >= row.threshold ? 1 : 0));
      const { truePositives: tp, falsePositives: fp, falseNegatives: fn, trueNegatives: tn } = row;
      expect(confusionMatrix(ill, decided, 2)).toEqual([
        [tn, fp],
        [fn, tp],
      ]);
      expect([row.precision, row.recall, row.f1]).toEqual(
        [precision, recall, f1].map((m) => m(decided, ill)),
      );
      if (i === 0) return;
      expect(row.recall).toBeLessThanOrEqual(rows[i - 1].recall);
      expect(fp).toBeLessThanOrEqual(rows[i - 1].falsePositives);
    });
    // Lenient: few are missed, most alarms are false. Strict: the other way round.
    const [first, last] = [rows[0], rows[8]];
    expect(first.recall).toBeGreaterThan(0.95);
    expect(first.precision).toBeLessThan(0.1);
    expect(last.precision).toBeGreaterThan(0.3);
    expect(last.recall).toBeLessThan(0.4);
    // The best compromise lies between.
    const best = rows.reduce((a, b) => (b.f1 > a.f1 ? b : a));
    expect([first, last]).not.toContain(best);

    // The whole curve goes through these points.
    const curve = precisionRecallCurve(scores, ill);
    for (const row of rows) {
      const at = curve.thresholds.findIndex((threshold) => threshold >= row.threshold);
      expect([curve.precision[at], curve.recall[at]]).toEqual([row.precision, row.recall]);
    }

    const picture = formatThresholds(rows).split('\n');
    expect(picture).toHaveLength(10);
    picture.slice(1).forEach((line, i) => {
      expect(line).toContain(rows[i].recall.toFixed(3));
      expect((line.match(/=/g) ?? []).length).toBe(Math.round(20 * rows[i].recall));
      expect((line.match(/#/g) ?? []).length).toBe(Math.round(20 * rows[i].precision));
    });
    const [empty] = thresholdTable([0.2], [1], { thresholds: [0.5] });
    expect([empty.precision, empty.recall]).toEqual([Number.NaN, 0]);
    expect(formatThresholds([empty])).toMatch(/0 +0 +1 +0 +- /);
    expect(() => thresholdTable([0.5], [2])).toThrow('got 2');
    expect(() => thresholdTable([0.5, 1], [1])).toThrow();
  });
});
