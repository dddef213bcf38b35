import * as g from '../../src/graph/build.ts';
import { allocate, type DType, isFloat, type TypedArray } from '../../src/graph/dtype.ts';
import { hostElement } from '../../src/graph/half.ts';
import { windowCount } from '../../src/graph/infer.ts';
import { type Node, sameShape, sizeOf, topological } from '../../src/graph/node.ts';
import type { CompareKind, UnaryKind } from '../../src/graph/vocabulary.ts';
import { Dice } from './dice.ts';
import {
  type ContractionCase,
  randomAffine,
  randomConvolution,
  randomEinsum,
  randomMatmul,
} from './random_contraction.ts';
import {
  binary,
  isExact,
  jumping,
  moved,
  normalized,
  restored,
  softmax,
  summed,
  sumOver,
  type Tracked,
  tame,
  track,
  unary,
} from './tracked.ts';

/** A random program: what to evaluate, with which inputs, and how closely two evaluations must agree. */
export interface RandomGraph {
  readonly seed: number;
  readonly roots: readonly Node[];
  /** Allowed absolute difference of each root; 0 where rounding has no say. */
  readonly tolerances: readonly number[];
  /** The data of every node of op `input`. */
  readonly data: ReadonlyMap<Node, TypedArray>;
}

const largest = 1500;
const largestContraction = 30_000;
const unaryKinds: readonly UnaryKind[] = [
  'neg',
  'abs',
  'sign',
  'exp',
  'log',
  'expm1',
  'log1p',
  'sin',
  'cos',
  'tanh',
  'erf',
  'sigmoid',
  'relu',
  'sqrt',
  'rsqrt',
  'floor',
  'ceil',
  'round',
  'tan',
  'asin',
  'acos',
  'atan',
  'sinh',
  'cosh',
  'asinh',
  'acosh',
  'atanh',
  'exp2',
  'log2',
  'log10',
  'cbrt',
  'erfc',
  'erfinv',
  'lgamma',
  'digamma',
  'i0',
  'i1',
  'i0e',
  'i1e',
];
const arithmetic = ['add', 'sub', 'mul', 'div', 'rem', 'pow', 'max', 'min'] as const;
const floatKinds = [...arithmetic, ...arithmetic, 'atan2', 'hypot', 'logaddexp', 'zeta'] as const;
const integerKinds = [...arithmetic, 'gcd', 'and', 'or', 'xor', 'shl', 'shr'] as const;
const compareKinds: readonly CompareKind[] = ['eq', 'ne', 'lt', 'le'];

/** How likely each kind of step is; a step that does not apply to what the dice offer is passed over. */
const steps = {
  unary: 14,
  binary: 16,
  compare: 4,
  select: 4,
  cast: 4,
  bitcast: 1,
  identity: 1,
  reshape: 4,
  transpose: 5,
  broadcast: 4,
  slice: 5,
  pad: 4,
  concat: 4,
  window: 3,
  pool: 2,
  reduce: 10,
  argreduce: 2,
  prefix: 4,
  contract: 8,
  gather: 3,
  scatter: 4,
  argsort: 2,
  threefry: 1,
  softmax: 2,
  normalize: 2,
  optimizer: 1,
};

class GraphMaker {
  readonly data = new Map<Node, TypedArray>();
  readonly pool: Tracked[] = [];
  private readonly dice: Dice;
  /** Inputs hold NaN and infinities; then no contraction is made, whose zeros outside would meet them. */
  private readonly isSpecial: boolean;
  /** Integer inputs span all 32 bits. */
  private readonly isWild: boolean;

  constructor(dice: Dice) {
    this.dice = dice;
    this.isSpecial = dice.chance(0.12);
    this.isWild = dice.chance(0.15);
  }

  private dtype(): DType {
    return this.dice.weighted({ float32: 68, int32: 12, uint32: 7, bool: 6, float64: 7 });
  }

  shape(): number[] {
    const { dice } = this;
    const rank = Number(dice.weighted({ 0: 5, 1: 18, 2: 28, 3: 22, 4: 14, 5: 6, 6: 4, 7: 3 }));
    for (;;) {
      const shape = Array.from({ length: rank }, () =>
        Number(
          dice.weighted({
            0: 1,
            1: 14,
            2: 20,
            3: 22,
            4: 16,
            5: 12,
            6: 4,
            7: 6,
            17: rank < 4 ? 4 : 0,
            33: rank < 3 ? 3 : 0,
          }),
        ),
      );
      if (sizeOf(shape) <= largest / 2) return shape;
    }
  }

  private values(dtype: DType, count: number): TypedArray {
    const { dice } = this;
    const out = allocate(dtype, count);
    for (let i = 0; i < count; i++) {
      if (dtype === 'bool') out[i] = dice.between(0, 1);
      else if (isFloat(dtype)) {
        out[i] = hostElement(dtype, dice.between(-24, 24) / 8);
        if (this.isSpecial && dice.chance(0.12))
          out[i] = hostElement(dtype, dice.pick([NaN, Infinity, -Infinity, -0]));
      } else if (this.isWild) out[i] = dice.between(0, 2 ** 32 - 1);
      else out[i] = dtype === 'int32' ? dice.between(-20, 20) : dice.between(0, 40);
    }
    return out;
  }

  private input(shape: readonly number[], dtype: DType): Tracked {
    const node = g.input(shape, dtype, `x${this.data.size}`);
    this.data.set(node, this.values(dtype, sizeOf(shape)));
    return this.leafOf(node);
  }

  private leafOf(node: Node): Tracked {
    if (isFloat(node.dtype)) return track(node, 3, 0, 3);
    return track(node, node.dtype === 'bool' ? 1 : this.isWild ? Infinity : 40, 0, 0);
  }

  leaf(shape: readonly number[], dtype: DType): Tracked {
    const { dice } = this;
    switch (dice.weighted({ input: 12, constant: 2, literal: 2, iota: 2 })) {
      case 'constant':
        return this.leafOf(
          g.constant(dtype === 'bool' ? dice.between(0, 1) : dice.between(0, 3), shape, dtype),
        );
      case 'literal':
        return this.leafOf(g.literal(this.values(dtype, sizeOf(shape)), shape, dtype));
      case 'iota': {
        if (shape.length === 0 || dtype === 'bool') return this.input(shape, dtype);
        const axis = dice.between(0, shape.length - 1);
        return track(g.iota(axis, shape, dtype), shape[axis], 0, 0);
      }
      default:
        return this.input(shape, dtype);
    }
  }

  private any(accept: (x: Tracked) => boolean = () => true): Tracked | null {
    const fitting = this.pool.filter(accept);
    if (fitting.length === 0) return null;
    // Recent nodes are likelier, so that programs grow long rather than wide.
    return fitting[Math.floor(fitting.length * Math.sqrt(this.dice.fraction()))];
  }

  /** A node of exactly this type: from the pool, broadcast from fewer axes, or new. */
  private fit(shape: readonly number[], dtype: DType, accept: (x: Tracked) => boolean = () => true): Tracked {
    const { dice } = this;
    const present = this.any((x) => x.node.dtype === dtype && sameShape(x.node.shape, shape) && accept(x));
    if (present !== null && dice.chance(0.75)) return present;
    if (dice.chance(0.35)) {
      const axes = dice.subset(
        shape.map((_, axis) => axis),
        0.5,
      );
      const smaller = this.leaf(
        axes.map((axis) => shape[axis]),
        dtype,
      );
      return moved(g.broadcast(smaller.node, shape, axes), smaller);
    }
    return this.leaf(shape, dtype);
  }

  private axesOf(x: Tracked): number[] {
    return x.node.shape.map((_, axis) => axis);
  }

  /** Some axes of `x`, none of them empty; null where there is none. */
  private reducible(x: Tracked): number[] | null {
    const { dice } = this;
    const axes = this.axesOf(x).filter((axis) => x.node.shape[axis] > 0);
    if (axes.length === 0) return null;
    if (dice.chance(0.4)) return [axes[axes.length - 1]];
    const chosen = dice.subset(axes, 0.5);
    return chosen.length > 0 ? chosen : [dice.pick(axes)];
  }

  private contraction(x: Tracked): ContractionCase {
    const { dice } = this;
    switch (dice.weighted({ einsum: 4, matmul: 3, convolution: 5, affine: 2 })) {
      case 'einsum':
        return randomEinsum(dice, x.node.shape);
      case 'matmul':
        return randomMatmul(dice);
      case 'convolution':
        return randomConvolution(dice);
      default:
        return randomAffine(dice);
    }
  }

  /** Another shape for the same elements: dimensions merged, split, and ones put in. */
  private reshaped(shape: readonly number[]): number[] {
    const { dice } = this;
    const out = [...shape];
    for (let change = dice.between(1, 3); change > 0; change--) {
      const at = dice.between(0, Math.max(0, out.length - 1));
      const way = dice.pick(['merge', 'split', 'one']);
      if (way === 'merge' && at + 1 < out.length) out.splice(at, 2, out[at] * out[at + 1]);
      if (way === 'split' && out.length > 0 && out.length < 7) {
        const divisors = [1, 2, 3, 4, 5].filter((d) => out[at] % d === 0);
        const divisor = dice.pick(divisors);
        out.splice(
          at,
          1,
          ...(dice.chance(0.5) ? [divisor, out[at] / divisor] : [out[at] / divisor, divisor]),
        );
      }
      if (way === 'one' && out.length < 7) out.splice(at, 0, 1);
    }
    return out;
  }

  private indices(extent: number): Tracked {
    const { dice } = this;
    const present = this.any(
      (x) => x.node.dtype === 'int32' && x.node.shape.length <= 2 && sizeOf(x.node.shape) <= 12,
    );
    if (present !== null && dice.chance(0.4)) return present;
    const shape = Array.from({ length: dice.between(0, 2) }, () => dice.between(1, 4));
    const node = g.input(shape, 'int32', `x${this.data.size}`);
    // A little out of bounds on both sides: indices are clamped.
    this.data.set(
      node,
      Int32Array.from({ length: sizeOf(shape) }, () => dice.between(-1, extent)),
    );
    return track(node, extent + 1, 0, 0);
  }

  private apply(step: keyof typeof steps): Tracked | null {
    const { dice } = this;
    const x = this.any();
    if (x === null) return null;
    const { node } = x;
    const { shape, dtype } = node;
    switch (step) {
      case 'unary': {
        if (dtype === 'bool') return unary('not', x);
        if (!isFloat(dtype)) return unary(dice.pick(['neg', 'abs', 'sign', 'relu', 'not']), x);
        return unary(
          dice.pick(isExact(x) ? unaryKinds : unaryKinds.filter((kind) => !jumping.includes(kind))),
          x,
        );
      }
      case 'binary': {
        const other = this.fit(shape, dtype);
        const [a, b] = dice.chance(0.5) ? [x, other] : [other, x];
        if (dtype === 'bool') return binary(dice.pick(['and', 'or', 'xor']), a, b);
        if (!isFloat(dtype)) return binary(dice.pick(integerKinds), a, b);
        return binary(
          dice.pick(isExact(a) && isExact(b) ? floatKinds : floatKinds.filter((k) => k !== 'rem')),
          a,
          b,
        );
      }
      case 'compare': {
        if (!isExact(x)) return null;
        return track(g.compare(dice.pick(compareKinds), node, this.fit(shape, dtype, isExact).node), 1, 0, 0);
      }
      case 'select': {
        const other = this.fit(shape, dtype);
        const condition = this.fit(shape, 'bool');
        const bound = Math.max(x.bound, other.bound);
        const grain = Math.max(x.grain, other.grain);
        return track(
          g.select(condition.node, node, other.node),
          bound,
          Math.max(x.error, other.error),
          grain,
        );
      }
      case 'cast':
        return dice.chance(0.2) ? this.storedAsHalf(x) : this.castOf(x, this.dtype());
      case 'bitcast': {
        if (dtype !== 'int32' && dtype !== 'uint32') return null;
        const to = dtype === 'int32' ? 'uint32' : 'int32';
        if (x.bound > 2 ** 20 || dice.chance(0.5)) return track(g.bitcast(node, to), Infinity, 0, 0);
        // To the bits of small floats and back: moving must not change bits.
        const there = g.bitcast(node, 'float32');
        return track(g.bitcast(g.transpose(there, dice.shuffled(this.axesOf(x))), to), Infinity, 0, 0);
      }
      case 'identity':
        return moved(dice.chance(0.5) ? g.alias(node) : g.stopGradient(node), x);
      case 'reshape':
        return moved(g.reshape(node, this.reshaped(shape)), x);
      case 'transpose':
        return moved(g.transpose(node, dice.shuffled(this.axesOf(x))), x);
      case 'broadcast': {
        const out = [...shape];
        let axes = this.axesOf(x);
        for (let extra = dice.between(1, 2); extra > 0; extra--) {
          const at = dice.between(0, out.length);
          out.splice(at, 0, dice.between(1, 4));
          axes = axes.map((axis) => (axis >= at ? axis + 1 : axis));
        }
        return out.length > 7 ? null : moved(g.broadcast(node, out, axes), x);
      }
      case 'slice':
        return this.sliceOf(x);
      case 'pad':
        return this.padOf(x);
      case 'concat': {
        if (shape.length === 0) return null;
        const axis = dice.between(0, shape.length - 1);
        const parts = [x];
        for (let more = dice.between(1, 2); more > 0; more--) {
          const extent = dice.chance(0.5) ? shape[axis] : dice.between(0, 4);
          parts.push(this.fit(shape.with(axis, extent), dtype));
        }
        const joined = g.concat(
          dice.shuffled(parts).map((part) => part.node),
          axis,
        );
        const most = (of: (part: Tracked) => number): number => Math.max(...parts.map(of));
        return track(
          joined,
          most((p) => p.bound),
          most((p) => p.error),
          most((p) => p.grain),
        );
      }
      case 'window':
        return this.windowOf(x);
      case 'pool':
        return this.poolOf(x);
      case 'reduce':
        return this.reduceOf(x);
      case 'argreduce': {
        const axes = this.reducible(x);
        if (!isExact(x) || axes === null || dtype === 'bool') return null;
        return track(g.argreduce(dice.pick(['max', 'min']), node, axes), sizeOf(shape), 0, 0);
      }
      case 'prefix':
        return this.prefixOf(x);
      case 'contract': {
        const { contraction, a, b } = this.contraction(x);
        if (this.isSpecial || dtype === 'bool' || sizeOf(contraction.sizes) > largestContraction) return null;
        if ([a, b, contraction.sizes.slice(0, contraction.outRank)].some((s) => sizeOf(s) > largest))
          return null;
        const left = tame(sameShape(a, shape) ? x : this.fit(a, dtype), 8);
        const right = tame(sameShape(b, shape) ? x : this.fit(b, dtype), 8);
        const terms = sizeOf(contraction.sizes.slice(contraction.outRank));
        return summed(g.contract(contraction, left.node, right.node), terms, {
          node,
          bound: left.bound * right.bound,
          error: left.error * (right.bound + right.error) + right.error * left.bound,
          grain: left.grain + right.grain,
        });
      }
      case 'gather': {
        const axes = this.axesOf(x).filter((axis) => shape[axis] > 0);
        if (axes.length === 0) return null;
        const axis = dice.pick(axes);
        return moved(g.gather(node, this.indices(shape[axis]).node, axis), x);
      }
      case 'scatter': {
        if (dtype === 'bool') return null;
        const out = this.shape().slice(0, 3);
        const axes = out.map((_, axis) => axis).filter((axis) => out[axis] > 0);
        if (axes.length === 0) return null;
        const axis = dice.pick(axes);
        const indices = this.indices(out[axis]).node;
        const updates = this.fit([...out.slice(0, axis), ...indices.shape, ...out.slice(axis + 1)], dtype);
        const kind = dice.weighted({ add: 2, max: 1, min: 1 });
        // Not every element need be reached: infinities, or the ends of the integers, would be what is left there.
        if (kind !== 'add') return this.scatterExtreme(kind, indices, updates, out, axis);
        return summed(
          g.scatterAdd(indices, updates.node, out, axis),
          Math.max(1, sizeOf(indices.shape)),
          updates,
        );
      }
      case 'argsort':
        if (!isExact(x) || shape.length === 0 || dtype === 'bool') return null;
        return track(g.argsort(node), shape[shape.length - 1], 0, 0);
      case 'threefry': {
        const words = [0, 1, 2, 3].map(() => this.fit(shape, 'uint32').node);
        return track(
          g.make('threefry', { word: dice.pick(['first', 'second', 'xor']) }, words),
          Infinity,
          0,
          0,
        );
      }
      case 'softmax':
      case 'normalize': {
        const axes = this.reducible(x);
        if (!isFloat(dtype) || axes === null) return null;
        return step === 'softmax' ? softmax(x, axes) : normalized(x, axes);
      }
      case 'optimizer': {
        if (!isFloat(dtype)) return null;
        // Sideways fusion: two results from the same operands, as an optimizer's moment and its parameter.
        const gradient = this.fit(shape, dtype);
        const moment = binary('add', x, binary('mul', gradient, gradient));
        this.pool.push(moment);
        return binary('sub', this.fit(shape, dtype), binary('div', gradient, unary('sqrt', moment)));
      }
    }
  }

  private castOf(x: Tracked, to: DType): Tracked | null {
    const { node, bound, error, grain } = x;
    const out = g.cast(node, to);
    if (to === 'bool') return isExact(x) ? track(out, 1, 0, 0) : null;
    if (isFloat(node.dtype)) {
      if (isFloat(to)) return track(out, bound, error, grain);
      return isExact(x) ? track(out, this.isSpecial || to === 'uint32' ? Infinity : bound, 0, 0) : null;
    }
    if (isFloat(to) && bound === Infinity) {
      return tame({ node: out, bound: 2 ** 32, error: 2 ** 32 * 2 ** -22, grain: 0 }, 8);
    }
    return track(out, to === 'uint32' && node.dtype === 'int32' ? Infinity : bound, 0, 0);
  }

  /** To 16 bits, moved about and filled up there, and back to some other dtype. */
  private storedAsHalf(x: Tracked): Tracked | null {
    const { dice } = this;
    const kind = dice.pick(['float16', 'bfloat16'] as const);
    if (!isFloat(x.node.dtype) || x.bound + x.error > 60_000) return null;
    const stored = g.cast(x.node, kind);
    // Nearest multiples of what is finer than the last bit are multiples of it too: what was exact stays so.
    const last = kind === 'float16' ? 2 ** -10 : 2 ** -7;
    const error = isExact(x) ? 0 : x.error + last * (x.bound + x.error);
    let half: Tracked = { node: stored, bound: 1.01 * x.bound, error, grain: x.grain };
    if (dice.chance(0.4)) half = this.sliceOf(half);
    if (dice.chance(0.3)) half = this.padOf(half) ?? half;
    if (dice.chance(0.3)) {
      const mask = this.fit(half.node.shape, 'bool');
      half = moved(g.select(mask.node, half.node, g.fill(0, half.node)), half);
    }
    const turned = g.transpose(half.node, dice.shuffled(this.axesOf(half)));
    // Bits as they lie in memory can be compared where all agree on them.
    if (isExact(half) && dice.chance(0.3)) return moved(turned, half);
    return this.castOf(moved(turned, half), dice.pick(['float32', 'float32', 'float64', 'int32', 'bool']));
  }

  private sliceOf(x: Tracked): Tracked {
    const { dice } = this;
    const start: number[] = [];
    const step: number[] = [];
    const out = x.node.shape.map((extent) => {
      const whole = dice.chance(0.4);
      const stride = whole ? dice.pick([1, 1, -1]) : dice.pick([1, 2, 3, -1, -2]);
      const most = Math.ceil(extent / Math.abs(stride));
      const count = whole || extent === 0 ? most : dice.between(dice.chance(0.05) ? 0 : 1, most);
      const slack = Math.max(0, extent - 1 - (count - 1) * Math.abs(stride));
      const first = dice.between(0, count === 0 ? 0 : slack);
      start.push(stride > 0 ? first : extent - 1 - first);
      step.push(stride);
      return count;
    });
    return moved(g.slice(x.node, start, step, out), x);
  }

  private padOf(x: Tracked): Tracked | null {
    const { dice } = this;
    const { shape, dtype } = x.node;
    const amounts = (values: readonly number[]) =>
      shape.map(() => (dice.chance(0.4) ? dice.pick(values) : 0));
    const low = amounts([0, 1, 2, 3, -1]);
    const high = amounts([0, 1, 2, 3, -1, -2]);
    const interior = amounts([0, 1, 2]);
    const fits = shape.every((n, i) => n + Math.max(0, n - 1) * interior[i] + low[i] + high[i] >= 0);
    if (!fits) return null;
    const value = dtype === 'bool' ? dice.between(0, 1) : dice.pick([0, 0, 1, 3]);
    return track(g.pad(x.node, low, high, interior, value), Math.max(x.bound, value), x.error, x.grain);
  }

  private windowOf(x: Tracked): Tracked | null {
    const { dice } = this;
    const { shape } = x.node;
    const axes = dice.shuffled(dice.subset(this.axesOf(x), 0.5)).slice(0, 2);
    if (axes.length === 0 || shape.length + axes.length > 8) return null;
    // Mostly windows that fit; one that does not has no positions.
    const taps = dice.chance(0.95) ? (n: number) => Math.max(1, Math.min(3, n)) : () => 3;
    const size = axes.map((axis) => dice.between(1, taps(shape[axis])));
    const dilation = axes.map((axis, i) => dice.between(1, (size[i] - 1) * 2 < shape[axis] ? 2 : 1));
    const stride = axes.map(() => dice.between(1, 3));
    return moved(g.window(x.node, { axes, size, stride, dilation }), x);
  }

  /** Pooling as layers write it: padding that no window lies in entirely, windows, a reduction over them. */
  private poolOf(x: Tracked): Tracked | null {
    const { dice } = this;
    const { shape, dtype } = x.node;
    if (!isFloat(dtype) || shape.length < 2 || shape.includes(0)) return null;
    const axes = [shape.length === 2 ? 1 : shape.length - 2, ...(shape.length === 4 ? [1] : [])].sort();
    const size = axes.map(() => dice.between(1, 3));
    const margin = size.map((n) => dice.between(0, Math.floor(n / 2)));
    const low = shape.map((_, axis) => (axes.includes(axis) ? margin[axes.indexOf(axis)] : 0));
    const kind = dice.pick(['max', 'sum'] as const);
    const padded = g.pad(x.node, low, low, undefined, kind === 'max' ? -Infinity : 0);
    const stride = axes.map(() => dice.between(1, 3));
    const counts = axes.map((axis, i) => windowCount(padded.shape[axis], size[i], stride[i], 1));
    if (counts.includes(0)) return null;
    const windows = g.window(padded, { axes, size, stride, dilation: axes.map(() => 1) });
    const last = axes.map((_, i) => shape.length + i);
    if (kind === 'sum') return summed(g.reduce('sum', windows, last), sizeOf(size), x);
    return moved(g.reduce('max', windows, last), x);
  }

  private reduceOf(operand: Tracked): Tracked | null {
    const { dice } = this;
    const axes = this.reducible(operand);
    if (axes === null) return null;
    if (operand.node.dtype === 'bool') {
      return track(g.reduce(dice.pick(['and', 'or']), operand.node, axes), 1, 0, 0);
    }
    const kind = dice.weighted({ sum: 6, max: 3, min: 2, prod: 1 });
    const shape = operand.node.shape;
    const empty = dice.chance(0.5) ? this.axesOf(operand).filter((axis) => shape[axis] === 0) : [];
    if (kind === 'sum') {
      const result = sumOver(operand, [...axes, ...empty].sort());
      return dice.chance(0.25) && empty.length === 0 ? restored(result, shape, axes) : result;
    }
    if (kind === 'max' || kind === 'min') {
      const result = moved(g.reduce(kind, operand.node, axes), operand);
      return dice.chance(0.25) ? restored(result, shape, axes) : result;
    }
    const count = sizeOf(axes.map((axis) => shape[axis]));
    if (!isFloat(operand.node.dtype)) return track(g.reduce('prod', operand.node, axes), Infinity, 0, 0);
    if (count > 8) return null;
    const x = tame(operand, 2);
    const top = Math.max(1, x.bound + x.error);
    return track(
      g.reduce('prod', x.node, axes),
      top ** count,
      count * top ** count * x.error,
      count * x.grain,
      count,
    );
  }

  /** The extreme of updates and of something else, so that places where no update arrives have a bound too. */
  private scatterExtreme(
    kind: 'max' | 'min',
    indices: Node,
    updates: Tracked,
    shape: readonly number[],
    axis: number,
  ): Tracked {
    const scattered = moved(g.scatter(kind, indices, updates.node, shape, axis), updates);
    return binary(kind, scattered, this.fit(shape, updates.node.dtype));
  }

  private prefixOf(operand: Tracked): Tracked | null {
    const { dice } = this;
    const { shape, dtype } = operand.node;
    if (shape.length === 0 || dtype === 'bool') return null;
    const axis = dice.between(0, shape.length - 1);
    const kind = dice.weighted({ sum: 6, max: 3, min: 2, prod: 1 });
    const isReverse = dice.chance(0.4);
    if (kind === 'sum') return summed(g.prefix('sum', operand.node, axis, isReverse), shape[axis], operand);
    if (kind !== 'prod') return moved(g.prefix(kind, operand.node, axis, isReverse), operand);
    if (!isFloat(dtype)) return track(g.prefix('prod', operand.node, axis, isReverse), Infinity, 0, 0);
    const count = shape[axis];
    if (count > 8) return null;
    const x = tame(operand, 2);
    const top = Math.max(1, x.bound + x.error) ** count;
    return track(
      g.prefix('prod', x.node, axis, isReverse),
      top,
      count * top * x.error,
      count * x.grain,
      count,
    );
  }

  /** One more operation on the pool, if the dice offer one that applies and stays small. */
  grow(): void {
    const before = new Set(this.data.keys());
    const made = this.apply(this.dice.weighted(steps));
    const isSmall = (node: Node): boolean => sizeOf(node.shape) <= largest && node.shape.length <= 8;
    const keeps =
      made !== null &&
      isSmall(made.node) &&
      (!isFloat(made.node.dtype) || (made.bound <= 1e6 && made.error <= 1e-2 * Math.max(1, made.bound)));
    if (keeps) this.pool.push(made);
    else {
      // A step may have put a part of what it made into the pool.
      const used = new Set(topological(this.pool.map((x) => x.node)));
      for (const node of this.data.keys()) if (!before.has(node) && !used.has(node)) this.data.delete(node);
    }
  }

  start(): void {
    const shape = this.shape();
    this.pool.push(this.leaf(shape, this.dtype()));
    for (let i = this.dice.between(0, 2); i > 0; i--) {
      this.pool.push(this.leaf(this.dice.chance(0.5) ? shape : this.shape(), this.dtype()));
    }
  }
}

/**
 * A random program of about `operations` operations, the same for the same seed. Its roots are the nodes that nothing uses,
 * and sometimes one from the middle.
 */
export function randomGraph(seed: number, operations = 12): RandomGraph {
  const dice = new Dice(seed);
  const maker = new GraphMaker(dice);
  maker.start();
  for (let i = dice.between(2, 2 * operations - 2); i > 0; i--) maker.grow();
  const computed = maker.pool.filter((x) => x.node.op !== 'input');
  const candidates = computed.length > 0 ? computed : maker.pool;
  const used = new Set(topological(candidates.map((x) => x.node)).flatMap((node) => node.inputs));
  const roots = candidates.filter((x) => !used.has(x.node) || dice.chance(0.08));
  const needed = new Set(topological(roots.map((x) => x.node)));
  return {
    seed,
    roots: roots.map((x) => x.node),
    // Bounds are worst cases already; the factor is for implementations that round a little worse.
    tolerances: roots.map((x) => 2 * x.error),
    data: new Map([...maker.data].filter(([node]) => needed.has(node))),
  };
}
