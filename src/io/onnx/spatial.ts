import { convolutionOf } from '../../core/products.ts';
import { fromData, Tensor } from '../../core/tensor.ts';
import * as g from '../../graph/build.ts';
import { plainIndex } from '../../graph/contraction.ts';
import type { AffineIndex } from '../../graph/vocabulary.ts';
import type { Call, Operators } from './call.ts';

/** Convolutions, pooling and normalization of ONNX: arrays are [batch, channels, ...space]. */

type Pairs = [number, number][];

/** Kernels, strides and pads beyond it are taken for a mistake of the file. */
const largest = 2 ** 16;

/** [batch, channels, ...space] to [batch, ...space, channels], and back. */
const channelsLast = (x: Tensor): Tensor => x.moveaxis(1, -1);
const channelsFirst = (x: Tensor): Tensor => x.moveaxis(-1, 1);

function perAxis(call: Call, name: string, axes: number, otherwise: number): readonly number[] {
  const given = call.ints(name) ?? new Array<number>(axes).fill(otherwise);
  if (given.length !== axes || given.some((n) => n < 1 || n > largest))
    call.fail(`${name} must be ${axes} positive integers, got [${given.join(', ')}]`);
  return given;
}

interface Sizes {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  readonly padding: Pairs;
}

function sizesOf(call: Call, space: readonly number[], kernel: readonly number[]): Sizes {
  const axes = space.length;
  const stride = perAxis(call, 'strides', axes, 1);
  const dilation = perAxis(call, 'dilations', axes, 1);
  const auto = call.string('auto_pad', 'NOTSET');
  if (auto === 'SAME_UPPER' || auto === 'SAME_LOWER') {
    const padding = space.map((n, i): [number, number] => {
      const extent = dilation[i] * (kernel[i] - 1) + 1;
      const total = Math.max(0, (Math.ceil(n / stride[i]) - 1) * stride[i] + extent - n);
      const [small, large] = [Math.floor(total / 2), Math.ceil(total / 2)];
      return auto === 'SAME_UPPER' ? [small, large] : [large, small];
    });
    return { kernel, stride, dilation, padding };
  }
  return {
    kernel,
    stride,
    dilation,
    padding: auto === 'VALID' ? space.map(() => [0, 0]) : padsOf(call, axes),
  };
}

function padsOf(call: Call, axes: number): Pairs {
  const pads = call.ints('pads') ?? new Array<number>(2 * axes).fill(0);
  if (pads.length !== 2 * axes || pads.some((n) => n < 0 || n > largest))
    call.fail(`pads must be ${2 * axes} integers from 0 on, got [${pads.join(', ')}]`);
  return Array.from({ length: axes }, (_, i) => [pads[i], pads[i + axes]]);
}

const requireSpace = (call: Call, x: Tensor): readonly number[] =>
  x.ndim < 3 ? call.fail('needs [batch, channels, ...space]') : x.shape.slice(2);

/** A vector of one number for each channel, to go with [batch, channels, ...space]. */
const perChannel = (x: Tensor, vector: Tensor): Tensor =>
  vector.reshape([-1, ...x.shape.slice(2).map(() => 1)]);

function convolution(call: Call): Tensor {
  const [x, weight, bias] = [call.tensor(0), call.tensor(1), call.optional(2)];
  const space = requireSpace(call, x);
  if (weight.ndim !== x.ndim) call.fail('input and weight differ in rank');
  const { stride, dilation, padding } = sizesOf(call, space, weight.shape.slice(2));
  const groups = call.int('group', 1);
  const y = convolutionOf('Conv', channelsLast(x).node, channelsLast(weight).node, {
    stride,
    dilation,
    padding,
    groups,
  });
  const out = new Tensor(y);
  return channelsFirst(bias === null ? out : out.add(bias));
}

function transposedConvolution(call: Call): Tensor {
  const [x, weight, bias] = [call.tensor(0), call.tensor(1), call.optional(2)];
  const space = requireSpace(call, x);
  const axes = space.length;
  const groups = call.int('group', 1);
  const [batch, channels] = x.shape;
  if (weight.ndim !== x.ndim || weight.shape[0] !== channels || groups < 1 || channels % groups !== 0)
    call.fail('the weight must be [in, out / group, ...kernel], and the channels divide by group');
  const kernel = weight.shape.slice(2);
  const stride = perAxis(call, 'strides', axes, 1);
  const dilation = perAxis(call, 'dilations', axes, 1);
  const extra = call.ints('output_padding') ?? space.map(() => 0);
  const auto = call.string('auto_pad', 'NOTSET');
  const whole = space.map((n, i) => stride[i] * (n - 1) + extra[i] + (kernel[i] - 1) * dilation[i] + 1);
  const asked =
    call.ints('output_shape') ?? (auto.startsWith('SAME') ? space.map((n, i) => n * stride[i]) : null);
  const given = padsOf(call, axes);
  const padding = space.map((_, i): [number, number] => {
    if (auto === 'VALID') return [0, 0];
    if (asked === null) return given[i];
    const total = Math.max(0, whole[i] - asked[i]);
    const [small, large] = [Math.floor(total / 2), Math.ceil(total / 2)];
    return auto === 'SAME_UPPER' ? [small, large] : [large, small];
  });
  const extents = asked ?? whole.map((n, i) => n - padding[i][0] - padding[i][1]);
  if (extents.length !== axes || extents.some((n) => n < 1)) call.fail('nothing is left of the output');
  const [inGroup, outGroup] = [channels / groups, weight.shape[1]];
  // Axes: batch, space, group, out in group | kernel, in in group.
  const [group, out, tap, inside] = [axes + 1, axes + 2, axes + 3, 2 * axes + 3];
  const spatial = kernel.map(
    (_, i): AffineIndex => ({
      terms: [
        [1 + i, 1],
        [tap + i, -dilation[i]],
      ],
      offset: padding[i][0],
      divisor: stride[i],
    }),
  );
  const product = g.contract(
    {
      sizes: [batch, ...extents, groups, outGroup, ...kernel, inGroup],
      outRank: axes + 3,
      a: [plainIndex(0), ...spatial, plainIndex(group), plainIndex(inside)],
      b: [
        plainIndex(group),
        plainIndex(inside),
        plainIndex(out),
        ...kernel.map((_, i) => plainIndex(tap + i)),
      ],
    },
    g.reshape(channelsLast(x).node, [batch, ...space, groups, inGroup]),
    g.reshape(weight.node, [groups, inGroup, outGroup, ...kernel]),
  );
  const y = new Tensor(g.reshape(product, [batch, ...extents, groups * outGroup]));
  return channelsFirst(bias === null ? y : y.add(bias));
}

/** Windows over the space of x, as axes at the end, and how many positions there are. */
function pooled(call: Call, fill: number): { windows: Tensor; sizes: Sizes; counts: number[] } {
  const x = call.tensor(0);
  const space = requireSpace(call, x);
  const sizes = sizesOf(call, space, perAxis(call, 'kernel_shape', space.length, 0));
  const { kernel, stride, dilation, padding } = sizes;
  const ceil = call.int('ceil_mode', 0) === 1;
  const ends: number[] = [];
  const counts = space.map((n, i) => {
    const extent = dilation[i] * (kernel[i] - 1) + 1;
    const room = n + padding[i][0] + padding[i][1] - extent;
    if (room < 0) call.fail(`a window of ${extent} is larger than the ${n} elements with their padding`);
    let count = (ceil ? Math.ceil : Math.floor)(room / stride[i]) + 1;
    // A window has to begin in the input or in what is put before it.
    if (ceil && (count - 1) * stride[i] >= n + padding[i][0]) count--;
    if (count * kernel[i] > largest * 64) call.fail(`${count} windows of ${kernel[i]} elements are too many`);
    ends.push(Math.max(padding[i][1], (count - 1) * stride[i] + extent - n - padding[i][0]));
    return count;
  });
  const widths: Pairs = [[0, 0], [0, 0], ...padding.map(([low], i): [number, number] => [low, ends[i]])];
  const windows = g.window(x.pad(widths, { value: fill }).node, {
    axes: space.map((_, i) => i + 2),
    size: kernel,
    stride,
    dilation,
  });
  return { windows: new Tensor(windows), sizes, counts };
}

const lastAxes = (count: number): number[] => Array.from({ length: count }, (_, i) => i - count);

function maxPool(call: Call): Tensor {
  if (call.node.outputs.length > 1) call.fail('the indices of the maxima are not supported');
  const lowest = call.value(0).dtype === 'int32' ? -(2 ** 31) : Number.NEGATIVE_INFINITY;
  const { windows, sizes } = pooled(call, lowest);
  return windows.max(lastAxes(sizes.kernel.length));
}

/** Elements that the windows of one axis have, those of the padding included or not. */
function windowCounts(n: number, count: number, at: number, sizes: Sizes, padding: boolean): number[] {
  const [low, high] = padding ? [-sizes.padding[at][0], n + sizes.padding[at][1]] : [0, n];
  return Array.from({ length: count }, (_, i) => {
    const start = i * sizes.stride[at] - sizes.padding[at][0];
    let inside = 0;
    for (let k = 0; k < sizes.kernel[at]; k++) {
      const place = start + k * sizes.dilation[at];
      if (place >= low && place < high) inside++;
    }
    return Math.max(1, inside);
  });
}

function averagePool(call: Call): Tensor {
  const { windows, sizes, counts } = pooled(call, 0);
  const space = call.value(0).shape.slice(2);
  const padding = call.int('count_include_pad', 0) === 1;
  const total = windows.sum(lastAxes(space.length));
  const each = space.map((n, i) => windowCounts(n, counts[i], i, sizes, padding));
  const size = sizes.kernel.reduce((a, b) => a * b, 1);
  if (each.every((list, i) => list.every((n) => n === sizes.kernel[i]))) return total.div(size);
  return each.reduce((y, list, i) => {
    const shape = space.map((_, j) => (j === i ? list.length : 1));
    return y.mul(
      fromData(
        Float32Array.from(list, (n) => 1 / n),
        shape,
        'float32',
      ).cast(y.dtype),
    );
  }, total);
}

const global =
  (f: (x: Tensor, axes: number[]) => Tensor) =>
  (call: Call): Tensor => {
    const x = call.tensor(0);
    return f(
      x,
      requireSpace(call, x).map((_, i) => i + 2),
    );
  };

function batchNorm(call: Call): Tensor {
  const x = call.tensor(0);
  if (call.int('training_mode', 0) === 1) call.fail('training mode is not supported');
  const [scale, bias, mean, variance] = [1, 2, 3, 4].map((i) => perChannel(x, call.tensor(i)));
  const factor = scale.mul(variance.add(call.float('epsilon', 1e-5)).rsqrt());
  return x.sub(mean).mul(factor).add(bias);
}

/** [x normalized over axes, mean, 1 / deviation] */
function normalized(x: Tensor, axes: number[], epsilon: number): [Tensor, Tensor, Tensor] {
  const mean = x.mean(axes, { keepDims: true });
  const centred = x.sub(mean);
  const inverse = centred.mul(centred).mean(axes, { keepDims: true }).add(epsilon).rsqrt();
  return [centred.mul(inverse), mean, inverse];
}

function layerNorm(call: Call): Tensor[] {
  const [x, bias] = [call.tensor(0), call.optional(2)];
  const first = call.axis(call.int('axis', -1), x.ndim);
  const axes = x.shape.flatMap((_, i) => (i >= first ? [i] : []));
  const [y, mean, inverse] = normalized(x, axes, call.float('epsilon', 1e-5));
  const scaled = y.mul(call.tensor(1));
  return [bias === null ? scaled : scaled.add(bias), mean, inverse];
}

function instanceNorm(call: Call): Tensor {
  const x = call.tensor(0);
  const axes = requireSpace(call, x).map((_, i) => i + 2);
  const [y] = normalized(x, axes, call.float('epsilon', 1e-5));
  return y.mul(perChannel(x, call.tensor(1))).add(perChannel(x, call.tensor(2)));
}

function groupNorm(call: Call): Tensor {
  const x = call.tensor(0);
  const groups = call.int('num_groups', 0);
  const [batch, channels, ...space] = x.shape;
  if (x.ndim < 2 || groups < 1 || channels % groups !== 0)
    call.fail(`the channels do not divide into ${groups} groups`);
  const grouped = x.reshape([batch, groups, channels / groups, ...space]);
  const axes = grouped.shape.flatMap((_, i) => (i >= 2 ? [i] : []));
  const [y] = normalized(grouped, axes, call.float('epsilon', 1e-5));
  const [scale, bias] = [call.tensor(1), call.tensor(2)];
  // Until version 21, one number for each group.
  if (call.opset < 21)
    return y.mul(perChannel(grouped, scale)).add(perChannel(grouped, bias)).reshape(x.shape);
  return y.reshape(x.shape).mul(perChannel(x, scale)).add(perChannel(x, bias));
}

function rmsNorm(call: Call): Tensor {
  const x = call.tensor(0);
  const first = call.axis(call.int('axis', -1), x.ndim);
  const axes = x.shape.flatMap((_, i) => (i >= first ? [i] : []));
  const inverse = x.mul(x).mean(axes, { keepDims: true }).add(call.float('epsilon', 1e-5)).rsqrt();
  return x.mul(inverse).mul(call.tensor(1));
}

function localResponse(call: Call): Tensor {
  const x = call.tensor(0);
  const size = call.int('size', 0);
  if (size < 1 || x.ndim < 2) call.fail(`needs channels, and a size from 1 on, got ${size}`);
  const around: Pairs = x.shape.map((_, i) =>
    i === 1 ? [Math.floor((size - 1) / 2), Math.ceil((size - 1) / 2)] : [0, 0],
  );
  const squares = x.mul(x).pad(around).slidingWindowView(size, 1).sum(-1);
  const factor = squares.mul(call.float('alpha', 1e-4) / size).add(call.float('bias', 1));
  return x.div(factor.pow(call.float('beta', 0.75)));
}

export const spatial: Operators = {
  Conv: convolution,
  ConvTranspose: transposedConvolution,
  MaxPool: maxPool,
  AveragePool: averagePool,
  GlobalAveragePool: global((x, axes) => x.mean(axes, { keepDims: true })),
  GlobalMaxPool: global((x, axes) => x.max(axes, { keepDims: true })),
  BatchNormalization: batchNorm,
  LayerNormalization: layerNorm,
  InstanceNormalization: instanceNorm,
  GroupNormalization: groupNorm,
  RMSNormalization: rmsNorm,
  LRN: localResponse,
  LpNormalization: (call) => {
    const x = call.tensor(0);
    return x.div(x.norm(call.int('p', 2), call.axis(call.int('axis', -1), x.ndim), { keepDims: true }));
  },
  MeanVarianceNormalization: (call) => {
    const x = call.tensor(0);
    return normalized(
      x,
      [...(call.ints('axes') ?? [0, 2, 3])].map((a) => call.axis(a, x.ndim)),
      1e-9,
    )[0];
  },
};
