import { describe, expect, test } from 'vitest';
import { derivatives } from '../../examples/derivatives.ts';
import { formatStep, traceConvolution } from '../../examples/sliding_windows.ts';
import { draw, train } from '../../examples/spirals.ts';

describe('examples', () => {
  test('derivatives', () => {
    expect(derivatives()).toEqual([
      'y(2, 5)                 11.652071',
      'grad                    5.500000, 1.716338',
      'jvp along x1            5.500000',
      'vjp of 1                5.500000, 1.716338',
      'second derivative by x1 -0.250000',
    ]);
  });

  test('sliding windows', () => {
    const [first] = traceConvolution(
      [
        [1, 2],
        [3, 4],
      ],
      [
        [1, 0],
        [0, 1],
      ],
    );
    expect(formatStep(first)).toBe('position (0, 0)\n  1  2\n  3  4   ->  5');
  });

  test('spirals: a network that bends as they do', () => {
    const { losses, model, accuracy } = train();
    expect(losses[0]).toBeGreaterThan(0.5);
    expect(losses[losses.length - 1]).toBeLessThan(0.1);
    expect(accuracy).toBeGreaterThan(0.97);
    const picture = draw(model, 21, 11).split('\n');
    expect(picture.map((line) => line.length)).toEqual(Array(11).fill(21));
    expect(new Set(picture.join(''))).toEqual(new Set(['#', '.']));
  });
});
