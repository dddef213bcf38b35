import { readFileSync } from 'node:fs';
import type { DType } from '../../src/graph/dtype.ts';

/** An array of the fixture; no dtype means float. */
export interface NumpyArray {
  readonly shape: number[];
  readonly dtype?: DType;
  readonly data: (number | boolean | string)[];
}

/** A case of test/fixtures/numpy_arrays.json; scripts/fixtures/numpy_arrays.py says what it means. */
export interface NumpyCase {
  /** For messages. */
  readonly name: string;
  readonly op: string;
  readonly args: readonly unknown[];
  readonly inputs: readonly NumpyArray[];
  readonly outputs: readonly NumpyArray[];
  readonly cotangents: readonly (NumpyArray | null)[];
  readonly gradients: readonly (NumpyArray | null)[];
}

const stored = JSON.parse(
  readFileSync(new URL('../fixtures/numpy_arrays.json', import.meta.url), 'utf8'),
) as Omit<NumpyCase, 'name'>[];

/** All cases, named by what they compute. */
export const numpyCases: readonly NumpyCase[] = stored.map((one) => ({
  ...one,
  name: `${one.op}(${one.inputs.map((x) => `[${x.shape}]`).join(', ')}; ${JSON.stringify(one.args)})`,
}));

/** The elements as numbers: NaN and infinities are strings in JSON. */
export const numbersOf = ({ data }: NumpyArray): number[] => data.map(Number);
