import { describe, expect, test } from 'vitest';
import { digits, take } from '../../src/data/index.ts';
import { tensor } from '../../src/index.ts';
import { batches, objection, readValue, type Samples, tasks, valuesOf } from '../../src/recipes/index.ts';
import { drawPlane } from '../../src/recipes/plane.ts';
import { choice, integer, number, type Values } from '../../src/recipes/settings.ts';

const settings = {
  layers: integer('layers', 2, [1, 5]),
  noise: number('noise', 0.1, [0, 0.5]),
  mode: choice('mode', ['fast', 'slow']),
};

describe('settings', () => {
  test('are the defaults, or what is given; with their types', () => {
    const values: Values<typeof settings> = valuesOf('r', settings);
    expect(values).toEqual({ layers: 2, noise: 0.1, mode: 'fast' });
    const mode: 'fast' | 'slow' = values.mode;
    expect(mode).toBe('fast');
    expect(valuesOf('r', settings, { layers: 5, noise: 0 })).toEqual({ layers: 5, noise: 0, mode: 'fast' });
    expect(valuesOf('r', undefined)).toEqual({});
  });

  test.each([
    [{ layers: 6 }, 'r: layers must be an integer from 1 to 5, got 6'],
    [{ layers: 1.5 }, 'r: layers must be an integer from 1 to 5, got 1.5'],
    [{ layers: '2' }, 'r: layers must be an integer from 1 to 5, got "2"'],
    [{ noise: Number.NaN }, 'r: noise must be a number from 0 to 0.5, got null'],
    [{ mode: 'medium' }, 'r: mode must be one of fast, slow, got "medium"'],
    [{ depth: 3 }, "r: there is no setting 'depth'; settings are layers, noise, mode"],
  ])('%j is refused', (given, message) => {
    expect(() => valuesOf('r', settings, given)).toThrow(new RangeError(message));
  });

  test('are read from text', () => {
    expect(readValue(settings.layers, '3')).toBe(3);
    expect(objection(settings.layers, readValue(settings.layers, '3'))).toBeNull();
    for (const text of ['', ' ', 'three', '1e99', '0'])
      expect(objection(settings.layers, readValue(settings.layers, text)), text).not.toBeNull();
    expect(objection(settings.noise, readValue(settings.noise, ''))).not.toBeNull();
    expect(readValue(settings.mode, '7')).toBe('7');
  });
});

describe('batches', () => {
  const rows: Samples = {
    name: 'rows',
    count: 5,
    width: 2,
    inputs: Float32Array.from({ length: 10 }, (_, i) => i),
    targets: Float32Array.from({ length: 15 }, (_, i) => -i),
    outputs: 3,
  };

  test('of rows of numbers: inputs and targets, in their shapes', () => {
    const [first, second, third] = [...batches(rows, { batchSize: 2 })];
    expect(first[0].toArray()).toEqual([
      [0, 1],
      [2, 3],
    ]);
    expect(second[1].toArray()).toEqual([
      [-6, -7, -8],
      [-9, -10, -11],
    ]);
    expect(third[0].shape).toEqual([1, 2]);
    const classes = batches({ ...rows, targets: Int32Array.of(2, 1, 0, 1, 2) }, { batchSize: 5 });
    const [[, y]] = [...classes];
    expect([y.dtype, y.toArray()]).toEqual(['int32', [2, 1, 0, 1, 2]]);
  });

  test('shuffled, inputs and targets stay together, and the place can be restored', () => {
    const data = batches(rows, { batchSize: 2, shuffle: true, seed: 3 });
    const seen = [...data].flatMap(([x, y]) => {
      const [inputs, targets] = [x.toArray() as number[][], y.toArray() as number[][]];
      inputs.forEach((row, i) => {
        expect(targets[i]).toEqual([0, 1, 2].map((k) => -((row[0] / 2) * 3 + k)));
      });
      return inputs.map(([first]) => first / 2);
    });
    expect(seen).not.toEqual([0, 1, 2, 3, 4]);
    expect([...seen].sort()).toEqual([0, 1, 2, 3, 4]);
    const other = batches(rows, { batchSize: 2, shuffle: true, seed: 3 });
    other.restore({ epoch: 0, batch: 1 });
    expect([...other].flatMap(([x]) => (x.toArray() as number[][]).map(([first]) => first / 2))).toEqual(
      seen.slice(2),
    );
  });

  test('of pictures are those of the loader', () => {
    const [[x, y]] = [...batches(take(digits({ train: 3, test: 0 }).train, 3), { batchSize: 3 })];
    expect([x.shape, y.shape]).toEqual([[3, 28, 28, 1], [3]]);
  });
});

test('metrics of tasks count what is right', () => {
  const logits = tensor([
    [2, -1],
    [-3, 4],
    [1, 1],
  ]);
  const targets = tensor([
    [1, 0],
    [0, 0],
    [1, 1],
  ]);
  expect(tasks.multilabel.metrics.accuracy(logits, targets).item()).toBeCloseTo(5 / 6, 6);
  expect(tasks.multilabel.metrics.allRight(logits, targets).item()).toBeCloseTo(2 / 3, 6);
  expect(tasks.binary.metrics.accuracy(tensor([[2], [-1]]), tensor([[0], [0]])).item()).toBe(0.5);
  expect(tasks.regression.metrics.meanAbsoluteError(tensor([[2], [-1]]), tensor([[0], [0]])).item()).toBe(
    1.5,
  );
  expect(tasks.multiclass.metrics.accuracy(logits, tensor([0, 1, 1], { dtype: 'int32' })).item()).toBeCloseTo(
    2 / 3,
    6,
  );
});

test('the plane is drawn with y upwards, marks on it, and no wider than the page', () => {
  const lines: string[] = [];
  const page = { print: (text = '') => void lines.push(text), columns: 80 };
  drawPlane(page, [0, 1], [0, 2], (places) => places.map(([x, y]) => (y > 1 ? (x > 0.5 ? '#' : '+') : ' ')), [
    { x: 0.01, y: 0.01, sign: 'o' },
    { x: 5, y: 5, sign: 'x' },
  ]);
  expect(lines).toHaveLength(18);
  expect(lines[1]).toBe(`|${'+'.repeat(20)}${'#'.repeat(20)}|`);
  expect(lines[9]).toBe(`|${' '.repeat(40)}|`);
  expect(lines[16]).toBe(`|o${' '.repeat(39)}|`);
  expect(lines.join('')).not.toContain('x');
  lines.length = 0;
  drawPlane({ ...page, columns: 20 }, [0, 1], [0, 1], (places) => places.map(() => '.'));
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(20);
});
