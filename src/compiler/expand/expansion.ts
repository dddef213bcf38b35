import type { CompositeBinaryKind, CompositeUnaryKind } from '../../graph/vocabulary.ts';
import type { KernelExpr } from '../kernel.ts';
import { Algebra, castTo } from './algebra.ts';
import * as exponential from './exponential.ts';
import * as incompleteGamma from './incomplete_gamma.ts';
import * as special from './special.ts';
import * as trigonometric from './trigonometric.ts';

/**
 * Elementwise kinds that are put together from simpler ones: one entry each, applied where a kernel's expressions become code.
 * Until then such a function is one operation, so that neither fusion nor scheduling nor the printers know more of it than a name.
 */
type Unary = (a: Algebra, x: KernelExpr) => KernelExpr;
type Binary = (a: Algebra, x: KernelExpr, y: KernelExpr) => KernelExpr;

/** Kinds that are always computed in double precision: in float32 they would lose too much on the way. */
type DoubleUnary = 'lgamma' | 'digamma' | 'i0' | 'i1' | 'i0e' | 'i1e';
type DoubleBinary = 'zeta' | 'igamma' | 'igammac';

/** In the precision of the operands. */
const unary: { readonly [K in Exclude<CompositeUnaryKind, DoubleUnary>]: Unary } = {
  tan: trigonometric.tan,
  asin: trigonometric.asin,
  acos: trigonometric.acos,
  atan: trigonometric.atan,
  sinh: exponential.sinh,
  cosh: exponential.cosh,
  asinh: exponential.asinh,
  acosh: exponential.acosh,
  atanh: exponential.atanh,
  exp2: exponential.exp2,
  log2: exponential.log2,
  log10: exponential.log10,
  cbrt: exponential.cbrt,
  erfc: special.erfc,
  erfinv: special.erfinv,
};
const binary: { readonly [K in Exclude<CompositeBinaryKind, DoubleBinary>]: Binary } = {
  atan2: trigonometric.atan2,
  hypot: trigonometric.hypot,
  logaddexp: exponential.logaddexp,
};

const doubleUnary: { readonly [K in DoubleUnary]: (x: KernelExpr) => KernelExpr } = {
  lgamma: special.lgamma,
  digamma: special.digamma,
  i0: (x) => special.bessel(0, x),
  i1: (x) => special.bessel(1, x),
  i0e: (x) => special.besselScaled(0, x),
  i1e: (x) => special.besselScaled(1, x),
};
const doubleBinary: { readonly [K in DoubleBinary]: (x: KernelExpr, y: KernelExpr) => KernelExpr } = {
  zeta: special.zeta,
  igamma: incompleteGamma.lower,
  igammac: incompleteGamma.upper,
};

/**
 * Whether a kind is long code for one element at a time, as it iterates or is computed in double precision. It is not vectorized, and
 * has no place in the unrolled code of a product's tile.
 */
export const isScalarOnly = (kind: string): boolean =>
  kind === 'gcd' || kind in doubleUnary || kind in doubleBinary;

const known = new WeakMap<KernelExpr, KernelExpr>();

/** The expression that an operation stands for; null if it is a simple one. The same for the same operation. */
export function expansion(x: KernelExpr): KernelExpr | null {
  if (x.op !== 'unary' && x.op !== 'binary') return null;
  let result = known.get(x) ?? null;
  if (result !== null) return result;
  result = x.op === 'unary' ? ofUnary(x) : ofBinary(x);
  if (result !== null) known.set(x, result);
  return result;
}

const algebras = { float32: new Algebra('float32'), float64: new Algebra('float64') };

function ofUnary({ kind, x, dtype }: KernelExpr & { op: 'unary' }): KernelExpr | null {
  if (dtype !== 'float32' && dtype !== 'float64') return null;
  if (kind in doubleUnary) return castTo(dtype, doubleUnary[kind as DoubleUnary](castTo('float64', x)));
  if (!(kind in unary)) return null;
  return unary[kind as keyof typeof unary](algebras[dtype], x);
}

function ofBinary({ kind, a, b, dtype }: KernelExpr & { op: 'binary' }): KernelExpr | null {
  if (dtype !== 'float32' && dtype !== 'float64') return null;
  if (kind in doubleBinary)
    return castTo(dtype, doubleBinary[kind as DoubleBinary](castTo('float64', a), castTo('float64', b)));
  if (!(kind in binary)) return null;
  return binary[kind as keyof typeof binary](algebras[dtype], a, b);
}
