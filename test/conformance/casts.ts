import { type DType, dtypes, isFloat } from '../../src/graph/dtype.ts';
import type { Operand, Operation } from './operation.ts';

/** Numbers that rounding, cutting and wrapping tell apart; a float of the width of the run, then of the dtype to cast from. */
const numbers: Operand = {
  shape: [2, 6],
  data: [0, -0.4, 0.5, 1.5, -1.7, 2.25, 3.1, -100.6, 1e-3, 254.9, 1 / 3, 4095.7],
};
const integers: Operand = { shape: [2, 3], dtype: 'int32', data: [0, 1, -3, 70000, 2147483647, -2147483648] };
const naturals: Operand = { shape: [2, 3], dtype: 'uint32', data: [0, 1, 5, 70001, 2147483648, 4294967295] };
const truths: Operand = { shape: [2, 3], dtype: 'bool', data: [0, 1, 1, 0, 0, 1] };

const numbersOf = (from: DType): Operand => {
  if (from === 'bool') return truths;
  if (from === 'int32') return integers;
  return from === 'uint32' ? naturals : numbers;
};

/** What has no place among the numbers of other dtypes, or only by rounding to zero, to infinity or to the even neighbour. */
const extremes: Operand = {
  shape: [18],
  data: [
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    -0,
    3e9,
    -3e9,
    1e20,
    -1e20,
    65504,
    65519,
    65520,
    -70000,
    6e-8,
    2e-8,
    -1e-40,
    2049,
    2051,
    3.4e38,
  ],
};
const edges = 'at jumps and infinities there are no differences';

const castOfExtremes = (from: DType, to: DType): Operation => ({
  name: `cast: ${from} to ${to}, of extremes`,
  operands: [extremes],
  call: (x) => x.cast(from).cast(to),
  without: { gradient: edges, jvp: edges },
  tolerance: 0,
});

/** Casts by way of the integers and truth values have no derivative: their results stand still between jumps. */
const still = 'the result stands still between jumps';

function castBetween(from: DType, to: DType): Operation {
  const floats = isFloat(from) && isFloat(to);
  return {
    name: `cast: ${from} to ${to}`,
    operands: [numbersOf(from)],
    call: (x) => x.cast(from).cast(to),
    without: isFloat(from) && !floats ? { gradient: still, jvp: still } : {},
    // All devices round alike.
    tolerance: 0,
    // Rounding to 8 binary digits, against differences over a distance at which that can be seen through.
    ...(floats ? { differences: { step: 4096, tolerance: 0.02 } } : {}),
  };
}

/** Between all dtypes, and through those of two bytes with arithmetic between. */
export const castOperations: readonly Operation[] = [
  ...dtypes.flatMap((from) => dtypes.map((to) => castBetween(from, to))),
  ...dtypes
    .filter((from) => isFloat(from))
    .flatMap((from) => dtypes.filter((to) => to !== from).map((to) => castOfExtremes(from, to))),
  ...(['float16', 'bfloat16'] as const).map(
    (half): Operation => ({
      name: `cast: ${half} in the middle of a product`,
      operands: [{ shape: [3, 4] }, { shape: [4, 2] }],
      call: (x, y) => x.cast(half).matmul(y.cast(half)).cast('float32'),
      differences: { step: 0.25, tolerance: 0.05 },
    }),
  ),
];
