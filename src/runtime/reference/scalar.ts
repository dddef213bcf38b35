import type { DType } from '../../graph/dtype.ts';
import { erf } from '../../graph/erf.ts';
import { halfBits, halfValue, isHalf } from '../../graph/half.ts';
import type { BinaryKind, CompareKind, ReduceKind, UnaryKind } from '../../graph/vocabulary.ts';
import * as special from './special.ts';

/**
 * What each elementwise kind does to one element, for floats, integers and bool. The value is a double; the caller stores it
 * in an array of the dtype, which rounds floats and wraps integers. A missing entry is an undefined combination.
 */
interface Meaning<F> {
  readonly float?: F;
  readonly int32?: F;
  readonly uint32?: F;
  readonly bool?: F;
}

type Unary = (x: number) => number;
type Binary = (a: number, b: number) => number;

const roundHalfToEven = (x: number): number => {
  // Beyond 2^52 (and for NaN) there is no fraction.
  if (!(Math.abs(x) < 2 ** 52)) return x;
  const below = Math.floor(x);
  const rest = x - below;
  const isUp = rest > 0.5 || (rest === 0.5 && below % 2 !== 0);
  const rounded = isUp ? below + 1 : below;
  return rounded === 0 && x < 0 ? -0 : rounded;
};

/** IEEE 754 and C: one to any power is one, even NaN; ECMAScript alone says NaN for an infinite or NaN exponent. */
const floatPower: Binary = (a, b) => {
  if (a === 1 || (a === -1 && Math.abs(b) === Infinity)) return 1;
  return a ** b;
};

/** Repeated multiplication with wrap at 32 bits, by squaring. */
const wrappingPower = (base: number, exponent: number): number => {
  let result = 1;
  let square = base | 0;
  for (let rest = exponent; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result = Math.imul(result, square);
    square = Math.imul(square, square);
  }
  return result;
};

const int32Power: Binary = (a, b) => {
  if (b >= 0) return wrappingPower(a, b);
  if (a === 1) return 1;
  if (a === -1) return b % 2 === 0 ? 1 : -1;
  return 0;
};

const floatOnly = (float: Unary): Meaning<Unary> => ({ float });
const onNumbers = <F>(float: F, integer: F): Meaning<F> => ({ float, int32: integer, uint32: integer });
const identity: Unary = (x) => x;

const unaryTable: Record<UnaryKind, Meaning<Unary>> = {
  neg: onNumbers<Unary>(
    (x) => -x,
    (x) => -x,
  ),
  abs: onNumbers<Unary>(Math.abs, Math.abs),
  sign: onNumbers<Unary>(Math.sign, Math.sign),
  exp: floatOnly(Math.exp),
  log: floatOnly(Math.log),
  expm1: floatOnly(Math.expm1),
  log1p: floatOnly(Math.log1p),
  sin: floatOnly(Math.sin),
  cos: floatOnly(Math.cos),
  tanh: floatOnly(Math.tanh),
  erf: floatOnly(erf),
  sigmoid: floatOnly((x) => 1 / (1 + Math.exp(-x))),
  relu: onNumbers<Unary>(
    (x) => Math.max(x, 0),
    (x) => Math.max(x, 0),
  ),
  sqrt: floatOnly(Math.sqrt),
  rsqrt: floatOnly((x) => 1 / Math.sqrt(x)),
  floor: onNumbers<Unary>(Math.floor, identity),
  ceil: onNumbers<Unary>(Math.ceil, identity),
  round: onNumbers<Unary>(roundHalfToEven, identity),
  tan: floatOnly(Math.tan),
  asin: floatOnly(Math.asin),
  acos: floatOnly(Math.acos),
  atan: floatOnly(Math.atan),
  sinh: floatOnly(Math.sinh),
  cosh: floatOnly(Math.cosh),
  asinh: floatOnly(Math.asinh),
  acosh: floatOnly(Math.acosh),
  atanh: floatOnly(Math.atanh),
  exp2: floatOnly((x) => 2 ** x),
  log2: floatOnly(Math.log2),
  log10: floatOnly(Math.log10),
  cbrt: floatOnly(Math.cbrt),
  erfc: floatOnly(special.erfc),
  erfinv: floatOnly(special.erfinv),
  lgamma: floatOnly(special.lgamma),
  digamma: floatOnly(special.digamma),
  i0: floatOnly((x) => special.bessel(0, x)),
  i1: floatOnly((x) => special.bessel(1, x)),
  i0e: floatOnly((x) => special.besselScaled(0, x)),
  i1e: floatOnly((x) => special.besselScaled(1, x)),
  not: { int32: (x) => ~x, uint32: (x) => ~x, bool: (x) => 1 - x },
};

const bitwise = (f: Binary): Meaning<Binary> => ({ int32: f, uint32: f, bool: f });

const binaryTable: Record<BinaryKind, Meaning<Binary>> = {
  add: onNumbers<Binary>(
    (a, b) => a + b,
    (a, b) => a + b,
  ),
  sub: onNumbers<Binary>(
    (a, b) => a - b,
    (a, b) => a - b,
  ),
  mul: onNumbers<Binary>((a, b) => a * b, Math.imul),
  div: onNumbers<Binary>(
    (a, b) => a / b,
    (a, b) => (b === 0 ? 0 : Math.trunc(a / b)),
  ),
  rem: onNumbers<Binary>(
    (a, b) => a % b,
    (a, b) => (b === 0 ? 0 : a % b),
  ),
  pow: { float: floatPower, int32: int32Power, uint32: wrappingPower },
  max: onNumbers<Binary>(Math.max, Math.max),
  min: onNumbers<Binary>(Math.min, Math.min),
  and: bitwise((a, b) => a & b),
  or: bitwise((a, b) => a | b),
  xor: bitwise((a, b) => a ^ b),
  shl: { int32: (a, b) => a << b, uint32: (a, b) => a << b },
  shr: { int32: (a, b) => a >> b, uint32: (a, b) => a >>> b },
  gcd: { int32: special.gcd, uint32: special.gcd },
  atan2: { float: Math.atan2 },
  hypot: { float: Math.hypot },
  logaddexp: { float: special.logaddexp },
  zeta: { float: special.zeta },
  igamma: { float: special.igamma },
  igammac: { float: special.igammac },
};

const compareTable: Record<CompareKind, (a: number, b: number) => boolean> = {
  eq: (a, b) => a === b,
  ne: (a, b) => a !== b,
  lt: (a, b) => a < b,
  le: (a, b) => a <= b,
};

function meaningFor<F>(table: Readonly<Record<string, Meaning<F>>>, kind: string, dtype: DType): F {
  const meaning = isHalf(dtype)
    ? undefined
    : table[kind][dtype === 'float32' || dtype === 'float64' ? 'float' : dtype];
  if (meaning === undefined) {
    throw new Error(`evaluateReference: ${kind} is not defined on ${dtype}; cast the operands first`);
  }
  return meaning;
}

/** The function of one element that `kind` means on `dtype`. Throws where the vocabulary gives it no meaning. */
export const unaryFunction = (kind: UnaryKind, dtype: DType): Unary => meaningFor(unaryTable, kind, dtype);

/** The function of two elements that `kind` means on `dtype`. Throws where the vocabulary gives it no meaning. */
export const binaryFunction = (kind: BinaryKind, dtype: DType): Binary =>
  meaningFor(binaryTable, kind, dtype);

/** The comparison of two elements, 0 or 1. */
export const compareFunction = (kind: CompareKind): Binary => {
  const holds = compareTable[kind];
  return (a, b) => (holds(a, b) ? 1 : 0);
};

const saturate = (x: number, low: number, high: number): number =>
  Number.isNaN(x) ? 0 : Math.min(Math.max(Math.trunc(x), low), high);

/**
 * The numeric conversion of one element: float to integer truncates and saturates (NaN to 0), anything to bool is `!= 0`
 * (NaN is not 0), and between the integers the bits stay (storing wraps).
 */
export function castFunction(from: DType, to: DType): Unary {
  if (isHalf(from)) {
    const onward = castFunction('float32', to);
    return (bits) => onward(halfValue(from, bits));
  }
  if (isHalf(to)) return (x) => halfBits(to, x);
  if (to === 'bool') return (x) => (x !== 0 ? 1 : 0);
  const fromFloat = from === 'float32' || from === 'float64';
  if (fromFloat && to === 'int32') return (x) => saturate(x, -0x80000000, 0x7fffffff);
  if (fromFloat && to === 'uint32') return (x) => saturate(x, 0, 0xffffffff);
  return identity;
}

/** Multiplication on `dtype`: exact in double for floats, the low 32 bits of the product for integers. */
export const multiplyFunction = (dtype: DType): Binary => binaryFunction('mul', dtype);

/** Accumulation of a sum on `dtype`: in double for floats, modulo 2^32 for integers so that long sums stay exact. */
export const accumulateFunction = (dtype: DType): Binary =>
  dtype === 'int32' || dtype === 'uint32' ? (a, b) => (a + b) | 0 : binaryFunction('add', dtype);

const lowest: Record<DType, number> = {
  float32: -Infinity,
  float64: -Infinity,
  int32: -0x80000000,
  uint32: 0,
  bool: 0,
  float16: -Infinity,
  bfloat16: -Infinity,
};
const highest: Record<DType, number> = {
  float32: Infinity,
  float64: Infinity,
  int32: 0x7fffffff,
  uint32: 0xffffffff,
  bool: 1,
  float16: Infinity,
  bfloat16: Infinity,
};

/** The monoid of a reduction: the value of an empty one and how an element joins. */
export function reduction(kind: ReduceKind, dtype: DType): { initial: number; join: Binary } {
  switch (kind) {
    case 'sum':
      return { initial: 0, join: accumulateFunction(dtype) };
    case 'prod':
      return { initial: 1, join: multiplyFunction(dtype) };
    case 'max':
      return { initial: lowest[dtype], join: binaryFunction('max', dtype) };
    case 'min':
      return { initial: highest[dtype], join: binaryFunction('min', dtype) };
    case 'and':
    case 'or':
      if (dtype !== 'bool') {
        throw new Error(`evaluateReference: the reduction ${kind} is defined on bool, not ${dtype}`);
      }
      return { initial: kind === 'and' ? 1 : 0, join: binaryFunction(kind, dtype) };
  }
}
