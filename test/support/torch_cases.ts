import { readFileSync } from 'node:fs';

/** Row-major data; `dtype` is only given where it is int32. */
export interface FixtureArray {
  readonly shape: readonly number[];
  readonly dtype?: 'int32';
  readonly data: readonly number[];
}

/** What PyTorch computes for one call: see scripts/fixtures/torch_ops.py. */
export interface TorchCase {
  readonly name: string;
  readonly op: string;
  // The attributes differ by op; a test reads those that it knows.
  readonly attributes: Readonly<Record<string, never>>;
  readonly inputs: readonly FixtureArray[];
  readonly output: FixtureArray;
  /** The gradients are those of `sum(output * cotangent)`. */
  readonly cotangent: FixtureArray;
  /** One for each input, null for integers. */
  readonly gradients: readonly (FixtureArray | null)[];
}

/** The cases of a file in test/fixtures. */
export const casesOf = (file: string): readonly TorchCase[] =>
  JSON.parse(readFileSync(new URL(`../fixtures/${file}`, import.meta.url), 'utf8'));

/** All cases of test/fixtures/torch_ops.json. */
export const torchCases: readonly TorchCase[] = casesOf('torch_ops.json');
