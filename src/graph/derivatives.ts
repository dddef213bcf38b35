import {
  add,
  argreduce,
  broadcastAlong,
  cast,
  compare,
  concat,
  constant,
  contract,
  div,
  fill,
  gather,
  make,
  mul,
  neg,
  pad,
  positionAlong,
  prefix,
  reduce,
  reshape,
  scatterAdd,
  select,
  slice,
  sub,
  transpose,
  unary,
} from './build.ts';
import { compositeBinaryPartials, compositeUnaryPartials } from './composite_partials.ts';
import { transposeContraction } from './contraction.ts';
import { isFloat } from './dtype.ts';
import { Node, type Shape, sizeOf } from './node.ts';
import { prefixProduct, prefixWinner } from './prefix_derivative.ts';
import { scatterWinners } from './scatter_derivative.ts';
import { takeAlong } from './take_along.ts';
import type { ArrayOp, Attributes, BinaryKind, Op, UnaryKind } from './vocabulary.ts';

/**
 * Derivatives, a rule per operation, all written with graph nodes so that derivatives of derivatives need nothing more.
 *
 * Tangents and cotangents are nodes or null, which stands for zero: no zeros are ever computed.
 */
export type Change = Node | null;

/**
 * A partial derivative of an elementwise operation: an array, or a form that saves the multiplication. A mask passes the change
 * where it holds and blocks it elsewhere, even if the change is infinite.
 */
type Partial = Node | 'one' | 'minus one' | 'zero' | { readonly mask: Node };

const scale = (partial: Partial, change: Node): Change => {
  if (partial === 'zero') return null;
  if (partial === 'one') return change;
  if (partial === 'minus one') return neg(change);
  if (partial instanceof Node) return mul(partial, change);
  return select(partial.mask, change, fill(0, change));
};

const one = (like: Node): Node => fill(1, like);
const zero = (like: Node): Node => fill(0, like);

/** d out / d x, given x and out. */
const unaryPartials: { readonly [K in UnaryKind]: (x: Node, out: Node) => Partial } = {
  neg: () => 'minus one',
  abs: (x) => unary('sign', x),
  sign: () => 'zero',
  exp: (_, out) => out,
  log: (x) => div(one(x), x),
  expm1: (_, out) => add(out, one(out)),
  log1p: (x) => div(one(x), add(x, one(x))),
  sin: (x) => unary('cos', x),
  cos: (x) => neg(unary('sin', x)),
  tanh: (_, out) => sub(one(out), mul(out, out)),
  erf: (x) => mul(fill(2 / Math.sqrt(Math.PI), x), unary('exp', neg(mul(x, x)))),
  sigmoid: (_, out) => mul(out, sub(one(out), out)),
  // The output decides: the operand need not be kept for the backward pass.
  relu: (_, out) => ({ mask: compare('lt', zero(out), out) }),
  sqrt: (_, out) => div(fill(0.5, out), out),
  rsqrt: (x, out) => div(mul(fill(-0.5, x), out), x),
  floor: () => 'zero',
  ceil: () => 'zero',
  round: () => 'zero',
  not: () => 'zero',
  ...compositeUnaryPartials,
};

/** Half of the change to each operand where both are equal, as PyTorch's maximum does. */
const extremePartials =
  (winner: 'max' | 'min') =>
  (a: Node, b: Node): [Partial, Partial] => {
    const share = (self: Node, other: Node) => {
      const wins = winner === 'max' ? compare('lt', other, self) : compare('lt', self, other);
      return select(wins, one(self), select(compare('eq', self, other), fill(0.5, self), zero(self)));
    };
    return [share(a, b), share(b, a)];
  };

const both = (a: Node, b: Node): Node => make('binary', { kind: 'and' }, [a, b]);

const blocked = (): [Partial, Partial] => ['zero', 'zero'];

const binaryPartials: { readonly [K in BinaryKind]: (a: Node, b: Node, out: Node) => [Partial, Partial] } = {
  add: () => ['one', 'one'],
  sub: () => ['one', 'minus one'],
  mul: (a, b) => [b, a],
  div: (_, b, out) => [div(one(b), b), neg(div(out, b))],
  // a - trunc(a / b) * b, the quotient being locally constant.
  rem: (a, b, out) => ['one', neg(unary('round', div(sub(a, out), b)))],
  pow: (a, b, out) => [
    // b * a^(b-1), which is 0 for b = 0 even at a = 0. Operands are made safe instead of results, for else the branch that
    // is not taken would put 0 * infinity into second derivatives.
    mul(
      b,
      make('binary', { kind: 'pow' }, [
        a,
        select(both(compare('eq', a, zero(a)), compare('eq', b, zero(b))), zero(b), sub(b, one(b))),
      ]),
    ),
    // a^b * ln a, which is 0 at a = 0 for b >= 0.
    mul(out, unary('log', select(both(compare('eq', a, zero(a)), compare('le', zero(b), b)), one(a), a))),
  ],
  max: extremePartials('max'),
  min: extremePartials('min'),
  and: blocked,
  or: blocked,
  xor: blocked,
  shl: blocked,
  shr: blocked,
  gcd: blocked,
  ...compositeBinaryPartials,
};

/** Sums changes, null being zero. */
export const accumulate = (a: Change, b: Change): Change => (a === null ? b : b === null ? a : add(a, b));

/** Differentiation of whole graphs, for rules that are written as compositions of other operations. */
export interface Differentiation {
  /** Forward mode: the tangents of `roots` for given tangents of some leaves. */
  readonly pushForward: (roots: readonly Node[], tangents: ReadonlyMap<Node, Node>) => Change[];
  /** Reverse mode: the cotangents of `leaves` for given cotangents of `roots`. */
  readonly pullBack: (
    roots: readonly Node[],
    cotangents: readonly Change[],
    leaves: readonly Node[],
  ) => Change[];
}

interface Derivative<O extends Op> {
  /** Change of the output for changes of the inputs, not all null. */
  readonly tangent: (node: Node<O>, tangents: readonly Change[], by: Differentiation) => Change;
  /** Changes that the inputs receive for a change of the output. */
  readonly cotangents: (node: Node<O>, cotangent: Node, by: Differentiation) => readonly Change[];
}

/** An elementwise operation: both directions follow from its partials. */
const elementwise = <O extends Op>(partials: (node: Node<O>) => readonly Partial[]): Derivative<O> => ({
  tangent: (node, tangents) => {
    const factors = partials(node);
    return tangents.reduce<Change>(
      (sum, t, i) => accumulate(sum, t === null ? null : scale(factors[i], t)),
      null,
    );
  },
  cotangents: (node, ct) => partials(node).map((factor) => scale(factor, ct)),
});

/** A linear operation of its first operand: the tangent is the operation itself. */
const linear = <O extends Op>(
  transposeRule: (node: Node<O>, cotangent: Node) => Change,
  attributes: (a: Attributes[O]) => Attributes[O] = (a) => a,
): Derivative<O> => ({
  tangent: (node, [t]) => make(node.op, attributes(node.attributes), [t!, ...node.inputs.slice(1)], node),
  cotangents: (node, ct) => [transposeRule(node, ct), ...node.inputs.slice(1).map(() => null)],
});

const flat = <O extends Op>(): Derivative<O> => ({
  tangent: () => null,
  cotangents: (node) => node.inputs.map(() => null),
});

const inversePermutation = (permutation: readonly number[]): number[] => {
  const inverse = new Array<number>(permutation.length);
  permutation.forEach((axis, i) => {
    inverse[axis] = i;
  });
  return inverse;
};

const missing = (rank: number, axes: readonly number[]): number[] =>
  Array.from({ length: rank }, (_, i) => i).filter((i) => !axes.includes(i));

/** Undoes a slice: every element goes back to where it came from, zeros elsewhere. */
function unslice(ct: Node, start: readonly number[], step: readonly number[], shape: Shape): Node {
  const count = ct.shape;
  if (sizeOf(count) === 0) return constant(0, shape, ct.dtype);
  const last = start.map((s, i) => s + (count[i] - 1) * step[i]);
  const flips = step.map((s) => s < 0);
  const straight = flips.some(Boolean)
    ? slice(
        ct,
        flips.map((f, i) => (f ? count[i] - 1 : 0)),
        flips.map((f) => (f ? -1 : 1)),
        count,
      )
    : ct;
  const low = start.map((s, i) => Math.min(s, last[i]));
  const high = shape.map((extent, i) => extent - 1 - Math.max(start[i], last[i]));
  return pad(
    straight,
    low,
    high,
    step.map((s) => Math.abs(s) - 1),
  );
}

/** Undoes a pad: drops what was added between, before and after; cuts that removed elements come back as zeros. */
function unpad(ct: Node, { low, high, interior }: Attributes['pad'], shape: Shape): Node {
  const grown = pad(
    ct,
    low.map((n) => Math.max(0, -n)),
    high.map((n) => Math.max(0, -n)),
  );
  return slice(
    grown,
    low.map((n) => Math.max(0, n)),
    interior.map((n) => n + 1),
    shape,
  );
}

/** True at the first winner of each row. */
function winners(node: Node<'reduce'>): Node {
  const { kind, axes } = node.attributes;
  const [x] = node.inputs;
  const winner = argreduce(kind as 'max' | 'min', x, axes);
  return compare('eq', positionAlong(x.shape, axes), broadcastAlong(winner, x.shape, axes));
}

/** The product along `axes` as a tree of multiplications, whose derivative is right even where factors are zero. */
function productTree(x: Node, axes: readonly number[]): Node {
  const kept = missing(x.shape.length, axes);
  const rows = kept.map((i) => x.shape[i]);
  let flatRows = reshape(transpose(x, [...kept, ...axes]), [
    ...rows,
    axes.reduce((n, axis) => n * x.shape[axis], 1),
  ]);
  const last = rows.length;
  if (flatRows.shape[last] === 0) return constant(1, rows, x.dtype);
  while (flatRows.shape[last] > 1) {
    const n = flatRows.shape[last];
    const half = n >> 1;
    const part = (from: number, count: number) =>
      slice(flatRows, [...rows.map(() => 0), from], [...rows.map(() => 1), 1], [...rows, count]);
    const paired = mul(part(0, half), part(half, half));
    flatRows = n % 2 === 0 ? paired : concat([paired, part(n - 1, 1)], last);
  }
  return reshape(flatRows, rows);
}

/** Derivative of a node by way of an equal composition of other nodes. */
function composed<O extends Op>(expand: (x: Node, node: Node<O>) => Node): Derivative<O> {
  const on = (node: Node<O>) => {
    const leaf = make('alias', {}, [node.inputs[0]]);
    return { leaf, out: expand(leaf, node) };
  };
  return {
    tangent: (node, [t], by) => {
      const { leaf, out } = on(node);
      return by.pushForward([out], new Map([[leaf, t!]]))[0];
    },
    cotangents: (node, ct, by) => {
      const { leaf, out } = on(node);
      return by.pullBack([out], [ct], [leaf]);
    },
  };
}

const product = composed<'reduce'>((x, node) => productTree(x, node.attributes.axes));

const sumRule: Derivative<'reduce'> = linear(({ attributes, inputs: [x] }, ct) =>
  broadcastAlong(ct, x.shape, attributes.axes),
);

const extremeRule: Derivative<'reduce'> = {
  tangent: (node, [t]) => reduce('sum', select(winners(node), t!, fill(0, t!)), node.attributes.axes),
  cotangents: (node, ct) => {
    const spread = broadcastAlong(ct, node.inputs[0].shape, node.attributes.axes);
    return [select(winners(node), spread, fill(0, spread))];
  },
};

const reduceRule = (node: Node<'reduce'>): Derivative<'reduce'> => {
  if (node.attributes.kind === 'sum') return sumRule;
  return node.attributes.kind === 'prod' ? product : extremeRule;
};

const prefixSum: Derivative<'prefix'> = linear(({ attributes: { kind, axis, reverse } }, ct) =>
  prefix(kind, ct, axis, !reverse),
);
const otherPrefixes = composed<'prefix'>((x, node) =>
  node.attributes.kind === 'prod'
    ? prefixProduct(x, node)
    : takeAlong(x, prefixWinner(node), node.attributes.axis),
);
const prefixRule = ({ attributes: { kind } }: Node<'prefix'>): Derivative<'prefix'> =>
  kind === 'sum' ? prefixSum : otherPrefixes;

/** Changes of those updates that the result is made of. */
function arriving(node: Node<'scatter'>, change: Node): Node {
  return node.attributes.kind === 'add' ? change : select(scatterWinners(node), change, zero(change));
}

export const derivatives: { readonly [O in Exclude<ArrayOp, 'part'>]: Derivative<O> } = {
  input: flat(),
  constant: flat(),
  literal: flat(),
  iota: flat(),
  unary: elementwise((node) => [unaryPartials[node.attributes.kind](node.inputs[0], node)]),
  binary: elementwise((node) => binaryPartials[node.attributes.kind](node.inputs[0], node.inputs[1], node)),
  compare: flat(),
  select: {
    tangent: ({ inputs: [condition, a, b] }, [, ta, tb]) => select(condition, ta ?? zero(a), tb ?? zero(b)),
    cotangents: ({ inputs: [condition] }, ct) => [
      null,
      select(condition, ct, zero(ct)),
      select(condition, zero(ct), ct),
    ],
  },
  cast: {
    tangent: (node, [t]) => (isFloat(node.dtype) ? cast(t!, node.dtype) : null),
    cotangents: (node, ct) => [
      isFloat(node.dtype) && isFloat(node.inputs[0].dtype) ? cast(ct, node.inputs[0].dtype) : null,
    ],
  },
  bitcast: flat(),
  alias: { tangent: (_, [t]) => t, cotangents: (_, ct) => [ct] },
  stopGradient: flat(),
  after: {
    // The others only say when.
    tangent: (_, [t]) => t,
    cotangents: (node, ct) => node.inputs.map((_, i) => (i === 0 ? ct : null)),
  },
  reshape: linear(({ inputs: [x] }, ct) => reshape(ct, x.shape)),
  transpose: linear(({ attributes }, ct) => transpose(ct, inversePermutation(attributes.permutation))),
  broadcast: linear(({ attributes }, ct) => reduce('sum', ct, missing(ct.shape.length, attributes.axes))),
  slice: linear(({ attributes, inputs: [x] }, ct) => unslice(ct, attributes.start, attributes.step, x.shape)),
  pad: linear(
    ({ attributes, inputs: [x] }, ct) => unpad(ct, attributes, x.shape),
    (attributes) => ({ ...attributes, value: 0 }),
  ),
  concat: {
    tangent: ({ attributes, inputs }, tangents) =>
      concat(
        tangents.map((t, i) => t ?? zero(inputs[i])),
        attributes.axis,
      ),
    cotangents: ({ attributes: { axis }, inputs, shape }, ct) => {
      let from = 0;
      return inputs.map((input) => {
        const start = shape.map((_, i) => (i === axis ? from : 0));
        from += input.shape[axis];
        return slice(
          ct,
          start,
          shape.map(() => 1),
          input.shape,
        );
      });
    },
  },
  window: linear(({ attributes, inputs: [x] }, ct) => foldWindows(ct, attributes, x.shape)),
  reduce: {
    tangent: (node, tangents, by) => reduceRule(node).tangent(node, tangents, by),
    cotangents: (node, ct, by) => reduceRule(node).cotangents(node, ct, by),
  },
  argreduce: flat(),
  prefix: {
    tangent: (node, tangents, by) => prefixRule(node).tangent(node, tangents, by),
    cotangents: (node, ct, by) => prefixRule(node).cotangents(node, ct, by),
  },
  contract: {
    tangent: ({ attributes, inputs: [a, b] }, [ta, tb]) =>
      accumulate(ta && contract(attributes, ta, b), tb && contract(attributes, a, tb)),
    cotangents: ({ attributes, inputs: [a, b] }, ct) => [
      contract(transposeContraction(attributes, 'a', a.shape, b.shape), ct, b),
      contract(transposeContraction(attributes, 'b', a.shape, b.shape), ct, a),
    ],
  },
  gather: linear(({ attributes, inputs: [x, indices] }, ct) =>
    scatterAdd(indices, ct, x.shape, attributes.axis),
  ),
  scatter: {
    tangent: (node, [, t]) =>
      t && scatterAdd(node.inputs[0], arriving(node, t), node.shape, node.attributes.axis),
    cotangents: (node, ct) => [null, arriving(node, gather(ct, node.inputs[0], node.attributes.axis))],
  },
  argsort: flat(),
  threefry: flat(),
};

/** The transpose of `window`: adds every tap back to the element it was read from; a contraction with the scalar 1. */
function foldWindows(ct: Node, { axes, size, stride, dilation }: Attributes['window'], shape: Shape): Node {
  const rank = shape.length;
  const coordinate = (axis: number) => ({ terms: [[axis, 1]] as [number, number][], offset: 0, divisor: 1 });
  const a = shape.map((_, axis) => {
    const i = axes.indexOf(axis);
    if (i < 0) return coordinate(axis);
    return {
      terms: [
        [axis, 1],
        [rank + i, -dilation[i]],
      ] as [number, number][],
      offset: 0,
      divisor: stride[i],
    };
  });
  return contract(
    {
      sizes: [...shape, ...size],
      outRank: rank,
      a: [...a, ...axes.map((_, i) => coordinate(rank + i))],
      b: [],
    },
    ct,
    constant(1, [], ct.dtype),
  );
}
