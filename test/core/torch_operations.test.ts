import { describe, expect, test } from 'vitest';
import { jit } from '../../src/core/jit.ts';
import { convolution, windows } from '../../src/core/spatial.ts';
import { concat, stack, type Tensor, tensor, where } from '../../src/core/tensor.ts';
import { vjp } from '../../src/core/transforms.ts';
import type { DType } from '../../src/graph/dtype.ts';
import { expectClose } from '../support/close.ts';
import { computeOn, devices } from '../support/device.ts';
import { type FixtureArray, type TorchCase, torchCases } from '../support/torch_cases.ts';

// Values and derivatives of the tensor operations against PyTorch's, in double and in single precision. Layers and
// losses have their own tests over the same fixture.

type Attributes = Readonly<Record<string, never>>;
type Compute = (inputs: readonly Tensor[], attributes: Attributes) => Tensor;

const pair = (value: number | readonly [number, number] | undefined, otherwise: number): [number, number] => {
  const given = value ?? otherwise;
  return typeof given === 'number' ? [given, given] : [given[0], given[1]];
};

const sizesOf = (attributes: Attributes, axes: number, strideOtherwise = 1) => ({
  stride: pair(attributes.stride, strideOtherwise).slice(0, axes),
  dilation: pair(attributes.dilation, 1).slice(0, axes),
  padding: pair(attributes.padding, 0)
    .slice(0, axes)
    .map((n) => [n, n] as [number, number]),
});

const convolve =
  (name: string, axes: number): Compute =>
  ([x, weight, bias], attributes) => {
    const out = convolution(name, x, weight, {
      ...sizesOf(attributes, axes),
      groups: attributes.groups ?? 1,
    });
    return bias === undefined ? out : out.add(bias);
  };

const pool =
  (fill: number, combine: (windows: Tensor) => Tensor): Compute =>
  ([x], attributes) => {
    const kernel = pair(attributes.kernelSize, 1);
    const sizes = sizesOf({ ...attributes, stride: attributes.stride ?? (kernel as never) }, 2);
    return combine(windows('pool', x, kernel, sizes, fill));
  };

const unaryNames = [
  'neg',
  'exp',
  'expm1',
  'sin',
  'cos',
  'tanh',
  'erf',
  'sigmoid',
  'square',
  'log',
  'log1p',
  'sqrt',
  'rsqrt',
  'reciprocal',
  'abs',
  'sign',
  'relu',
  'floor',
  'ceil',
  'round',
] as const;
const binaryNames = ['add', 'sub', 'mul', 'div', 'maximum', 'minimum'] as const;
const reductionNames = ['sum', 'mean', 'prod', 'max', 'min'] as const;

const table: Readonly<Record<string, Compute>> = {
  ...Object.fromEntries(unaryNames.map((name): [string, Compute] => [name, ([x]) => x[name]()])),
  ...Object.fromEntries(binaryNames.map((name): [string, Compute] => [name, ([a, b]) => a[name](b)])),
  ...Object.fromEntries(
    reductionNames.map((name): [string, Compute] => [
      name,
      ([x], { axis, keepDims }) => x[name](axis, { keepDims: keepDims ?? false }),
    ]),
  ),
  pow: ([a, b], { exponent }) => a.pow(b ?? exponent),
  clamp: ([x], { min, max }) => x.clip(min, max),
  where: ([condition, a, b]) => where(condition.ne(0), a, b),
  logSumExp: ([x], { axis }) => x.logsumexp(axis),
  variance: ([x], { axis, correction }) => x.var(axis, { correction }),
  softmax: ([x], { axis }) => x.softmax(axis),
  logSoftmax: ([x], { axis }) => x.logSoftmax(axis),
  matmul: ([a, b]) => a.matmul(b),
  linear: ([x, weight, bias]) => x.matmul(weight.T).add(bias),
  conv1d: convolve('conv1d', 1),
  conv2d: convolve('conv2d', 2),
  maxPool2d: pool(-Infinity, (w) => w.max([-2, -1])),
  avgPool2d: pool(0, (w) => w.mean([-2, -1])),
  pad: ([x], { pads, value }) => x.pad(pads, value),
  concat: (parts, { axis }) => concat(parts, axis),
  stack: (parts, { axis }) => stack(parts, axis),
  transpose: ([x], { permutation }) => x.transpose(permutation),
  flip: ([x], { axis }) => x.flip(axis),
  take: ([x, indices], { axis }) => x.take(indices, axis),
  embedding: ([x, indices]) => x.take(indices, 0),
};

/** `countIncludePad: false` is the layer's business. */
const covered = torchCases.filter(({ op, attributes }) => op in table && !('countIncludePad' in attributes));

const load = ({ data, shape, dtype }: FixtureArray, float: DType): Tensor =>
  tensor([...data], { dtype: dtype ?? float }).reshape(shape);

function check(
  { op, attributes, inputs, output, cotangent, gradients }: TorchCase,
  float: DType,
  rtol: number,
  isJitted: boolean,
): void {
  const arrays = inputs.map((input) => load(input, float));
  // Integer inputs are not differentiated: they come back in by position.
  const floats = arrays.filter((_, i) => gradients[i] !== null);
  const f = (...differentiated: Tensor[]): Tensor => {
    const rest = [...differentiated];
    return table[op](
      arrays.map((array, i) => (gradients[i] === null ? array : rest.shift()!)),
      attributes,
    );
  };
  const compute = (change: Tensor, ...differentiated: Tensor[]): Tensor[] => {
    const [result, pullback] = vjp(f, ...differentiated);
    const pulled = pullback(change) as unknown as Tensor | Tensor[];
    return [result, ...(Array.isArray(pulled) ? pulled : [pulled])];
  };
  const [result, ...changes] = (isJitted ? jit(compute) : compute)(load(cotangent, float), ...floats);
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

test('the fixture covers every operation of the table', () => {
  expect(new Set(covered.map(({ op }) => op))).toEqual(new Set(Object.keys(table)));
  expect(covered.length).toBeGreaterThan(100);
});

const ways = [
  ...devices.map((device) => ({ device, isJitted: false })),
  { device: 'cpu', isJitted: true },
] as const;

describe.each(
  ways.flatMap((way) => [
    { ...way, float: 'float64', rtol: 2e-8 } as const,
    { ...way, float: 'float32', rtol: 2e-5 } as const,
  ]),
)('equal to PyTorch on $device in $float, jitted: $isJitted', ({ device, isJitted, float, rtol }) => {
  computeOn(device);
  test.each(covered.map((torch) => [torch.name, torch] as const))('%s', (_, torch) => {
    check(torch, float, rtol, isJitted);
  });
});
