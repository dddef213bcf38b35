import { type Node, sizeOf } from '../../graph/node.ts';
import type { Emitter, Named } from './emitter.ts';

/** Sliding windows and their reductions as operators of ONNX. */

/** MaxPool or AveragePool for a reduction over all taps of windows, if it is one. */
export function pooling(out: Emitter, node: Node<'reduce'>, windows: Node<'window'>): string | null {
  const { kind, axes } = node.attributes;
  const { axes: moving, size, stride, dilation } = windows.attributes;
  const [x] = windows.inputs;
  const rank = x.shape.length;
  const overTaps = axes.length === moving.length && axes.every((axis, i) => axis === rank + i);
  if (!overTaps || moving.length > 3 || node.dtype !== 'float32' || sizeOf(x.shape) === 0) return null;
  if (kind !== 'max' && (kind !== 'sum' || dilation.some((d) => d !== 1))) return null;
  const others = x.shape.flatMap((_, axis) => (moving.includes(axis) ? [] : [axis]));
  const [first = 1, ...rest] = others.map((axis) => x.shape[axis]);
  const order = [...others, ...moving];
  const turned = out.transpose({ name: out.name(x), shape: x.shape }, order);
  const packed = out.reshape(turned, [first, sizeOf(rest), ...moving.map((axis) => x.shape[axis])]);
  const sizes = { kernel_shape: size, strides: stride };
  const pooled =
    kind === 'max'
      ? out.op('MaxPool', [packed.name], { ...sizes, dilations: dilation })
      : out.op('Mul', [out.op('AveragePool', [packed.name], sizes), out.scalar(sizeOf(size), 'float32')]);
  const counts = moving.map((axis) => windows.shape[axis]);
  const y = out.reshape({ name: pooled, shape: [first, sizeOf(rest), ...counts] }, [
    ...others.map((axis) => x.shape[axis]),
    ...counts,
  ]);
  return out.transpose(
    y,
    x.shape.map((_, axis) => order.indexOf(axis)),
  ).name;
}

/** Windows as such: their elements are gathered. */
export function windowsOf(out: Emitter, node: Node<'window'>): string {
  const { axes, size, stride, dilation } = node.attributes;
  const [x] = node.inputs;
  let y: Named = { name: out.name(x), shape: x.shape };
  // Which dimension of the result each dimension is.
  let places = x.shape.map((_, i) => i);
  const descending = axes.map((_, i) => i).sort((i, j) => axes[j] - axes[i]);
  for (const w of descending) {
    const axis = axes[w];
    const count = node.shape[axis];
    const at = Array.from({ length: count * size[w] }, (_, i) => {
      const tap = i % size[w];
      return ((i - tap) / size[w]) * stride[w] + tap * dilation[w];
    });
    const indices = out.data(Int32Array.from(at), [count, size[w]], 'int32');
    y = {
      name: out.op('Gather', [y.name, indices], { axis }),
      shape: [...y.shape.slice(0, axis), count, size[w], ...y.shape.slice(axis + 1)],
    };
    places = [...places.slice(0, axis + 1), x.shape.length + w, ...places.slice(axis + 1)];
  }
  return out.transpose(
    y,
    node.shape.map((_, i) => places.indexOf(i)),
  ).name;
}

/** Elements put around and between those of an array, or cut off. */
export function padded(out: Emitter, node: Node<'pad'>): string {
  const { low, high, interior, value } = node.attributes;
  const [x] = node.inputs;
  const filler = out.scalar(value, node.dtype);
  if ([...low, ...high].every((n) => n >= 0) && interior.every((n) => n === 0))
    return out.op('Pad', [out.name(x), out.ints([...low, ...high]), filler], { mode: 'constant' });
  let name = out.name(x);
  node.shape.forEach((count, axis) => {
    if (low[axis] === 0 && high[axis] === 0 && interior[axis] === 0) return;
    const step = interior[axis] + 1;
    const from = Array.from({ length: count }, (_, i) => (i - low[axis]) / step);
    const inside = from.map((p) => Number.isInteger(p) && p >= 0 && p < x.shape[axis]);
    const at = Int32Array.from(from, (p, i) => (inside[i] ? p : 0));
    name = out.op('Gather', [name, out.data(at, [count], 'int32')], { axis });
    if (!inside.includes(false)) return;
    const shape = node.shape.map((_, i) => (i === axis ? count : 1));
    name = out.op('Where', [out.data(Uint8Array.from(inside, Number), shape, 'bool'), name, filler]);
  });
  return name;
}
