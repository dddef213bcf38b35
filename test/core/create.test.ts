import { describe, expect, test } from 'vitest';
import {
  eye,
  fromFunction,
  full,
  fullLike,
  geomspace,
  identity,
  jit,
  linspace,
  logspace,
  onesLike,
  tensor,
  tri,
  zerosLike,
} from '../../src/index.ts';
import { computeOn, devices } from '../support/device.ts';

describe.each(devices)('on %s', (device) => {
  computeOn(device);

  test('of one value, like another', () => {
    const x = tensor([[1, 2]], { dtype: 'int32' });
    expect(fullLike(x, 7).toArray()).toEqual([[7, 7]]);
    expect(fullLike(x, 7).dtype).toBe('int32');
    expect(fullLike(x, 0.5, { dtype: 'float64' }).toArray()).toEqual([[0.5, 0.5]]);
    expect(zerosLike(x, { dtype: 'bool' }).toArray()).toEqual([[false, false]]);
    expect(onesLike(x).toArray()).toEqual([[1, 1]]);
    expect(full([2], true).dtype).toBe('bool');
  });

  test('spaces', () => {
    expect(linspace(0, 1, 5).toArray()).toEqual([0, 0.25, 0.5, 0.75, 1]);
    expect(linspace(0, 1, 4, { endpoint: false }).toArray()).toEqual([0, 0.25, 0.5, 0.75]);
    expect(linspace(3, 4, 1).toArray()).toEqual([3]);
    expect(linspace(3, 4, 0).toArray()).toEqual([]);
    expect(linspace(3, 4, 1, { endpoint: false, dtype: 'int32' }).toArray()).toEqual([3]);
    expect(logspace(0, 3, 4).toArray()).toEqual([1, 10, 100, 1000]);
    expect(logspace(-2, 2, 5, { base: 2 }).toArray()).toEqual([0.25, 0.5, 1, 2, 4]);
    expect(logspace(0, 2, 2, { endpoint: false }).toArray()).toEqual([1, 10]);
    expect(geomspace(1, 1000, 4).toArray()).toEqual([1, 10, 100, 1000]);
    expect(geomspace(-16, -1, 5).toArray()).toEqual([-16, -8, -4, -2, -1]);
    expect(geomspace(1, 16, 4, { endpoint: false }).toArray()).toEqual([1, 2, 4, 8]);
    expect(geomspace(0.1, 0.7, 3).toArray()[2 as never]).toBe(Math.fround(0.7));
    expect(geomspace(5, 6, 1).toArray()).toEqual([5]);
  });

  test('matrices', () => {
    expect(identity(2).toArray()).toEqual(eye(2).toArray());
    expect(tri(2, 3).toArray()).toEqual([
      [1, 0, 0],
      [1, 1, 0],
    ]);
    expect(tri(2, 2, { k: -1, dtype: 'bool' }).toArray()).toEqual([
      [false, false],
      [true, false],
    ]);
    expect(fromFunction((i, j) => i.mul(10).add(j), [2, 3]).toArray()).toEqual([
      [0, 1, 2],
      [10, 11, 12],
    ]);
  });
});

test('inside jit', () => {
  const f = jit((x: ReturnType<typeof tensor>) => x.mul(geomspace(1, 4, 3)).add(tri(3)));
  expect(f(tensor([1, 1, 1])).toArray()).toEqual([
    [2, 2, 4],
    [2, 3, 4],
    [2, 3, 5],
  ]);
});

test.each([
  [() => linspace(0, 1, -1), 'linspace: count must be an integer >= 0, got -1'],
  [() => logspace(0, 1, 1.5), 'logspace: count must be an integer >= 0, got 1.5'],
  [() => geomspace(0, 1), 'geomspace: start and end must have one sign and not be 0, got 0 and 1'],
  [() => geomspace(-1, 1), 'geomspace: start and end must have one sign'],
])('refused: %s', (make, message) => {
  expect(make).toThrow(message);
});
