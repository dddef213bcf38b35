import { describe, expect, test } from 'vitest';
import { convolution, windows } from '../../src/core/spatial.ts';
import { concat, stack, type Tensor, where } from '../../src/core/tensor.ts';
import { computeOn, devices } from '../support/device.ts';
import { torchCases } from '../support/torch_cases.ts';
import { checkTorchCase, type TorchCompute } from '../support/torch_check.ts';

// Values and derivatives of the tensor operations against PyTorch's, in double and in single precision. Layers and
// losses have their own tests over the same fixture.

type Attributes = Readonly<Record<string, never>>;

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
  (name: string, axes: number): TorchCompute =>
  ([x, weight, bias], attributes) => {
    const out = convolution(name, x, weight, {
      ...sizesOf(attributes, axes),
      groups: attributes.groups ?? 1,
    });
    return bias === undefined ? out : out.add(bias);
  };

const pool =
  (fill: number, combine: (windows: Tensor) => Tensor): TorchCompute =>
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

const table: Readonly<Record<string, TorchCompute>> = {
  ...Object.fromEntries(unaryNames.map((name): [string, TorchCompute] => [name, ([x]) => x[name]()])),
  ...Object.fromEntries(binaryNames.map((name): [string, TorchCompute] => [name, ([a, b]) => a[name](b)])),
  ...Object.fromEntries(
    reductionNames.map((name): [string, TorchCompute] => [
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
    checkTorchCase(table[torch.op], torch, { float, rtol, isJitted });
  });
});
