import { pathToFileURL } from 'node:url';
import { windows } from '../src/core/spatial.ts';
import { type Tensor, tensor } from '../src/index.ts';
import * as nn from '../src/nn/index.ts';

/**
 * How a filter and a pooling window slide over an image, position by position:
 *
 *     node examples/sliding_windows.ts        (Node 22.18 or newer, which runs TypeScript as it is)
 *
 * In a project of your own, import from 'nabla' and 'nabla/nn'.
 */

/** One position of the window: where its result goes, what it sees, and the result. */
export interface Step {
  readonly row: number;
  readonly column: number;
  readonly window: readonly (readonly number[])[];
  readonly value: number;
}

const image = (rows: number[][]): Tensor => tensor(rows).reshape([1, rows.length, rows[0].length, 1]);

/** Pairs each window of an image with the result at its position. */
function steps(seen: Tensor, result: Tensor): Step[] {
  const [, height, width, , kernelHeight, kernelWidth] = seen.shape;
  const all = seen.reshape([height, width, kernelHeight, kernelWidth]).toArray() as number[][][][];
  const values = result.reshape([height, width]).toArray() as number[][];
  return all.flatMap((line, row) =>
    line.map((window, column) => ({ row, column, window, value: values[row][column] })),
  );
}

/** The steps of a convolution of an image with one filter. */
export function traceConvolution(
  rows: number[][],
  kernel: number[][],
  { padding = 0, stride = 1 } = {},
): Step[] {
  const x = image(rows);
  const filter = tensor(kernel).reshape([1, kernel.length, kernel[0].length, 1]);
  const seen = windows('traceConvolution', x, [kernel.length, kernel[0].length], {
    stride: [stride, stride],
    dilation: [1, 1],
    padding: [
      [padding, padding],
      [padding, padding],
    ],
  });
  return steps(seen, nn.conv2d(x, filter, { padding, stride }));
}

/** The steps of max-pooling with a square window. */
export function traceMaxPool(rows: number[][], size: number, stride: number = size): Step[] {
  const x = image(rows);
  const seen = windows('traceMaxPool', x, [size, size], {
    stride: [stride, stride],
    dilation: [1, 1],
    padding: [
      [0, 0],
      [0, 0],
    ],
  });
  return steps(seen, nn.maxPool2d(x, size, { stride }));
}

/** A step as text: the window, and what becomes of it. */
export const formatStep = ({ row, column, window, value }: Step): string =>
  [
    `position (${row}, ${column})`,
    ...window.map((line, i) => {
      const numbers = line.map((v) => String(v).padStart(3)).join('');
      return i === Math.floor(window.length / 2) ? `${numbers}   ->  ${value}` : numbers;
    }),
  ].join('\n');

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const picture = [
    [3, 3, 2, 1, 0],
    [0, 0, 1, 3, 1],
    [3, 1, 2, 2, 3],
    [2, 0, 0, 2, 2],
    [2, 0, 0, 0, 1],
  ];
  const filter = [
    [0, 1, 2],
    [2, 2, 0],
    [0, 1, 2],
  ];
  console.log('The filter [[0,1,2],[2,2,0],[0,1,2]] with padding 1 and stride 2:\n');
  for (const step of traceConvolution(picture, filter, { padding: 1, stride: 2 }))
    console.log(`${formatStep(step)}\n`);
  console.log('Max-pooling of size 3 with stride 1:\n');
  for (const step of traceMaxPool(picture, 3, 1)) console.log(`${formatStep(step)}\n`);
}
