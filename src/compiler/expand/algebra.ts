import type { DType } from '../../graph/dtype.ts';
import type { BinaryKind, CompareKind, UnaryKind } from '../../graph/vocabulary.ts';
import type { IteratedKind, KernelExpr } from '../kernel.ts';

/** An expression, or a number that stands for a constant of the algebra's dtype. */
export type Term = KernelExpr | number;

/** Arithmetic on kernel expressions of one float dtype: what functions that are put together from others are written in. */
export class Algebra {
  readonly dtype: 'float32' | 'float64';

  constructor(dtype: 'float32' | 'float64') {
    this.dtype = dtype;
  }

  /** Whether this is double precision. */
  get isDouble(): boolean {
    return this.dtype === 'float64';
  }

  constant(value: number, dtype: DType = this.dtype): KernelExpr {
    return { op: 'const', dtype, value: dtype === 'float32' ? Math.fround(value) : value };
  }
  #term(x: Term): KernelExpr {
    return typeof x === 'number' ? this.constant(x) : x;
  }

  unary(kind: UnaryKind, x: Term): KernelExpr {
    return { op: 'unary', dtype: this.dtype, kind, x: this.#term(x) };
  }
  binary(kind: BinaryKind | IteratedKind, a: Term, b: Term): KernelExpr {
    return { op: 'binary', dtype: this.dtype, kind, a: this.#term(a), b: this.#term(b) };
  }
  add(a: Term, b: Term): KernelExpr {
    return this.binary('add', a, b);
  }
  sub(a: Term, b: Term): KernelExpr {
    return this.binary('sub', a, b);
  }
  mul(a: Term, b: Term): KernelExpr {
    return this.binary('mul', a, b);
  }
  div(a: Term, b: Term): KernelExpr {
    return this.binary('div', a, b);
  }
  /** NaN if either is. */
  max(a: Term, b: Term): KernelExpr {
    return this.binary('max', a, b);
  }
  min(a: Term, b: Term): KernelExpr {
    return this.binary('min', a, b);
  }
  neg(x: Term): KernelExpr {
    return this.unary('neg', x);
  }
  abs(x: Term): KernelExpr {
    return this.unary('abs', x);
  }

  #compare(kind: CompareKind, a: Term, b: Term): KernelExpr {
    return { op: 'compare', dtype: 'bool', kind, a: this.#term(a), b: this.#term(b) };
  }
  less(a: Term, b: Term): KernelExpr {
    return this.#compare('lt', a, b);
  }
  equal(a: Term, b: Term): KernelExpr {
    return this.#compare('eq', a, b);
  }
  both(a: KernelExpr, b: KernelExpr): KernelExpr {
    return { op: 'binary', dtype: 'bool', kind: 'and', a, b };
  }
  either(a: KernelExpr, b: KernelExpr): KernelExpr {
    return { op: 'binary', dtype: 'bool', kind: 'or', a, b };
  }
  select(condition: KernelExpr, a: Term, b: Term): KernelExpr {
    return { op: 'select', dtype: this.dtype, condition, a: this.#term(a), b: this.#term(b) };
  }

  /** `c[0] + c[1] x + c[2] x^2 + ..` by Horner's rule. */
  polynomial(x: Term, coefficients: readonly number[]): KernelExpr {
    let sum = this.constant(coefficients[coefficients.length - 1]);
    for (let i = coefficients.length - 2; i >= 0; i--) sum = this.add(this.mul(sum, x), coefficients[i]);
    return sum;
  }

  /** An odd function's value from that for |x|; x itself at the zeros and for NaN. */
  odd(x: KernelExpr, size: KernelExpr): KernelExpr {
    return this.select(this.less(x, 0), this.neg(size), this.select(this.less(0, x), size, x));
  }

  /** Whether the sign bit of a number is set: of -0 as well. */
  isNegative(x: KernelExpr): KernelExpr {
    return this.either(this.less(x, 0), this.both(this.equal(x, 0), this.less(this.div(1, x), 0)));
  }
}

/** An operation on the 32 bits of a float32. */
export const onBits = (kind: BinaryKind, a: KernelExpr, b: KernelExpr | number): KernelExpr => ({
  op: 'binary',
  dtype: 'int32',
  kind,
  a,
  b: typeof b === 'number' ? { op: 'const', dtype: 'int32', value: b } : b,
});

export const bitsOf = (x: KernelExpr): KernelExpr => ({ op: 'bitcast', dtype: 'int32', x });
export const ofBits = (x: KernelExpr): KernelExpr => ({ op: 'bitcast', dtype: 'float32', x });
export const castTo = (dtype: DType, x: KernelExpr): KernelExpr => ({ op: 'cast', dtype, x });
