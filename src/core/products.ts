import { contract, gather, pad, reshape, window } from '../graph/build.ts';
import { plainIndex } from '../graph/contraction.ts';
import { isFloat } from '../graph/dtype.ts';
import { windowCount } from '../graph/infer.ts';
import { isOp, type Node, type Shape, sizeOf } from '../graph/node.ts';
import type { AffineIndex } from '../graph/vocabulary.ts';
import { alike, broadcastShapes } from './operands.ts';

/** Products of arrays, each one a single contraction. */

/** Matrix product with NumPy's rules: vectors are rows or columns, leading axes are batches and broadcast. */
export function matmulOf(a: Node, b: Node): Node {
  const shapes = `[${a.shape.join(', ')}] x [${b.shape.join(', ')}]`;
  if (a.shape.length === 0 || b.shape.length === 0)
    throw new Error(`matmul: ${shapes}: a scalar has no axis to sum over; use mul`);
  const [left, right] = [
    a.shape.length === 1 ? reshape(a, [1, ...a.shape]) : a,
    b.shape.length === 1 ? reshape(b, [...b.shape, 1]) : b,
  ];
  const inner = left.shape[left.shape.length - 1];
  const hoisted = b.shape.length === 2 ? productOfRows(left, right) : null;
  if (hoisted !== null) return hoisted;
  if (inner !== right.shape[right.shape.length - 2]) {
    throw new Error(
      `matmul: inner sizes differ: ${shapes}; the last axis of the first must equal the ${b.shape.length === 1 ? 'only' : 'last but one'} axis of the second`,
    );
  }
  const rows = left.shape[left.shape.length - 2];
  const columns = right.shape[right.shape.length - 1];
  const batch = broadcastShapes('matmul', left.shape.slice(0, -2), right.shape.slice(0, -2));
  const n = batch.length;
  // A batch axis of extent 1 that repeats is left out of its operand: a contraction needs no coordinate for it.
  const own = (shape: Shape): number[] =>
    shape
      .slice(0, -2)
      .flatMap((extent, i) =>
        extent === batch[n - (shape.length - 2) + i] ? [n - (shape.length - 2) + i] : [],
      );
  const without = (operand: Node): Node =>
    reshape(operand, [...own(operand.shape).map((axis) => batch[axis]), ...operand.shape.slice(-2)]);
  const index = (shape: Shape, last: readonly number[]): AffineIndex[] =>
    [...own(shape), ...last].map(plainIndex);
  const [x, y] = alike([without(left), without(right)]);
  const product = contract(
    {
      sizes: [...batch, rows, columns, inner],
      outRank: n + 2,
      a: index(left.shape, [n, n + 2]),
      b: index(right.shape, [n + 2, n + 1]),
    },
    x,
    y,
  );
  const shape = [
    ...batch,
    ...(a.shape.length === 1 ? [] : [rows]),
    ...(b.shape.length === 1 ? [] : [columns]),
  ];
  return reshape(product, shape);
}

/**
 * `gather(table, indices) b` as `gather(table b, indices)` where the table has fewer rows than are gathered: the product of an
 * embedding's vectors with the weights of the next layer is done once for each symbol. Null for anything else.
 */
function productOfRows(a: Node, b: Node): Node | null {
  // An evaluated array is only its value: what it was computed from may be gone.
  if (!isOp(a, 'gather') || a.stored !== null || a.attributes.axis !== 0 || !isFloat(a.dtype)) return null;
  const [table, indices] = a.inputs;
  if (table.shape.length !== 2 || table.shape[0] >= sizeOf(indices.shape) || table.shape[1] !== b.shape[0])
    return null;
  return gather(matmulOf(table, b), indices, 0);
}

/** Sizes of a convolution per spatial axis. `padding` is [before, after]. */
export interface ConvolutionSizes {
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  readonly padding: readonly (readonly [number, number])[];
  readonly groups: number;
}

/**
 * Cross-correlation in any number of dimensions, channels last: x [batch, ...space, in], weight [out, ...kernel, in / groups],
 * result [batch, ...space', out] with space' = floor((space + before + after - dilation * (kernel - 1) - 1) / stride) + 1.
 */
export function convolutionOf(name: string, x: Node, weight: Node, sizes: ConvolutionSizes): Node {
  const { stride, dilation, padding, groups } = sizes;
  const d = x.shape.length - 2;
  const [batch, channels, outputs] = [x.shape[0], x.shape[d + 1], weight.shape[0]];
  const kernel = weight.shape.slice(1, d + 1);
  const shapes = `input [${x.shape.join(', ')}], weight [${weight.shape.join(', ')}], groups ${groups}`;
  if (weight.shape.length !== d + 2)
    throw new Error(`${name}: ${shapes}: the weight must have rank ${d + 2}: [out, ...kernel, in / groups]`);
  if (channels !== weight.shape[d + 1] * groups)
    throw new Error(
      `${name}: ${shapes}: the input's last axis must have ${weight.shape[d + 1] * groups} channels`,
    );
  if (outputs % groups !== 0) throw new Error(`${name}: ${shapes}: output channels must divide by groups`);
  const space = kernel.map((k, i) =>
    windowCount(x.shape[i + 1] + padding[i][0] + padding[i][1], k, stride[i], dilation[i]),
  );
  if (space.some((n) => n <= 0) && batch > 0)
    throw new Error(`${name}: ${shapes}: the kernel is larger than the padded input`);
  // Axes: batch, space, group, out in group | kernel, in in group.
  const [inGroup, outGroup] = [channels / groups, outputs / groups];
  const [g, o, k, c] = [d + 1, d + 2, d + 3, 2 * d + 3];
  const spatial = kernel.map((_, i) => ({
    terms: [
      [1 + i, stride[i]],
      [k + i, dilation[i]],
    ] as [number, number][],
    offset: -padding[i][0],
    divisor: 1,
  }));
  const taps = kernel.map((_, i) => plainIndex(k + i));
  const [a, b] = alike([x, weight]);
  if (groups === 1) {
    const drop = (axis: number) => (axis > g ? axis - 1 : axis);
    const renamed = (index: AffineIndex): AffineIndex => ({
      ...index,
      terms: index.terms.map(([axis, n]) => [drop(axis), n]),
    });
    return contract(
      {
        sizes: [batch, ...space, outputs, ...kernel, channels],
        outRank: d + 2,
        a: [plainIndex(0), ...spatial, plainIndex(c)].map(renamed),
        b: [plainIndex(o), ...taps, plainIndex(c)].map(renamed),
      },
      a,
      b,
    );
  }
  const product = contract(
    {
      sizes: [batch, ...space, groups, outGroup, ...kernel, inGroup],
      outRank: d + 3,
      a: [plainIndex(0), ...spatial, plainIndex(g), plainIndex(c)],
      b: [plainIndex(g), plainIndex(o), ...taps, plainIndex(c)],
    },
    reshape(a, [...a.shape.slice(0, -1), groups, inGroup]),
    reshape(b, [groups, outGroup, ...kernel, inGroup]),
  );
  return reshape(product, [batch, ...space, outputs]);
}

/** Windows over the spatial axes of x [batch, ...space, channels], as [batch, ...space', channels, ...kernel]. */
export function windowsOf(
  name: string,
  x: Node,
  kernel: readonly number[],
  { stride, dilation, padding }: Omit<ConvolutionSizes, 'groups'>,
  fill: number,
): Node {
  if (x.shape.length !== kernel.length + 2)
    throw new Error(
      `${name}: needs [batch, ${kernel.length} spatial axes, channels], got [${x.shape.join(', ')}]`,
    );
  const around = (side: 0 | 1) => [0, ...padding.map((p) => p[side]), 0];
  const padded = pad(
    x,
    around(0),
    around(1),
    x.shape.map(() => 0),
    fill,
  );
  const count = kernel.map((k, i) => windowCount(padded.shape[i + 1], k, stride[i], dilation[i]));
  if (count.some((n) => n <= 0))
    throw new Error(
      `${name}: a window of [${kernel.join(', ')}] is larger than the input [${x.shape.join(', ')}] with its padding`,
    );
  return window(padded, { axes: kernel.map((_, i) => i + 1), size: kernel, stride, dilation });
}
