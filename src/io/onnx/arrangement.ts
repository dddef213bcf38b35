import { arange, eye, full } from '../../core/create.ts';
import { broadcastShapes } from '../../core/operands.ts';
import type { PadMode } from '../../core/padding.ts';
import { concat, einsum, Tensor, where } from '../../core/tensor.ts';
import * as g from '../../graph/build.ts';
import { sizeOf } from '../../graph/node.ts';
import type { Call, Operators } from './call.ts';
import { Value } from './value.ts';

/** Operators of ONNX that move elements about, make them, or tell of shapes. */

const integersValue = (what: string, data: readonly number[], shape = [data.length]): Value =>
  Value.known(what, { shape, dtype: 'int32', data });

function reshaped(call: Call): Tensor {
  const x = call.tensor(0);
  const asked = call.either('shape', 1) ?? call.fail('the shape is missing');
  const keepZero = call.int('allowzero', 0) === 1;
  return x.reshape(asked.map((n, i) => (n === 0 && !keepZero ? (x.shape[i] ?? 0) : n)));
}

function sliced(call: Call): Tensor {
  const x = call.tensor(0);
  const starts = call.either('starts', 1) ?? call.fail('starts are missing');
  const ends = call.either('ends', 2) ?? call.fail('ends are missing');
  const axes = call.either('axes', 3) ?? starts.map((_, i) => i);
  const steps = call.has(4) ? call.known(4) : starts.map(() => 1);
  if (ends.length !== starts.length || axes.length !== starts.length || steps.length !== starts.length)
    call.fail('starts, ends, axes and steps differ in length');
  const [from, step, shape] = [x.shape.map(() => 0), x.shape.map(() => 1), [...x.shape]];
  axes.forEach((given, i) => {
    const axis = call.axis(given, x.ndim);
    const n = x.shape[axis];
    const by = steps[i];
    if (by === 0) call.fail('a step is 0');
    const [low, high] = by > 0 ? [0, n] : [-1, n - 1];
    const place = (p: number): number => Math.min(high, Math.max(low, p < 0 ? p + n : p));
    const start = Math.max(0, place(starts[i]));
    const count = n === 0 ? 0 : Math.max(0, Math.ceil((place(ends[i]) - start) / by));
    from[axis] = count === 0 ? 0 : start;
    step[axis] = count <= 1 ? 1 : by;
    shape[axis] = count;
  });
  return new Tensor(g.slice(x.node, from, step, shape));
}

const padModes: Readonly<Record<string, PadMode>> = {
  constant: 'constant',
  reflect: 'reflect',
  edge: 'edge',
  wrap: 'wrap',
};

function padded(call: Call): Tensor {
  const x = call.tensor(0);
  const pads = call.either('pads', 1) ?? call.fail('pads are missing');
  const axes = call.has(3) ? call.known(3).map((a) => call.axis(a, x.ndim)) : x.shape.map((_, i) => i);
  if (pads.length !== 2 * axes.length) call.fail(`${pads.length} pads for ${axes.length} axes`);
  const value = call.has(2) ? (call.known(2)[0] ?? 0) : call.float('value', 0);
  const mode = call.string('mode', 'constant');
  if (!(mode in padModes)) call.fail(`there is no mode ${mode}`);
  const widths = x.shape.map((_, i): [number, number] => {
    const at = axes.indexOf(i);
    return at < 0 ? [0, 0] : [pads[at], pads[at + axes.length]];
  });
  return x.pad(widths, { mode: padModes[mode], value });
}

function split(call: Call): Tensor[] {
  const x = call.tensor(0);
  const axis = call.axis(call.int('axis', 0), x.ndim);
  const count = call.node.outputs.length;
  const n = x.shape[axis];
  const each = Math.ceil(n / Math.max(1, call.int('num_outputs', count)));
  const sizes =
    call.either('split', 1) ??
    Array.from({ length: count }, (_, i) => Math.max(0, Math.min(each, n - i * each)));
  if (sizes.length !== count || sizes.reduce((a, b) => a + b, 0) !== n)
    call.fail(`cannot split axis ${axis} into ${count} parts of [${sizes.join(', ')}]`);
  let at = 0;
  return sizes.map((size) => x.narrow(axis, (at += size) - size, size));
}

function unsqueezed(call: Call): Tensor {
  const x = call.tensor(0);
  const axes = call.either('axes', 1) ?? call.fail('axes are missing');
  return x.expandDims([...axes]);
}

function squeezed(call: Call): Tensor {
  const x = call.tensor(0);
  return x.squeeze(
    (call.either('axes', 1) ?? x.shape.flatMap((n, i) => (n === 1 ? [i] : []))).map((a) =>
      call.axis(a, x.ndim),
    ),
  );
}

function flattened(call: Call): Tensor {
  const x = call.tensor(0);
  const given = call.int('axis', 1);
  const axis = given === x.ndim ? given : call.axis(given, x.ndim);
  return x.reshape([sizeOf(x.shape.slice(0, axis)), sizeOf(x.shape.slice(axis))]);
}

/** Blocks of the channels become space: [n, c b b, h, w] to [n, c, h b, w b]. */
function depthToSpace(call: Call): Tensor {
  const x = call.tensor(0);
  const b = call.int('blocksize', 0);
  const [n, c, h, w] = x.shape;
  if (x.ndim !== 4 || b < 1 || c % (b * b) !== 0) call.fail(`blocks of ${b} do not fit`);
  const deep = c / (b * b);
  const parts =
    call.string('mode', 'DCR') === 'CRD'
      ? x.reshape([n, deep, b, b, h, w]).transpose([0, 1, 4, 2, 5, 3])
      : x.reshape([n, b, b, deep, h, w]).transpose([0, 3, 4, 1, 5, 2]);
  return parts.reshape([n, deep, h * b, w * b]);
}

function spaceToDepth(call: Call): Tensor {
  const x = call.tensor(0);
  const b = call.int('blocksize', 0);
  const [n, c, h, w] = x.shape;
  if (x.ndim !== 4 || b < 1 || h % b !== 0 || w % b !== 0) call.fail(`blocks of ${b} do not fit`);
  return x
    .reshape([n, c, h / b, b, w / b, b])
    .transpose([0, 3, 5, 1, 2, 4])
    .reshape([n, c * b * b, h / b, w / b]);
}

function oneHot(call: Call): Tensor {
  const indices = call.tensor(0).cast('int32');
  const depth = call.known(1)[0];
  const values = call.tensor(2);
  const axis = call.axis(call.int('axis', -1), indices.ndim + 1);
  if (!Number.isInteger(depth) || depth < 0) call.fail(`the depth is ${depth}`);
  const positive = where(indices.lt(0), indices.add(depth), indices).unsqueeze(axis);
  const places = arange(depth).reshape(positive.shape.map((_, i) => (i === axis ? depth : 1)));
  return where(positive.eq(places), values.at(1), values.at(0));
}

/** `out[.., j.., ..] = x[b.., indices[b.., j..], ..]` for tuples of indices along the last axis. */
function gatherNd(call: Call): Tensor {
  const [x, indices] = [call.tensor(0), call.tensor(1)];
  const batch = call.int('batch_dims', 0);
  const depth = indices.shape[indices.ndim - 1];
  if (indices.ndim === 0 || batch !== 0 || depth > x.ndim)
    call.fail('only indices without batch_dims and of at most the rank of the data are supported');
  const lead = x.shape.slice(0, depth);
  let flat = full([], 0, { dtype: 'int32' });
  lead.forEach((n, i) => {
    const index = indices.at(i, -1);
    const along = where(index.lt(0), index.add(n), index);
    flat = flat.mul(n).add(along);
  });
  return x.reshape([sizeOf(lead), ...x.shape.slice(depth)]).take(flat.cast('int32'), 0);
}

function scatterElements(call: Call): Tensor {
  const [x, indices, updates] = [call.tensor(0), call.tensor(1), call.tensor(2)];
  const axis = call.axis(call.int('axis', 0), x.ndim);
  const reduction = call.string('reduction', 'none');
  if (reduction === 'none') return x.scatter(axis, indices, updates);
  if (reduction === 'add') return x.scatterAdd(axis, indices, updates);
  const kinds = { mul: 'prod', max: 'amax', min: 'amin' } as const;
  if (!(reduction in kinds)) call.fail(`there is no reduction ${reduction}`);
  return x.scatterReduce(axis, indices, updates, kinds[reduction as keyof typeof kinds]);
}

export const arrangement: Operators = {
  Reshape: reshaped,
  Transpose: (call) => call.tensor(0).transpose(call.ints('perm') ?? undefined),
  Squeeze: squeezed,
  Unsqueeze: unsqueezed,
  Flatten: flattened,
  Concat: (call) => {
    const parts = call.inputs.map((_, i) => call.tensor(i));
    return concat(parts, call.axis(call.int('axis', 1), parts[0]?.ndim ?? 0));
  },
  Split: split,
  Slice: sliced,
  Pad: padded,
  Gather: (call) => call.tensor(0).take(call.tensor(1).cast('int32'), call.int('axis', 0)),
  GatherElements: (call) => call.tensor(0).gather(call.int('axis', 0), call.tensor(1)),
  GatherND: gatherNd,
  ScatterElements: scatterElements,
  Expand: (call) => {
    const x = call.tensor(0);
    return x.broadcastTo(broadcastShapes('Expand', x.shape, call.known(1)));
  },
  Tile: (call) => call.tensor(0).tile(call.known(1)),
  Shape: (call) => {
    const { shape } = call.value(0);
    const end = call.node.attributes.get('end')?.i ?? shape.length;
    return integersValue('Shape', shape.slice(call.int('start', 0), end));
  },
  Size: (call) => integersValue('Size', [sizeOf(call.value(0).shape)], []),
  Constant: (call) => {
    const elements = call.elements('value');
    if (elements !== null) return Value.known('Constant', elements);
    const { attributes } = call.node;
    const [f, i] = [attributes.get('value_float')?.f ?? null, attributes.get('value_int')?.i ?? null];
    const [floats, ints] = [call.floats('value_floats'), call.ints('value_ints')];
    if (i !== null) return integersValue('Constant', [i], []);
    if (f !== null) return Value.known('Constant', { shape: [], dtype: 'float32', data: [f] });
    if (ints !== null) return integersValue('Constant', ints);
    if (floats !== null)
      return Value.known('Constant', { shape: [floats.length], dtype: 'float32', data: floats });
    return call.fail(`its value is of an unknown kind: ${[...attributes.keys()].join(', ')}`);
  },
  ConstantOfShape: (call) => {
    const value = call.elements('value');
    const shape = call.known(0);
    return full(shape, value === null ? 0 : Number(value.data[0]), { dtype: value?.dtype ?? 'float32' });
  },
  Range: (call) => {
    const [start, end, step] = [call.known(0)[0], call.known(1)[0], call.known(2)[0]];
    return arange(start, end, step, { dtype: call.value(0).dtype });
  },
  EyeLike: (call) => {
    const x = call.value(0);
    if (x.shape.length !== 2) call.fail('needs a matrix');
    const [rows, columns] = x.shape;
    return eye(rows, columns, { k: call.int('k', 0), dtype: x.dtype });
  },
  Trilu: (call) => {
    const k = call.has(1) ? call.known(1)[0] : 0;
    return call.int('upper', 1) === 1 ? call.tensor(0).triu(k) : call.tensor(0).tril(k);
  },
  OneHot: oneHot,
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
  Einsum: (call) =>
    einsum(call.string('equation', '').replaceAll(' ', ''), ...call.inputs.map((_, i) => call.tensor(i))),
  CumSum: (call) => {
    const x = call.tensor(0);
    const axis = call.axis(call.known(1)[0], x.ndim);
    const sum = x.cumsum(axis, { reverse: call.int('reverse', 0) === 1 });
    return call.int('exclusive', 0) === 1 ? sum.sub(x) : sum;
  },
  MatMul: (call) => call.tensor(0).matmul(call.tensor(1)),
  Gemm: (call) => {
    const [a, b] = [call.tensor(0), call.tensor(1)];
    const product = (call.int('transA', 0) === 1 ? a.transpose() : a).mm(
      call.int('transB', 0) === 1 ? b.transpose() : b,
    );
    const [alpha, beta] = [call.float('alpha', 1), call.float('beta', 1)];
    const scaled = alpha === 1 ? product : product.mul(alpha);
    const c = call.optional(2);
    if (c === null || beta === 0) return scaled;
    return scaled.add(beta === 1 ? c : c.mul(beta));
  },
};
