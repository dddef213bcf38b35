import type { DType } from '../../graph/dtype.ts';
import { type Node, type Shape, sizeOf } from '../../graph/node.ts';
import type { AffineIndex } from '../../graph/vocabulary.ts';
import type { Emitter, Named } from './emitter.ts';

/** Contractions as operators of ONNX: Conv and ConvTranspose where they are that, else MatMul of rearranged operands. */

interface Operand extends Named {
  readonly index: readonly AffineIndex[];
}

/** One axis over which a window slides. */
interface Spatial {
  /** The output's axis. */
  readonly out: number;
  /** The kernel's axis, or null for a kernel of one element. */
  readonly tap: number | null;
  readonly extent: number;
  readonly coefficient: number;
  readonly dilation: number;
  readonly offset: number;
  readonly divisor: number;
}

const plainAxis = ({ terms, offset, divisor }: AffineIndex, extent: number, sizes: Shape): number | null => {
  const plain = terms.length === 1 && terms[0][1] === 1 && offset === 0 && divisor === 1;
  return plain && sizes[terms[0][0]] === extent ? terms[0][0] : null;
};

const extentsOf = (axes: readonly number[], sizes: Shape): number[] => axes.map((axis) => sizes[axis]);

/** Puts the dimensions of an array, named by their axes, into an order. */
const ordered = (out: Emitter, x: Named, axes: readonly number[], order: readonly number[]): Named =>
  out.transpose(
    x,
    order.map((axis) => axes.indexOf(axis)),
  );

export function contraction(out: Emitter, node: Node<'contract'>): string {
  const { a, b } = node.attributes;
  const [x, y] = node.inputs.map((operand) => ({ name: out.name(operand), shape: operand.shape }));
  const operands: [Operand, Operand] = [
    { ...x, index: a },
    { ...y, index: b },
  ];
  return (
    convolution(out, node, operands[0], operands[1]) ??
    convolution(out, node, operands[1], operands[0]) ??
    matrixProduct(out, node, ...operands)
  );
}

/** Conv or ConvTranspose, if the contraction is one of `data` with `weight`. */
function convolution(out: Emitter, node: Node<'contract'>, data: Operand, weight: Operand): string | null {
  const { sizes, outRank } = node.attributes;
  if (node.dtype !== 'float32' && node.dtype !== 'float64') return null;
  const weightAxes: number[] = [];
  for (const [i, index] of weight.index.entries()) {
    const axis = plainAxis(index, weight.shape[i], sizes);
    if (axis === null) return null;
    weightAxes.push(axis);
  }
  const dataAxes: number[] = [];
  const spatial: Spatial[] = [];
  for (const [i, index] of data.index.entries()) {
    const plain = plainAxis(index, data.shape[i], sizes);
    if (plain !== null) {
      dataAxes.push(plain);
      continue;
    }
    const outer = index.terms.filter(([axis]) => axis < outRank);
    const inner = index.terms.filter(([axis]) => axis >= outRank);
    if (outer.length !== 1 || inner.length > 1) return null;
    const tap = inner.length === 0 ? null : inner[0][0];
    if (weightAxes.includes(outer[0][0]) || (tap !== null && !weightAxes.includes(tap))) return null;
    dataAxes.push(outer[0][0]);
    spatial.push({
      out: outer[0][0],
      tap,
      extent: data.shape[i],
      coefficient: outer[0][1],
      dilation: inner[0]?.[1] ?? 1,
      offset: index.offset,
      divisor: index.divisor,
    });
  }
  if (spatial.length < 1 || spatial.length > 3) return null;
  const moving = new Set(spatial.flatMap(({ out: o, tap }) => (tap === null ? [o] : [o, tap])));
  const still = (axes: readonly number[], test: (axis: number) => boolean): number[] =>
    axes.filter((axis) => !moving.has(axis) && test(axis));
  const inData = (axis: number): boolean => dataAxes.includes(axis);
  const inWeight = (axis: number): boolean => weightAxes.includes(axis);
  const batch = still(dataAxes, (axis) => axis < outRank && !inWeight(axis));
  const group = still(dataAxes, (axis) => axis < outRank && inWeight(axis));
  const inside = still(dataAxes, (axis) => axis >= outRank && inWeight(axis));
  const outside = still(weightAxes, (axis) => axis < outRank && !inData(axis));
  const places = spatial.map((s) => s.out);
  const taps = spatial.flatMap(({ tap }) => (tap === null ? [] : [tap]));
  // Every axis must have one of these parts.
  if (new Set([...batch, ...group, ...inside, ...outside, ...moving]).size !== sizes.length) return null;
  if (dataAxes.length + outside.length + taps.length !== sizes.length) return null;
  const [n, groups, c, o] = [batch, group, inside, outside].map((axes) => sizeOf(extentsOf(axes, sizes)));
  const kernel = spatial.map(({ tap }) => (tap === null ? 1 : sizes[tap]));
  const attributes = forward(spatial, sizes, kernel) ?? backward(spatial, sizes, kernel);
  if (attributes === null) return null;
  const transposed = 'output_padding' in attributes;
  const x = out.reshape(ordered(out, data, dataAxes, [...batch, ...group, ...inside, ...places]), [
    n,
    groups * c,
    ...spatial.map(({ extent }) => extent),
  ]);
  const w = transposed
    ? out.reshape(ordered(out, weight, weightAxes, [...group, ...inside, ...outside, ...taps]), [
        groups * c,
        o,
        ...kernel,
      ])
    : out.reshape(ordered(out, weight, weightAxes, [...group, ...outside, ...inside, ...taps]), [
        groups * o,
        c,
        ...kernel,
      ]);
  const name = out.op(transposed ? 'ConvTranspose' : 'Conv', [x.name, w.name], {
    ...attributes,
    kernel_shape: kernel,
    group: groups,
  });
  const axes = [...batch, ...group, ...outside, ...places];
  const y = out.reshape(
    { name, shape: [n, groups * o, ...extentsOf(places, sizes)] },
    extentsOf(axes, sizes),
  );
  return ordered(
    out,
    y,
    axes,
    Array.from({ length: outRank }, (_, i) => i),
  ).name;
}

/** Attributes of a Conv: input = stride out + dilation tap - padding. */
function forward(spatial: readonly Spatial[], sizes: Shape, kernel: readonly number[]) {
  const ends: number[] = [];
  for (const [i, { out, extent, coefficient, dilation, offset, divisor }] of spatial.entries()) {
    const reach = dilation * (kernel[i] - 1) + 1;
    const end = (sizes[out] - 1) * coefficient + reach - extent + offset;
    const high = Math.max(0, end);
    const count = Math.floor((extent - offset + high - reach) / coefficient) + 1;
    if (divisor !== 1 || coefficient < 1 || dilation < 1 || offset > 0 || count !== sizes[out]) return null;
    ends.push(high);
  }
  return {
    strides: spatial.map(({ coefficient }) => coefficient),
    dilations: spatial.map(({ dilation }) => dilation),
    pads: [...spatial.map(({ offset }) => 0 - offset), ...ends],
  };
}

/** Attributes of a ConvTranspose: input = (out + padding - dilation tap) / stride. */
function backward(spatial: readonly Spatial[], sizes: Shape, kernel: readonly number[]) {
  const [ends, extra]: number[][] = [[], []];
  const dilations = spatial.map(({ tap, dilation }) => (tap === null ? 1 : -dilation));
  for (const [i, { out, extent, coefficient, offset, divisor }] of spatial.entries()) {
    const whole = divisor * (extent - 1) + dilations[i] * (kernel[i] - 1) + 1;
    const end = whole - offset - sizes[out];
    if (coefficient !== 1 || dilations[i] < 1 || offset < 0) return null;
    if (-end >= Math.max(divisor, dilations[i]) && end < 0) return null;
    ends.push(Math.max(0, end));
    extra.push(Math.max(0, -end));
  }
  return {
    strides: spatial.map(({ divisor }) => divisor),
    dilations,
    pads: [...spatial.map(({ offset }) => offset), ...ends],
    output_padding: extra,
  };
}

/** Positions along one dimension for all values of the axes of its index, and where they lie inside. */
export function positionsOf(
  { terms, offset, divisor }: AffineIndex,
  sizes: Shape,
  extent: number,
): { positions: number[]; inside: boolean[] } {
  let sums = [offset];
  for (const [axis, coefficient] of terms)
    sums = sums.flatMap((sum) => Array.from({ length: sizes[axis] }, (_, i) => sum + coefficient * i));
  const inside = sums.map((sum) => sum % divisor === 0 && sum / divisor >= 0 && sum / divisor < extent);
  return { positions: sums.map((sum, i) => (inside[i] ? sum / divisor : 0)), inside };
}

/** An operand with one dimension for each of its axes: others are gathered, with zeros for what lies outside. */
function spreadOut(out: Emitter, { name, shape, index }: Operand, sizes: Shape, dtype: DType) {
  let x: Named = { name, shape };
  let axes: number[] = [];
  for (let i = index.length - 1; i >= 0; i--) {
    const plain = plainAxis(index[i], shape[i], sizes);
    if (plain !== null) {
      axes = [plain, ...axes];
      continue;
    }
    const own = index[i].terms.map(([axis]) => axis);
    const extents = extentsOf(own, sizes);
    const { positions, inside } = positionsOf(index[i], sizes, shape[i]);
    const at = out.data(Int32Array.from(positions), extents, 'int32');
    const grown = [...x.shape.slice(0, i), ...extents, ...x.shape.slice(i + 1)];
    x = { name: out.op('Gather', [x.name, at], { axis: i }), shape: grown };
    if (inside.includes(false)) {
      const mask = out.data(Uint8Array.from(inside, Number), [...extents, ...axes.map(() => 1)], 'bool');
      x = { name: out.op('Where', [mask, x.name, out.scalar(0, dtype)]), shape: grown };
    }
    axes = [...own, ...axes];
  }
  return { x, axes };
}

/** MatMul of operands with the axes that both keep, those that one of them keeps, and those that are summed over. */
function matrixProduct(out: Emitter, node: Node<'contract'>, first: Operand, second: Operand): string {
  const { sizes, outRank } = node.attributes;
  const spread = [first, second].map((operand) => spreadOut(out, operand, sizes, node.dtype));
  const lonely = spread.map(({ axes }, i) =>
    axes.filter((axis) => axis >= outRank && !spread[1 - i].axes.includes(axis)),
  );
  const [a, b] = spread.map(({ x, axes }, i) => {
    if (lonely[i].length === 0) return { x, axes };
    const name = out.op('ReduceSum', [x.name, out.ints(lonely[i].map((axis) => axes.indexOf(axis)))], {
      keepdims: 0,
    });
    const rest = axes.filter((axis) => !lonely[i].includes(axis));
    return { x: { name, shape: extentsOf(rest, sizes) }, axes: rest };
  });
  const both = a.axes.filter((axis) => b.axes.includes(axis));
  const batch = both.filter((axis) => axis < outRank);
  const summed = both.filter((axis) => axis >= outRank);
  const rows = a.axes.filter((axis) => !both.includes(axis));
  const columns = b.axes.filter((axis) => !both.includes(axis));
  const [n, k, m, p] = [batch, summed, rows, columns].map((axes) => sizeOf(extentsOf(axes, sizes)));
  const lead = batch.length === 0 ? [] : [n];
  const left = out.reshape(ordered(out, a.x, a.axes, [...batch, ...rows, ...summed]), [...lead, m, k]);
  const right = out.reshape(ordered(out, b.x, b.axes, [...batch, ...summed, ...columns]), [...lead, k, p]);
  let name = out.op(k === 1 ? 'Mul' : 'MatMul', [left.name, right.name]);
  // Axes that neither operand has.
  const known = new Set([...batch, ...rows, ...columns, ...summed, ...lonely.flat()]);
  const times = sizes.reduce((t, size, axis) => (axis >= outRank && !known.has(axis) ? t * size : t), 1);
  if (times !== 1) name = out.op('Mul', [name, out.scalar(times, node.dtype)]);
  const axes = [...batch, ...rows, ...columns];
  const y = out.reshape({ name, shape: [...lead, m, p] }, extentsOf(axes, sizes));
  const present = axes.toSorted((i, j) => i - j);
  const sorted = ordered(out, y, axes, present);
  const ones = sizes.slice(0, outRank).map((size, axis) => (present.includes(axis) ? size : 1));
  return out.expand(out.reshape(sorted, ones), node.shape);
}
