import { describe, expect, test } from 'vitest';
import { confusionMatrix, formatConfusion } from '../../src/metrics/confusion.ts';

describe('confusionMatrix', () => {
  test('counts true classes in rows, predictions in columns', () => {
    const labels = Uint8Array.of(0, 0, 1, 2, 2, 2);
    expect(confusionMatrix(labels, [0, 2, 1, 2, 2, 0], 3)).toEqual([
      [1, 0, 1],
      [0, 1, 0],
      [1, 0, 2],
    ]);
    expect(confusionMatrix([], [], 2)).toEqual([
      [0, 0],
      [0, 0],
    ]);
  });

  test('refuses classes out of range and different lengths', () => {
    expect(() => confusionMatrix([0, 3], [0, 0], 3)).toThrow('example 1 has label 3 and prediction 0');
    expect(() => confusionMatrix([0], [-1], 3)).toThrow(RangeError);
    expect(() => confusionMatrix([0], [0.5], 3)).toThrow('integers from 0 to 2');
    expect(() => confusionMatrix([0], [], 3)).toThrow('1 labels but 0 predictions');
    expect(() => confusionMatrix([], [], 0)).toThrow('classes is 0');
  });
});

describe('formatConfusion', () => {
  test('is a table with aligned columns and the recall of each class', () => {
    const table = formatConfusion(
      [
        [980, 0, 2],
        [0, 0, 0],
        [1, 12, 3],
      ],
      ['zero', 'one', 'two'],
    );
    expect(table.split('\n')).toEqual([
      'true \\ predicted zero one two  recall',
      '            zero  980   ·   2   99.8%',
      '             one    ·   ·   ·       -',
      '             two    1  12   3   18.8%',
    ]);
  });

  test('numbers the classes by default and refuses what is not square', () => {
    expect(formatConfusion([[3]])).toBe('true \\ predicted   0  recall\n               0   3  100.0%');
    expect(() => formatConfusion([[1, 2]])).toThrow('each must have 1 columns');
    expect(() => formatConfusion([[1]], ['a', 'b'])).toThrow('2 names for 1 classes');
  });
});
