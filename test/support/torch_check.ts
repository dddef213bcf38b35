import { expect } from 'vitest';
import { jit } from '../../src/core/jit.ts';
import { type Tensor, tensor } from '../../src/core/tensor.ts';
import { vjp } from '../../src/core/transforms.ts';
import type { DType } from '../../src/graph/dtype.ts';
import { expectClose } from './close.ts';
import type { FixtureArray, TorchCase } from './torch_cases.ts';

/** A computation as a case names it. */
export type TorchCompute = (inputs: readonly Tensor[], attributes: TorchCase['attributes']) => Tensor;

const load = ({ data, shape, dtype }: FixtureArray, float: DType): Tensor =>
  tensor([...data], { dtype: dtype ?? float }).reshape(shape);

/** Compares values and gradients of a computation with a case, in float32 or float64. `rtol` is relative to the largest element. */
export function checkTorchCase(
  compute: TorchCompute,
  { attributes, inputs, output, cotangent, gradients }: TorchCase,
  { float, rtol, isJitted }: { float: DType; rtol: number; isJitted: boolean },
): void {
  const arrays = inputs.map((input) => load(input, float));
  // Integer inputs are not differentiated: they come back in by position.
  const floats = arrays.filter((_, i) => gradients[i] !== null);
  const f = (...differentiated: Tensor[]): Tensor => {
    const rest = [...differentiated];
    return compute(
      arrays.map((array, i) => (gradients[i] === null ? array : rest.shift()!)),
      attributes,
    );
  };
  const both = (change: Tensor, ...differentiated: Tensor[]): Tensor[] => {
    const [result, pullback] = vjp(f, ...differentiated);
    const pulled = pullback(change) as unknown as Tensor | Tensor[];
    return [result, ...(Array.isArray(pulled) ? pulled : [pulled])];
  };
  const [result, ...changes] = (isJitted ? jit(both) : both)(load(cotangent, float), ...floats);
  const scale = (of: FixtureArray) => ({
    rtol,
    atol: rtol * of.data.reduce((top, x) => Math.max(top, Math.abs(x)), 0.01),
  });
  expect(result.shape).toEqual(output.shape);
  expectClose(result.dataSync(), output.data, scale(output), 'output');
  gradients
    .filter((gradient) => gradient !== null)
    .forEach((gradient, i) => {
      expect(changes[i].shape).toEqual(gradient.shape);
      expectClose(changes[i].dataSync(), gradient.data, scale(gradient), `gradient ${i}`);
    });
}
