import { storageOf } from '../../core/evaluate.ts';
import { type DType, isFloat } from '../../graph/dtype.ts';
import { isOp, type Node, sizeOf } from '../../graph/node.ts';
import type { ArrayOp, BinaryKind, Op, TupleOp, UnaryKind } from '../../graph/vocabulary.ts';
import { typeNumbers } from './elements.ts';
import { type Emitter, type Named, valueInfo } from './emitter.ts';
import { contraction } from './export_contraction.ts';
import { padded, pooling, windowsOf } from './export_windows.ts';

/** Every operation of the graph as operators of ONNX. */

const unaryOps: { readonly [K in UnaryKind]?: string | ((out: Emitter, x: string, node: Node) => string) } = {
  neg: 'Neg',
  abs: 'Abs',
  sign: 'Sign',
  exp: 'Exp',
  log: 'Log',
  expm1: (out, x, { dtype }) => out.op('Sub', [out.op('Exp', [x]), out.scalar(1, dtype)]),
  log1p: (out, x, { dtype }) => out.op('Log', [out.op('Add', [x, out.scalar(1, dtype)])]),
  sin: 'Sin',
  cos: 'Cos',
  tanh: 'Tanh',
  erf: 'Erf',
  sigmoid: 'Sigmoid',
  relu: (out, x, { dtype }) =>
    isFloat(dtype) ? out.op('Relu', [x]) : out.op('Max', [x, out.scalar(0, dtype)]),
  sqrt: 'Sqrt',
  rsqrt: (out, x) => out.op('Reciprocal', [out.op('Sqrt', [x])]),
  floor: 'Floor',
  ceil: 'Ceil',
  round: 'Round',
  not: (out, x, { dtype }) => out.op(dtype === 'bool' ? 'Not' : 'BitwiseNot', [x]),
  tan: 'Tan',
  asin: 'Asin',
  acos: 'Acos',
  atan: 'Atan',
  sinh: 'Sinh',
  cosh: 'Cosh',
  asinh: 'Asinh',
  acosh: 'Acosh',
  atanh: 'Atanh',
  exp2: (out, x, { dtype }) => out.op('Pow', [out.scalar(2, dtype), x]),
  log2: (out, x, { dtype }) => out.op('Div', [out.op('Log', [x]), out.scalar(Math.LN2, dtype)]),
  log10: (out, x, { dtype }) => out.op('Div', [out.op('Log', [x]), out.scalar(Math.LN10, dtype)]),
  cbrt: (out, x, { dtype }) =>
    out.op('Mul', [out.op('Sign', [x]), out.op('Pow', [out.op('Abs', [x]), out.scalar(1 / 3, dtype)])]),
  erfc: (out, x, { dtype }) => out.op('Sub', [out.scalar(1, dtype), out.op('Erf', [x])]),
};

const binaryOps: { readonly [K in BinaryKind]?: string } = {
  add: 'Add',
  sub: 'Sub',
  mul: 'Mul',
  div: 'Div',
  rem: 'Mod',
  pow: 'Pow',
  max: 'Max',
  min: 'Min',
  and: 'And',
  or: 'Or',
  xor: 'Xor',
  shl: 'BitShift',
  shr: 'BitShift',
};
const composed: { readonly [K in BinaryKind]?: (out: Emitter, x: string, y: string, node: Node) => string } =
  {
    hypot: (out, x, y) => out.op('Sqrt', [out.op('Add', [out.op('Mul', [x, x]), out.op('Mul', [y, y])])]),
    logaddexp: (out, x, y, { dtype }) => {
      const apart = out.op('Exp', [out.op('Neg', [out.op('Abs', [out.op('Sub', [x, y])])])]);
      return out.op('Add', [
        out.op('Max', [x, y]),
        out.op('Log', [out.op('Add', [apart, out.scalar(1, dtype)])]),
      ]);
    },
  };

const reduceOps = { sum: 'ReduceSum', prod: 'ReduceProd', max: 'ReduceMax', min: 'ReduceMin' } as const;

/** What changes nothing in a product, a maximum, a minimum. */
function neutral(kind: 'prod' | 'max' | 'min', dtype: DType): number {
  if (kind === 'prod') return 1;
  const [lowest, highest] =
    dtype === 'int32'
      ? [-(2 ** 31), 2 ** 31 - 1]
      : dtype === 'uint32'
        ? [0, 2 ** 32 - 1]
        : [-Infinity, Infinity];
  return kind === 'max' ? lowest : highest;
}

/** Running products and extremes, for which ONNX has no operators: for each position a reduction of what lies up to it. */
function runningBy(out: Emitter, node: Node<'prefix'>): string {
  const { axis, reverse } = node.attributes;
  const kind = node.attributes.kind as 'prod' | 'max' | 'min';
  const { shape, dtype } = node;
  const count = shape[axis];
  const counts = Uint8Array.from({ length: count * count }, (_, k) => {
    const [at, other] = [Math.floor(k / count), k % count];
    return (reverse ? other >= at : other <= at) ? 1 : 0;
  });
  const mask = out.data(counts, [count, count, ...shape.slice(axis + 1).map(() => 1)], 'bool');
  const x = { name: out.name(node.inputs[0]), shape };
  const apart = out.reshape(x, [...shape.slice(0, axis), 1, ...shape.slice(axis)]);
  const part = out.op('Where', [mask, apart.name, out.scalar(neutral(kind, dtype), dtype)]);
  return out.op(reduceOps[kind], [part, out.ints([axis + 1])], { keepdims: 0 });
}

type Rule<O extends Op> = (out: Emitter, node: Node<O>) => string | null;

/** The name of a node's value, or null where the rule has deferred it. */
const rules: { readonly [O in Exclude<ArrayOp, 'input' | 'bitcast' | 'scatter' | 'threefry'>]: Rule<O> } = {
  constant: (out, node) => {
    const { value } = node.attributes;
    const small = (): Named => ({ name: out.scalar(value, node.dtype), shape: [] });
    out.defer(node, { small, whole: () => out.expand(small(), node.shape) });
    return null;
  },
  literal: (out, node) => out.data(node.attributes.data, node.shape, node.dtype),
  iota: (out, node) => {
    const { axis } = node.attributes;
    const count = node.shape[axis];
    const shape = node.shape.map((_, i) => (i === axis ? count : 1));
    const data = Int32Array.from({ length: count }, (_, i) => i);
    const row = out.data(data, shape, 'int32');
    const name = node.dtype === 'int32' ? row : out.op('Cast', [row], { to: typeNumbers[node.dtype] });
    out.defer(node, {
      small: () => ({ name, shape }),
      whole: () => out.expand({ name, shape }, node.shape),
    });
    return null;
  },
  unary: (out, node) => {
    const rule = unaryOps[node.attributes.kind]!;
    const x = out.name(node.inputs[0]);
    return typeof rule === 'string' ? out.op(rule, [x]) : rule(out, x, node);
  },
  binary: (out, node) => {
    const { kind } = node.attributes;
    const [x, y] = out.operands(node.inputs, node.shape);
    if (composed[kind] !== undefined) return composed[kind](out, x, y, node);
    const op = binaryOps[kind]!;
    if (kind === 'rem') return out.op(op, [x, y], { fmod: 1 });
    if (kind === 'shl' || kind === 'shr')
      return out.op(op, [x, y], { direction: kind === 'shl' ? 'LEFT' : 'RIGHT' });
    const bits = (kind === 'and' || kind === 'or' || kind === 'xor') && node.dtype !== 'bool';
    return out.op(bits ? `Bitwise${op}` : op, [x, y]);
  },
  compare: (out, node) => {
    const { kind } = node.attributes;
    const operands = out.operands(node.inputs, node.shape);
    if (kind === 'lt') return out.op('Less', operands);
    if (kind === 'le') return out.op('LessOrEqual', operands);
    const equal = out.op('Equal', operands);
    return kind === 'eq' ? equal : out.op('Not', [equal]);
  },
  select: (out, node) => out.op('Where', out.operands(node.inputs, node.shape)),
  cast: (out, node) => out.op('Cast', [out.name(node.inputs[0])], { to: typeNumbers[node.dtype] }),
  alias: (out, node) => out.name(node.inputs[0]),
  stopGradient: (out, node) => out.name(node.inputs[0]),
  after: (out, node) => out.name(node.inputs[0]),
  part: (out, node) => out.several.get(node.inputs[0])![node.attributes.index],
  reshape: (out, node) =>
    out.reshape({ name: out.name(node.inputs[0]), shape: node.inputs[0].shape }, node.shape).name,
  transpose: (out, node) =>
    out.op('Transpose', [out.name(node.inputs[0])], { perm: node.attributes.permutation }),
  broadcast: (out, node) => {
    const [x] = node.inputs;
    const { axes } = node.attributes;
    // Without the leading dimensions of extent 1: operands align at the right.
    const first = axes[0] ?? node.shape.length;
    const ones = node.shape.slice(first).map((n, i) => (axes.includes(i + first) ? n : 1));
    let made: Named | null = null;
    const small = (): Named => (made ??= out.reshape({ name: out.name(x), shape: x.shape }, ones));
    out.defer(node, { small, whole: () => out.expand(small(), node.shape) });
    return null;
  },
  slice: (out, node) => {
    const { start, step } = node.attributes;
    const ends = node.shape.map((count, i) => {
      const end = start[i] + count * step[i];
      // Before the first element there is no position that would not count from the end.
      return end < 0 ? -(2 ** 31) : end;
    });
    const axes = node.shape.map((_, i) => i);
    return out.op('Slice', [
      out.name(node.inputs[0]),
      out.ints(start),
      out.ints(ends),
      out.ints(axes),
      out.ints(step),
    ]);
  },
  pad: padded,
  concat: (out, node) =>
    out.op(
      'Concat',
      node.inputs.map((x) => out.name(x)),
      { axis: node.attributes.axis },
    ),
  window: (out, node) => {
    // Pooling has no need of the windows themselves.
    const whole = (): string => windowsOf(out, node);
    out.defer(node, { small: () => ({ name: out.name(node), shape: node.shape }), whole });
    return null;
  },
  reduce: (out, node) => {
    const [x] = node.inputs;
    const { kind, axes } = node.attributes;
    const pooled = isOp(x, 'window') && x.stored === null ? pooling(out, node, x) : null;
    if (pooled !== null) return pooled;
    const inputs = (name: string): string[] => [name, out.ints(axes)];
    if (kind !== 'and' && kind !== 'or') return out.op(reduceOps[kind], inputs(out.name(x)), { keepdims: 0 });
    const numbers = out.op('Cast', [out.name(x)], { to: typeNumbers.int32 });
    const extreme = out.op(kind === 'and' ? 'ReduceMin' : 'ReduceMax', inputs(numbers), { keepdims: 0 });
    return out.op('Cast', [extreme], { to: typeNumbers.bool });
  },
  argreduce: (out, node) => {
    const { kind, axes } = node.attributes;
    const [x] = node.inputs;
    const kept = x.shape.flatMap((_, i) => (axes.includes(i) ? [] : [i]));
    const turned = out.transpose({ name: out.name(x), shape: x.shape }, [...kept, ...axes]);
    const count = sizeOf(axes.map((axis) => x.shape[axis]));
    const rows = out.reshape(turned, [...node.shape, count]);
    const name = out.op(kind === 'max' ? 'ArgMax' : 'ArgMin', [rows.name], {
      axis: node.shape.length,
      keepdims: 0,
    });
    return out.op('Cast', [name], { to: typeNumbers.int32 });
  },
  prefix: (out, node) => {
    const { kind, axis, reverse } = node.attributes;
    if (kind !== 'sum') return runningBy(out, node);
    return out.op('CumSum', [out.name(node.inputs[0]), out.ints([axis], [])], { reverse: reverse ? 1 : 0 });
  },
  contract: contraction,
  gather: (out, node) => {
    const [x, indices] = node.inputs;
    const { axis } = node.attributes;
    const low = out.op('Max', [out.name(indices), out.scalar(0, 'int32')]);
    const inside = out.op('Min', [low, out.scalar(Math.max(0, x.shape[axis] - 1), 'int32')]);
    return out.op('Gather', [out.name(x), inside], { axis });
  },
  argsort: (out, node) => {
    const count = node.shape[node.shape.length - 1];
    const [, order] = out.all('TopK', [out.name(node.inputs[0]), out.ints([count])], 2, {
      axis: -1,
      largest: 0,
      sorted: 1,
    });
    return out.op('Cast', [order], { to: typeNumbers.int32 });
  },
};

const tuples: { readonly [O in TupleOp]?: (out: Emitter, node: Node<O>) => readonly string[] } = {
  custom: (out, node) => node.inputs.slice(0, node.attributes.results.length).map((x) => out.name(x)),
  checkpoint: (out, node) => node.inputs.slice(0, node.attributes.results.length).map((x) => out.name(x)),
  scan: (out, node) => {
    const { body, constants, carries, reverse, results } = node.attributes;
    const inner = out.inner();
    body.inputs.slice(0, constants).forEach((x, i) => {
      inner.set(x, out.name(node.inputs[i]));
    });
    const inputs = body.inputs.slice(constants).map((x) => {
      inner.set(x, inner.fresh('in'));
      return valueInfo(inner.name(x), x.shape, x.dtype);
    });
    translate(inner, body.outputs);
    const outputs = body.outputs.map((y) => {
      const name = inner.fresh('out');
      inner.into([name], 'Identity', [inner.name(y)]);
      return valueInfo(name, y.shape, y.dtype);
    });
    const operands = node.inputs.slice(constants).map((x) => out.name(x));
    const count = operands.length - carries;
    const back = reverse ? 1 : 0;
    return out.all('Scan', operands, results.length, {
      body: inner.graph(inner.fresh('body'), inputs, outputs, false),
      num_scan_inputs: count,
      scan_input_directions: new Array<number>(count).fill(back),
      ...(results.length > carries
        ? { scan_output_directions: new Array<number>(results.length - carries).fill(back) }
        : {}),
    });
  },
};

/** Why a node has no translation, or null if it has one. */
export function unsupported(node: Node): string | null {
  if (isOp(node, 'unary')) return unaryOps[node.attributes.kind] === undefined ? node.attributes.kind : null;
  if (isOp(node, 'binary')) {
    const { kind } = node.attributes;
    if ((kind === 'shl' || kind === 'shr') && node.dtype !== 'uint32') return `${kind} of int32`;
    return binaryOps[kind] === undefined && composed[kind] === undefined ? kind : null;
  }
  if (isOp(node, 'threefry')) return 'random numbers';
  if (isOp(node, 'scan') && node.attributes.length === 0) return 'scan over nothing';
  // A loop without sequences has no counterpart in Scan.
  if (isOp(node, 'scan') && node.inputs.length === node.attributes.constants + node.attributes.carries)
    return 'scan without sequences';
  return node.op in rules || node.op in tuples || node.op === 'input' ? null : node.op;
}

/** Nodes below `roots` that have no name yet, inputs before users. Without recursion: graphs are deep. */
export function pendingNodes(roots: readonly Node[], stop: (node: Node) => boolean): Node[] {
  const seen = new Set<Node>(roots.filter((node) => !stop(node)));
  const stack = [...seen];
  while (stack.length > 0) {
    for (const input of stack.pop()!.inputs) {
      if (seen.has(input) || stop(input)) continue;
      seen.add(input);
      stack.push(input);
    }
  }
  return [...seen].sort((a, b) => a.id - b.id);
}

/** Writes all that `roots` need. */
export function translate(out: Emitter, roots: readonly Node[]): void {
  for (const node of pendingNodes(roots, (n) => out.has(n) || out.several.has(n))) {
    if (node.stored !== null) {
      out.set(node, out.data(storageOf(node).read(), node.shape, node.dtype));
      continue;
    }
    const tuple = tuples[node.op as TupleOp] as ((out: Emitter, node: Node) => readonly string[]) | undefined;
    if (tuple !== undefined) {
      out.several.set(node, tuple(out, node));
      continue;
    }
    const rule = rules[node.op as keyof typeof rules] as Rule<Op>;
    const name = rule(out, node);
    if (name !== null) out.set(node, name);
  }
}
