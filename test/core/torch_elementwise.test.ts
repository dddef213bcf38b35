import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { jit } from '../../src/core/jit.ts';
import { type Tensor, tensor } from '../../src/core/tensor.ts';
import { vjp } from '../../src/core/transforms.ts';
import type { DType } from '../../src/graph/dtype.ts';
import { expectClose } from '../support/close.ts';
import { computeOn, devices } from '../support/device.ts';
import type { FixtureArray, TorchCase } from '../support/torch_cases.ts';

// Elementwise functions and their gradients against PyTorch's (scripts/fixtures/torch_elementwise.py).

const cases: readonly TorchCase[] = JSON.parse(
  readFileSync(new URL('../fixtures/torch_elementwise.json', import.meta.url), 'utf8'),
);

type Attributes = Readonly<Record<string, never>>;
const table: Readonly<Record<string, (inputs: readonly Tensor[], attributes: Attributes) => Tensor>> = {
  polygamma: ([x], { n }) => x.polygamma(n),
  round: ([x], { decimals }) => x.round(decimals),
  logit: ([x], { eps }) => x.logit(eps),
  zeta: ([q], { s }) => tensor([...(s as readonly number[])], { dtype: q.dtype }).zeta(q),
  gammainc: ([x], { a }) => tensor([...(a as readonly number[])], { dtype: x.dtype }).gammainc(x),
  gammaincc: ([x], { a }) => tensor([...(a as readonly number[])], { dtype: x.dtype }).gammaincc(x),
  lerp: ([a, b, weight]) => a.lerp(b, weight),
  clip: ([x, low, high]) => x.clip(low, high),
  addcmul: ([x, a, b], { value }) => x.addcmul(a, b, { value }),
  addcdiv: ([x, a, b], { value }) => x.addcdiv(a, b, { value }),
};
/** Others are methods of the same name, of one operand or two. */
const compute = (op: string, inputs: readonly Tensor[], attributes: Attributes): Tensor => {
  if (op in table) return table[op](inputs, attributes);
  const [x, ...rest] = inputs;
  return (x[op as 'atan2'] as (...operands: Tensor[]) => Tensor).apply(x, rest);
};

const load = ({ data, shape, dtype }: FixtureArray, float: DType): Tensor =>
  tensor([...data], { dtype: dtype ?? float }).reshape(shape);

const results = (
  { op, attributes, inputs, cotangent, gradients }: TorchCase,
  float: DType,
  isJitted: boolean,
): Tensor[] => {
  const arrays = inputs.map((input) => load(input, float));
  const isWhole = gradients.every((gradient) => gradient === null);
  const run = (change: Tensor, ...given: Tensor[]): Tensor[] => {
    if (isWhole) return [compute(op, given, attributes)];
    const [result, pullback] = vjp((...x: Tensor[]) => compute(op, x, attributes), ...given);
    const pulled = pullback(change) as unknown as Tensor | Tensor[];
    return [result, ...(Array.isArray(pulled) ? pulled : [pulled])];
  };
  return (isJitted ? jit(run) : run)(load(cotangent, float), ...arrays);
};

const ways = [
  ...devices.map((device) => ({ device, isJitted: false })),
  { device: 'cpu', isJitted: true },
] as const;

test('there are many cases', () => expect(cases.length).toBeGreaterThan(280));

describe.each(
  ways.flatMap((way) => [
    { ...way, float: 'float64', rtol: 1e-9 } as const,
    { ...way, float: 'float32', rtol: 4e-6 } as const,
  ]),
)('equal to PyTorch on $device in $float, jitted: $isJitted', ({ device, isJitted, float, rtol }) => {
  computeOn(device);
  test.each(cases.map((torch) => [torch.name, torch] as const))('%s', (_, torch) => {
    const [result, ...changes] = results(torch, float, isJitted);
    const scale = (of: FixtureArray) => ({
      rtol,
      atol: rtol * of.data.reduce((top, x) => Math.max(top, Math.abs(x)), 0.01),
    });
    expect(result.shape).toEqual(torch.output.shape);
    expectClose(result.dataSync(), torch.output.data, scale(torch.output), 'output');
    torch.gradients.forEach((gradient, i) => {
      if (gradient === null) return;
      expect(changes[i].shape).toEqual(gradient.shape);
      expectClose(changes[i].dataSync(), gradient.data, scale(gradient), `gradient ${i}`);
    });
  });
});
