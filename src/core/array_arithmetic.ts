import * as g from '../graph/build.ts';
import { type DType, isFloat, isInteger } from '../graph/dtype.ts';
import type { BinaryKind, CompareKind, UnaryKind } from '../graph/vocabulary.ts';
import { ArrayBase, type Operand, raw } from './array_base.ts';
import * as e from './elementwise.ts';
import { computable, meet } from './operands.ts';
import type { Tensor } from './tensor.ts';

const isArray = (x: Operand): x is Tensor => x instanceof ArrayBase;

/** How close two numbers must be: `|a - b| <= atol + rtol |b|`. */
export interface CloseOptions {
  /** Relative to the second operand. Default 1e-5. */
  rtol?: number;
  /** Absolute. Default 1e-8. */
  atol?: number;
  /** Whether NaN is close to NaN. Default false. */
  equalNaN?: boolean;
}

/**
 * Arithmetic, comparisons, logic and bits, with broadcasting and promotion. docs/decisions/numbers.md says what happens at zeros,
 * infinities and NaN, and what integers do.
 */
export abstract class ArithmeticArray extends ArrayBase {
  #unary(kind: UnaryKind): Tensor {
    return this.wrap(g.unary(kind, e.asComputed(this.node)));
  }
  #binary(kind: BinaryKind, other: Operand, floats = false): Tensor {
    const [a, b] = floats
      ? meet(kind, [this.node, raw(other)], true)
      : e.meetNumbers(kind, this.node, raw(other));
    return this.wrap(g.binary(kind, a, b));
  }
  #bits(name: string, kind: BinaryKind, other: Operand, only = false): Tensor {
    const [a, b] = meet(name, [this.node, raw(other)]).map((n) => e.onBits(name, n));
    const isBool = a.dtype === 'bool' && only;
    return this.wrap(g.binary(kind, isBool ? g.cast(a, 'int32') : a, isBool ? g.cast(b, 'int32') : b));
  }
  #compare(kind: CompareKind, other: Operand, swap = false): Tensor {
    const [a, b] = meet(kind, [this.node, raw(other)]);
    return this.wrap(swap ? g.compare(kind, b, a) : g.compare(kind, a, b));
  }
  #logical(kind: 'and' | 'or' | 'xor', other: Operand): Tensor {
    const [a, b] = meet(kind, [
      g.cast(this.node, 'bool'),
      isArray(other) ? g.cast(other.node, 'bool') : Boolean(other),
    ]);
    return this.wrap(g.binary(kind, a, b));
  }

  /** x + y. Integers wrap at 32 bits. */
  add(other: Operand): Tensor {
    return this.#binary('add', other);
  }
  /** x - y. Integers wrap at 32 bits. */
  sub(other: Operand): Tensor {
    return this.#binary('sub', other);
  }
  /** x y. Integers wrap at 32 bits. */
  mul(other: Operand): Tensor {
    return this.#binary('mul', other);
  }
  /** True division; integers become float32. */
  div(other: Operand): Tensor {
    return this.#binary('div', other, true);
  }
  /** Division rounded down; integers stay integers (by zero gives 0). Floats as in Python: from the exact remainder. */
  floorDivide(other: Operand): Tensor {
    const [a, b] = e.meetNumbers('floorDivide', this.node, raw(other));
    return this.wrap(e.floorQuotient(a, b));
  }
  /** Remainder of `floorDivide`, with the sign of the divisor (Python's %); of integers by zero 0. */
  mod(other: Operand): Tensor {
    const [a, b] = e.meetNumbers('mod', this.node, raw(other));
    return this.wrap(e.floorRemainder(a, b));
  }
  /** PyTorch's and NumPy's name of `mod`. */
  remainder(other: Operand): Tensor {
    return this.mod(other);
  }
  /** Remainder of the division rounded towards zero, with the sign of the dividend (C's %); exact. Of integers by zero 0. */
  fmod(other: Operand): Tensor {
    return this.#binary('rem', other);
  }
  /** x to the power y. Integers wrap, and give 0 for negative exponents unless |x| is 1. */
  pow(exponent: Operand): Tensor {
    if (exponent === 2) return this.mul(this.self);
    if (exponent === 1) return this.wrap(computable(this.node));
    if (exponent === 0.5) return this.wrap(g.unary('sqrt', e.asFloat(this.node)));
    return this.#binary('pow', exponent);
  }
  /** The larger one; NaN if either is. Where both are equal each gets half of the gradient. */
  maximum(other: Operand): Tensor {
    return this.#binary('max', other);
  }
  /** The smaller one; NaN if either is. Where both are equal each gets half of the gradient. */
  minimum(other: Operand): Tensor {
    return this.#binary('min', other);
  }
  #ignoringNaN(name: string, kind: 'max' | 'min', other: Operand): Tensor {
    const [a, b] = e.meetNumbers(name, this.node, raw(other));
    if (!isFloat(a.dtype)) return this.wrap(g.binary(kind, a, b));
    const wins = kind === 'max' ? g.compare('le', b, a) : g.compare('le', a, b);
    return this.wrap(g.select(g.binary('or', wins, e.isNaNOf(b)), a, b));
  }
  /** The larger one; where one is NaN the other. Of equal ones the first has the gradient. */
  fmax(other: Operand): Tensor {
    return this.#ignoringNaN('fmax', 'max', other);
  }
  /** The smaller one; where one is NaN the other. Of equal ones the first has the gradient. */
  fmin(other: Operand): Tensor {
    return this.#ignoringNaN('fmin', 'min', other);
  }
  /**
   * min(max(x, low), high); bounds are numbers or arrays, either may be null. The derivative is 1 from bound to bound, both included,
   * and 0 beyond, where it goes to the bound.
   */
  clip(low: Operand | null, high: Operand | null): Tensor {
    let result = this.self;
    if (low !== null) result = this.wrap(e.whereOf(result.lt(low).node, raw(low), result.node));
    if (high !== null) result = this.wrap(e.whereOf(result.gt(high).node, raw(high), result.node));
    return result;
  }
  /** PyTorch's name of `clip`. */
  clamp(low: Operand | null, high: Operand | null): Tensor {
    return this.clip(low, high);
  }
  /** -x; of the lowest int32 itself, of uint32 modulo 2^32. */
  neg(): Tensor {
    return this.#unary('neg');
  }
  /** |x|; of the lowest int32 itself. The derivative at 0 is 0. */
  abs(): Tensor {
    return this.#unary('abs');
  }
  /** -1, 0 or 1; zeros and NaN as they are. */
  sign(): Tensor {
    return this.#unary('sign');
  }
  /** x^2 */
  square(): Tensor {
    return this.mul(this.self);
  }
  /** 1 / x; integers become float32. */
  reciprocal(): Tensor {
    const x = e.asFloat(this.node);
    return this.wrap(g.div(g.fill(1, x), x));
  }
  /** max(x, 0), with derivative 0 at 0. */
  relu(): Tensor {
    return this.#unary('relu');
  }
  /** The greatest common divisor of integers, not negative; of 0 and 0 it is 0. @throws on floats */
  gcd(other: Operand): Tensor {
    return this.#integers('gcd', other, (a, b) => g.binary('gcd', a, b));
  }
  /** The least common multiple of integers, not negative; 0 if either is. @throws on floats */
  lcm(other: Operand): Tensor {
    return this.#integers('lcm', other, (a, b) => {
      const product = g.mul(g.div(a, g.binary('gcd', a, b)), b);
      return a.dtype === 'int32' ? g.unary('abs', product) : product;
    });
  }
  #integers(
    name: string,
    other: Operand,
    f: (a: Tensor['node'], b: Tensor['node']) => Tensor['node'],
  ): Tensor {
    const [a, b] = e.meetNumbers(name, this.node, raw(other));
    if (!isInteger(a.dtype))
      throw new TypeError(
        `${name}: needs integers, got ${this.dtype} and ${isArray(other) ? other.dtype : other}; cast first`,
      );
    return this.wrap(f(a, b));
  }

  // Bits

  /** Of the bits of integers, or logical of bool. @throws on floats */
  bitwiseAnd(other: Operand): Tensor {
    return this.#bits('bitwiseAnd', 'and', other);
  }
  /** Of the bits of integers, or logical of bool. @throws on floats */
  bitwiseOr(other: Operand): Tensor {
    return this.#bits('bitwiseOr', 'or', other);
  }
  /** Exclusive or of the bits of integers, or logical of bool. @throws on floats */
  bitwiseXor(other: Operand): Tensor {
    return this.#bits('bitwiseXor', 'xor', other);
  }
  /** All bits turned over, or logical not of bool. @throws on floats */
  bitwiseNot(): Tensor {
    return this.wrap(g.unary('not', e.onBits('bitwiseNot', this.node)));
  }
  /** x 2^y, wrapped; counts are taken modulo 32. @throws on floats */
  leftShift(other: Operand): Tensor {
    return this.#bits('leftShift', 'shl', other, true);
  }
  /** x / 2^y rounded down: int32 keeps its sign, uint32 fills with zeros; counts are taken modulo 32. @throws on floats */
  rightShift(other: Operand): Tensor {
    return this.#bits('rightShift', 'shr', other, true);
  }
  /** Number of ones among the 32 bits, as int32. @throws on floats */
  popcount(): Tensor {
    const x = e.onBits('popcount', this.node);
    return this.wrap(x.dtype === 'bool' ? g.cast(x, 'int32') : e.populationCount(x));
  }

  // Comparison and logic

  /** x = y, as bool. NaN equals nothing. */
  eq(other: Operand): Tensor {
    return this.#compare('eq', other);
  }
  /** x ≠ y, as bool. NaN differs from everything. */
  ne(other: Operand): Tensor {
    return this.#compare('ne', other);
  }
  /** x < y, as bool. */
  lt(other: Operand): Tensor {
    return this.#compare('lt', other);
  }
  /** x ≤ y, as bool. */
  le(other: Operand): Tensor {
    return this.#compare('le', other);
  }
  /** x > y, as bool. */
  gt(other: Operand): Tensor {
    return this.#compare('lt', other, true);
  }
  /** x ≥ y, as bool. */
  ge(other: Operand): Tensor {
    return this.#compare('le', other, true);
  }
  /** Whether both are not 0 (NaN is not). */
  logicalAnd(other: Operand): Tensor {
    return this.#logical('and', other);
  }
  /** Whether either is not 0 (NaN is not). */
  logicalOr(other: Operand): Tensor {
    return this.#logical('or', other);
  }
  /** Whether exactly one is not 0 (NaN is not). */
  logicalXor(other: Operand): Tensor {
    return this.#logical('xor', other);
  }
  /** Whether x is 0. */
  logicalNot(): Tensor {
    return this.wrap(g.unary('not', g.cast(this.node, 'bool')));
  }
  /** Whether `|x - y| <= atol + rtol |y|`; an infinity is close to itself only. */
  isclose(other: Operand, options: CloseOptions = {}): Tensor {
    const { rtol = 1e-5, atol = 1e-8, equalNaN = false } = options;
    const [a, b] = meet('isclose', [this.node, raw(other)]).map(e.asFloat);
    const margin = g.add(g.fill(atol, a), g.mul(g.fill(rtol, a), g.unary('abs', b)));
    const near = g.compare('le', g.unary('abs', g.sub(a, b)), margin);
    const isOrdinary = g.binary('and', e.isFiniteOf(a), e.isFiniteOf(b));
    let close = g.binary('or', g.compare('eq', a, b), g.binary('and', isOrdinary, near));
    if (equalNaN) close = g.binary('or', close, g.binary('and', e.isNaNOf(a), e.isNaNOf(b)));
    return this.wrap(close);
  }
  /** Whether all elements are close (see `isclose`), as a JavaScript boolean. Reads values: inside jit use `isclose(y).all()`. */
  allclose(other: Operand, options: CloseOptions = {}): boolean {
    return this.isclose(other, options).all().item() !== 0;
  }
  /** Whether shape and all elements are equal, as a JavaScript boolean. Reads values: inside jit use `eq(y).all()`. */
  arrayEqual(other: Tensor): boolean {
    const same = this.ndim === other.ndim && this.shape.every((n, i) => n === other.shape[i]);
    return same && this.eq(other).all().item() !== 0;
  }
  /** `this` where the condition holds, else `other`. */
  where(condition: Tensor, other: Operand): Tensor {
    return this.wrap(e.whereOf(condition.node, this.node, raw(other)));
  }
  /**
   * Numeric conversion: float to integer truncates and saturates (NaN gives 0), between integers the bits stay, to bool is `!= 0`, to
   * a narrower float rounds to nearest, halves to even.
   */
  cast(dtype: DType): Tensor {
    return this.wrap(g.cast(this.node, dtype));
  }
}
