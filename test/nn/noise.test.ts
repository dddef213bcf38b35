import { beforeEach, describe, expect, test } from 'vitest';
import { ones, random, zeros } from '../../src/index.ts';
import * as nn from '../../src/nn/index.ts';

beforeEach(() => {
  random.seed(11);
});

describe('spatial dropout', () => {
  test('drops whole channels of single examples, a share of p, and scales the rest', () => {
    const y = new nn.Dropout2d(0.25).forward(ones([50, 3, 2, 40]));
    const [least, most] = [y.min([1, 2]), y.max([1, 2])];
    expect([...least.dataSync()]).toEqual([...most.dataSync()]);
    expect(new Set(most.dataSync())).toEqual(new Set([0, Math.fround(1 / 0.75)]));
    const kept = [...most.dataSync()].filter((v) => v > 0).length;
    // Five standard deviations of a binomial of 2000 draws.
    expect(Math.abs(kept - 1500)).toBeLessThan(5 * Math.sqrt(2000 * 0.25 * 0.75));
  });

  test('is the identity in evaluation, and names what does not fit', () => {
    const x = ones([2, 3, 4]);
    expect(new nn.Dropout1d().eval().forward(x)).toBe(x);
    expect(
      new nn.Dropout3d(1)
        .forward(ones([1, 2, 2, 2, 3]))
        .sum()
        .item(),
    ).toBe(0);
    expect(() => new nn.Dropout2d().forward(x)).toThrow(
      /Dropout2d: the input must be \[batch, height, width/,
    );
    expect(() => new nn.Dropout1d(2)).toThrow(/Dropout1d: p must be a probability/);
    expect(() => nn.spatialDropout(ones([3]))).toThrow(/spatialDropout: the input/);
  });
});

describe('alpha dropout', () => {
  test('keeps mean 0 and variance 1', () => {
    const x = random.normal([20000]);
    const y = new nn.AlphaDropout(0.3).forward(x);
    expect(y.mean().item()).toBeCloseTo(0, 1);
    expect(y.std().item()).toBeCloseTo(1, 1);
    const values = [...y.dataSync()];
    const scale = 1 / Math.sqrt(0.7 * (1 + 0.3 * 1.7580993408473766 ** 2));
    const dropped = Math.fround(-1.7580993408473766 * scale * 0.7);
    const share = values.filter((v) => Math.abs(v - dropped) < 1e-6).length / values.length;
    expect(share).toBeCloseTo(0.3, 1);
  });

  test('of features drops whole channels; evaluation is the identity', () => {
    const y = new nn.FeatureAlphaDropout(0.5).forward(zeros([8, 5, 6]));
    expect([...y.min(1).dataSync()]).toEqual([...y.max(1).dataSync()]);
    expect(new Set(y.dataSync()).size).toBe(2);
    const x = ones([2]);
    expect(new nn.AlphaDropout().eval().forward(x)).toBe(x);
    expect(nn.alphaDropout(x, 0)).toBe(x);
    expect(nn.alphaDropout(x, 1).toArray()).toEqual([0, 0]);
    expect(() => nn.alphaDropout(x, -1)).toThrow(/alphaDropout: p must be a probability/);
  });
});

test('Gaussian noise has the deviation that it says', () => {
  const noisy = new nn.GaussianNoise(0.5);
  expect(
    noisy
      .forward(ones([20000]))
      .std()
      .item(),
  ).toBeCloseTo(0.5, 1);
  const x = ones([3]);
  expect(noisy.eval().forward(x)).toBe(x);
  const scaled = new nn.GaussianDropout(0.2).forward(ones([20000]).mul(3));
  expect(scaled.mean().item()).toBeCloseTo(3, 1);
  expect(scaled.std().item()).toBeCloseTo(1.5, 1);
  expect(() => new nn.GaussianNoise(-1)).toThrow(/GaussianNoise: std must be a number from 0 on/);
  expect(() => new nn.GaussianDropout(1)).toThrow(/less than 1/);
});
