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

/** How cases are computed. `rtol` is relative to the largest element. */
export interface Way {
  readonly float: DType;
  readonly rtol: number;
  readonly isJitted: boolean;
}

/** A case as a function of the cotangent and the differentiated inputs to the output and the gradients, and what that must give. */
function prepared(
  compute: TorchCompute,
  { name, attributes, inputs, output, cotangent, gradients }: TorchCase,
  { float, rtol }: Way,
) {
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
  const scale = (of: FixtureArray) => ({
    rtol,
    atol: rtol * of.data.reduce((top, x) => Math.max(top, Math.abs(x)), 0.01),
  });
  const verify = ([result, ...changes]: readonly Tensor[]): void => {
    expect(result.shape).toEqual(output.shape);
    expectClose(result.dataSync(), output.data, scale(output), `${name}: output`);
    gradients
      .filter((gradient) => gradient !== null)
      .forEach((gradient, i) => {
        expect(changes[i].shape).toEqual(gradient.shape);
        expectClose(changes[i].dataSync(), gradient.data, scale(gradient), `${name}: gradient ${i}`);
      });
  };
  return { operands: [load(cotangent, float), ...floats], both, verify };
}

/** Compares values and gradients of a computation with a case. */
export function checkTorchCase(compute: TorchCompute, torch: TorchCase, way: Way): void {
  const { operands, both, verify } = prepared(compute, torch, way);
  const [change, ...floats] = operands;
  verify((way.isJitted ? jit(both) : both)(change, ...floats));
}

/** The same for many cases; jitted, they are one program, as compiling takes longer than running. */
export function checkTorchCases(compute: TorchCompute, cases: readonly TorchCase[], way: Way): void {
  const all = cases.map((torch) => prepared(compute, torch, way));
  const run = (operands: readonly Tensor[][]): Tensor[][] =>
    operands.map(([change, ...floats], i) => all[i].both(change, ...floats));
  const results = (way.isJitted ? jit(run) : run)(all.map(({ operands }) => operands));
  all.forEach(({ verify }, i) => {
    verify(results[i]);
  });
}
