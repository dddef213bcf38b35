import * as g from '../graph/build.ts';
import { type DType, isFloat, join } from '../graph/dtype.ts';
import type { Node } from '../graph/node.ts';
import type { BinaryKind, CompareKind, UnaryKind } from '../graph/vocabulary.ts';
import { ArrayBase, type Operand, raw } from './array_base.ts';
import { broadcastShapes, meet } from './operands.ts';
import type { Tensor } from './tensor.ts';

const isArray = (x: Operand): x is Tensor => x instanceof ArrayBase;

/** Elements of `a` where the condition holds, of `b` elsewhere; all three broadcast. */
export function whereOf(condition: Node, a: Node | number | boolean, b: Node | number | boolean): Node {
  const [x, y] = meet('where', [a, b], false, join);
  const shape = broadcastShapes('where', condition.shape, x.shape, y.shape);
  const [c, whenTrue, whenFalse] = [g.cast(condition, 'bool'), x, y].map((n) => g.broadcastTo(n, shape));
  return g.select(c, whenTrue, whenFalse);
}

/** Operations on elements, with broadcasting and promotion. */
export abstract class ElementwiseArray extends ArrayBase {
  #unary(kind: UnaryKind, floats = true): Tensor {
    const x = floats && !isFloat(this.dtype) ? g.cast(this.node, 'float32') : this.node;
    return this.wrap(g.unary(kind, x));
  }
  #binary(kind: BinaryKind, other: Operand, floats = false): Tensor {
    const [a, b] = meet(kind, [this.node, raw(other)], floats);
    const numbers =
      a.dtype === 'bool' && !['and', 'or', 'xor'].includes(kind)
        ? [g.cast(a, 'int32'), g.cast(b, 'int32')]
        : [a, b];
    return this.wrap(g.binary(kind, numbers[0], numbers[1]));
  }
  #compare(kind: CompareKind, other: Operand, swap = false): Tensor {
    const [a, b] = meet(kind, [this.node, raw(other)]);
    return this.wrap(swap ? g.compare(kind, b, a) : g.compare(kind, a, b));
  }

  add(other: Operand): Tensor {
    return this.#binary('add', other);
  }
  sub(other: Operand): Tensor {
    return this.#binary('sub', other);
  }
  mul(other: Operand): Tensor {
    return this.#binary('mul', other);
  }
  /** True division; integers become float32. */
  div(other: Operand): Tensor {
    return this.#binary('div', other, true);
  }
  /** Division rounded down; integers stay integers (by zero gives 0). */
  floorDivide(other: Operand): Tensor {
    const [a, b] = meet('floorDivide', [this.node, raw(other)]).map((n) =>
      n.dtype === 'bool' ? g.cast(n, 'int32') : n,
    );
    const quotient = g.div(a, b);
    if (isFloat(a.dtype)) return this.wrap(g.unary('floor', quotient));
    const remainder = g.binary('rem', a, b);
    const zero = g.fill(0, a);
    const inexact = g.binary(
      'and',
      g.compare('ne', remainder, zero),
      g.binary('xor', g.compare('lt', remainder, zero), g.compare('lt', b, zero)),
    );
    return this.wrap(g.select(inexact, g.sub(quotient, g.fill(1, a)), quotient));
  }
  /** Remainder with the sign of the divisor (Python's %). */
  mod(other: Operand): Tensor {
    const [a, b] = meet('mod', [this.node, raw(other)]).map((n) =>
      n.dtype === 'bool' ? g.cast(n, 'int32') : n,
    );
    const remainder = g.binary('rem', a, b);
    const zero = g.fill(0, a);
    const shift = g.binary(
      'and',
      g.compare('ne', remainder, zero),
      g.binary('xor', g.compare('lt', remainder, zero), g.compare('lt', b, zero)),
    );
    return this.wrap(g.select(shift, g.add(remainder, b), remainder));
  }
  pow(exponent: Operand): Tensor {
    if (exponent === 2) return this.mul(this.self);
    if (exponent === 1) return this.self;
    if (exponent === 0.5) return this.sqrt();
    return this.#binary('pow', exponent);
  }
  maximum(other: Operand): Tensor {
    return this.#binary('max', other);
  }
  minimum(other: Operand): Tensor {
    return this.#binary('min', other);
  }
  /** min(max(x, low), high); either bound may be null. The derivative is 1 from bound to bound, both included, and 0 beyond. */
  clip(low: number | null, high: number | null): Tensor {
    let result = this.self;
    if (low !== null) result = this.wrap(whereOf(result.lt(low).node, low, result.node));
    if (high !== null) result = this.wrap(whereOf(result.gt(high).node, high, result.node));
    return result;
  }
  neg(): Tensor {
    return this.#unary('neg', this.dtype === 'bool');
  }
  abs(): Tensor {
    return this.#unary('abs', this.dtype === 'bool');
  }
  sign(): Tensor {
    return this.#unary('sign', this.dtype === 'bool');
  }
  square(): Tensor {
    return this.mul(this.self);
  }
  reciprocal(): Tensor {
    const x = isFloat(this.dtype) ? this.node : g.cast(this.node, 'float32');
    return this.wrap(g.div(g.fill(1, x), x));
  }
  exp(): Tensor {
    return this.#unary('exp');
  }
  log(): Tensor {
    return this.#unary('log');
  }
  expm1(): Tensor {
    return this.#unary('expm1');
  }
  log1p(): Tensor {
    return this.#unary('log1p');
  }
  sin(): Tensor {
    return this.#unary('sin');
  }
  cos(): Tensor {
    return this.#unary('cos');
  }
  tanh(): Tensor {
    return this.#unary('tanh');
  }
  erf(): Tensor {
    return this.#unary('erf');
  }
  /** 1 / (1 + exp(-x)) */
  sigmoid(): Tensor {
    return this.#unary('sigmoid');
  }
  /** max(x, 0), with derivative 0 at 0. */
  relu(): Tensor {
    return this.#unary('relu', this.dtype === 'bool');
  }
  sqrt(): Tensor {
    return this.#unary('sqrt');
  }
  rsqrt(): Tensor {
    return this.#unary('rsqrt');
  }
  floor(): Tensor {
    return isFloat(this.dtype) ? this.#unary('floor') : this.self;
  }
  ceil(): Tensor {
    return isFloat(this.dtype) ? this.#unary('ceil') : this.self;
  }
  /** To the nearest integer, halves to even. */
  round(): Tensor {
    return isFloat(this.dtype) ? this.#unary('round') : this.self;
  }
  /** Numeric conversion: float to integer truncates and saturates, to bool is `!= 0`. */
  cast(dtype: DType): Tensor {
    return this.wrap(g.cast(this.node, dtype));
  }

  #logical(kind: 'and' | 'or', other: Operand): Tensor {
    const [a, b] = meet(kind, [
      g.cast(this.node, 'bool'),
      isArray(other) ? g.cast(other.node, 'bool') : Boolean(other),
    ]);
    return this.wrap(g.binary(kind, a, b));
  }

  eq(other: Operand): Tensor {
    return this.#compare('eq', other);
  }
  ne(other: Operand): Tensor {
    return this.#compare('ne', other);
  }
  lt(other: Operand): Tensor {
    return this.#compare('lt', other);
  }
  le(other: Operand): Tensor {
    return this.#compare('le', other);
  }
  gt(other: Operand): Tensor {
    return this.#compare('lt', other, true);
  }
  ge(other: Operand): Tensor {
    return this.#compare('le', other, true);
  }
  logicalAnd(other: Operand): Tensor {
    return this.#logical('and', other);
  }
  logicalOr(other: Operand): Tensor {
    return this.#logical('or', other);
  }
  logicalNot(): Tensor {
    return this.wrap(g.unary('not', g.cast(this.node, 'bool')));
  }
  /** `this` where the condition holds, else `other`. */
  where(condition: Tensor, other: Operand): Tensor {
    return this.wrap(whereOf(condition.node, this.node, raw(other)));
  }
}
