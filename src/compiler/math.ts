import type { Expr, Local, MathFunction, Scalar, Statement } from './ir.ts';
import {
  binary,
  bitcast,
  cast,
  compare,
  constant,
  extract,
  fold,
  get,
  ifThen,
  laneIndices,
  local,
  select,
  set,
  splat,
  typeOf,
  unary,
  whileLoop,
} from './ir_build.ts';

/**
 * The f32 math functions of the loop IR, in the loop IR itself, so that every printer computes the same bits, for scalars and
 * for vectors. Largest errors against the exact value: exp, log, log1p 1 ulp; expm1 1.6, sigmoid 2.4, tanh 2.5, erf 3.6 ulp; sin
 * and cos 3.1 ulp below 1e5, and the platform's double-precision functions above; pow 1 ulp; rem is exact. Subnormal results
 * are rounded, not flushed. The polynomials and quotients are minimax fits made for this
 * file (weighted least squares reweighted until the relative error levels out, coefficients rounded to f32 one by one).
 */
export interface MathDefinition {
  readonly parameters: readonly Local[];
  readonly body: readonly Statement[];
  readonly result: Expr;
}

/** The definition of an f32 function on `lanes` lanes. */
export function mathDefinition(kind: MathFunction | 'pow' | 'rem', lanes: number): MathDefinition {
  const scope = new Scope(lanes);
  const parameter = local('x', typeOf('f32', lanes));
  if (kind === 'pow' || kind === 'rem') {
    const second = local('y', typeOf('f32', lanes));
    const result =
      lanes > 1
        ? scope.eachLane((lane) => binary(kind, extract(get(parameter), lane), extract(get(second), lane)))
        : (kind === 'pow' ? pow : rem)(scope, get(parameter), get(second));
    return { parameters: [parameter, second], body: scope.body, result };
  }
  return { parameters: [parameter], body: scope.body, result: functions[kind](scope, get(parameter)) };
}

const add = (a: Expr, b: Expr): Expr => binary('add', a, b);
const sub = (a: Expr, b: Expr): Expr => binary('sub', a, b);
const mul = (a: Expr, b: Expr): Expr => binary('mul', a, b);
const div = (a: Expr, b: Expr): Expr => binary('div', a, b);
/** The larger one, `a` if either is NaN: one instruction in more places than a maximum that propagates every NaN. */
const max = (a: Expr, b: Expr): Expr => select(less(a, b), b, a);
/** The smaller one, `a` if either is NaN. */
const min = (a: Expr, b: Expr): Expr => select(less(b, a), b, a);
const and = (a: Expr, b: Expr): Expr => binary('and', a, b);
const or = (a: Expr, b: Expr): Expr => binary('or', a, b);
const equal = (a: Expr, b: Expr): Expr => compare('eq', a, b);
const less = (a: Expr, b: Expr): Expr => compare('lt', a, b);
const abs = (x: Expr): Expr => unary('abs', x);
const not = (x: Expr): Expr => unary('not', x);

/** Statements under way, and constants with the right number of lanes. */
class Scope {
  readonly body: Statement[] = [];
  readonly lanes: number;

  constructor(lanes: number) {
    this.lanes = lanes;
  }

  /** Keeps a value that is used more than once. */
  let(name: string, value: Expr): Expr {
    const target = local(name, value.type);
    this.body.push(set(target, value));
    return get(target);
  }

  number(scalar: Scalar, value: number): Expr {
    return constant(typeOf(scalar, this.lanes), value);
  }

  f(value: number): Expr {
    return this.number('f32', value);
  }

  i(value: number): Expr {
    return this.number('i32', value);
  }

  /** `c[0] + c[1] x + c[2] x^2 + ..` by Horner's rule. */
  polynomial(x: Expr, coefficients: readonly number[], scalar: Scalar = 'f32'): Expr {
    let sum = this.number(scalar, coefficients[coefficients.length - 1]);
    for (let i = coefficients.length - 2; i >= 0; i--)
      sum = add(mul(sum, x), this.number(scalar, coefficients[i]));
    return sum;
  }

  /** 2^n as a float for an integer vector of -126 to 127. */
  powerOfTwo(n: Expr): Expr {
    return bitcast('f32', binary('shl', add(n, this.i(127)), this.i(23)));
  }

  /**
   * The nearest integer, as a float and as an i32, of a float below 2^22: added to 1.5 * 2^23 it ends up in the lowest bits. A
   * conversion by `cast` would saturate, which costs much more.
   */
  nearest(x: Expr): { rounded: Expr; integer: Expr } {
    const shifted = this.let('shifted', add(x, this.f(1.5 * 2 ** 23)));
    return {
      rounded: this.let('n', sub(shifted, this.f(1.5 * 2 ** 23))),
      integer: this.let('exponent', sub(bitcast('i32', shifted), this.i(0x4b400000))),
    };
  }

  /** A vector put together from a scalar for each lane. */
  eachLane(scalar: (lane: number) => Expr): Expr {
    let result = this.let('lanes', splat(scalar(0), this.lanes));
    for (let lane = 1; lane < this.lanes; lane++) {
      const here = equal(laneIndices('i32', this.lanes), this.i(lane));
      result = this.let('lanes', select(here, splat(scalar(lane), this.lanes), result));
    }
    return result;
  }
}

const log2e = Math.LOG2E;
/** ln 2 in two parts; the first has 15 bits, so that its product with an exponent is exact. */
const ln2High = 0.693145751953125;
const ln2Low = 1.4286068203094173e-6;

/** `(e^r - 1 - r) / r^2` for |r| <= ln 2 / 2, relative error of e^r - 1 below 1.4e-8. */
const expTail = [
  0.4999999701976776, 0.1666654646396637, 0.04166743531823158, 0.00836626160889864, 0.0013870657421648502,
];

/** `x = n ln 2 + r` with |r| <= ln 2 / 2: n as an integer and `e^r - 1`. */
function reduceExp(s: Scope, x: Expr): { n: Expr; p: Expr } {
  const { rounded: n, integer } = s.nearest(mul(x, s.f(log2e)));
  const r = s.let('r', sub(sub(x, mul(n, s.f(ln2High))), mul(n, s.f(ln2Low))));
  return { n: integer, p: add(r, mul(mul(r, r), s.polynomial(r, expTail))) };
}

function exp(s: Scope, argument: Expr): Expr {
  // e^-104 is below half of the smallest float, e^89 above the largest. What vanishes is chosen, not multiplied out: an operation
  // that underflows takes a processor a hundred times as long, and scores that a mask rules out vanish by the thousand.
  const vanishes = s.let('vanishes', less(argument, s.f(-104)));
  const x = s.let('x', min(s.let('x', select(vanishes, s.f(0), argument)), s.f(89)));
  const { n, p } = reduceExp(s, x);
  // In two steps, as 2^n itself may be no normal float; only the second one rounds.
  const half = s.let('half', binary('shr', n, s.i(1)));
  const result = mul(mul(add(p, s.f(1)), s.powerOfTwo(half)), s.powerOfTwo(sub(n, half)));
  return select(vanishes, s.f(0), result);
}

function expm1(s: Scope, argument: Expr): Expr {
  const x = s.let('x', min(s.let('x', max(argument, s.f(-18))), s.f(89)));
  const { n, p } = reduceExp(s, x);
  // 2 (2^(n-1) p + (2^(n-1) - 1/2)): half the scale, so that n = 128 does not overflow before its time.
  const scale = s.let('scale', s.powerOfTwo(sub(n, s.i(1))));
  const result = mul(add(mul(scale, p), sub(scale, s.f(0.5))), s.f(2));
  return select(less(abs(argument), s.f(1e-10)), argument, result);
}

function sigmoid(s: Scope, x: Expr): Expr {
  // Of the two forms 1 / (1 + e^-x) and e^x / (1 + e^x) the one whose exponential is at most 1.
  const e = s.let('e', exp(s, unary('neg', abs(x))));
  return div(select(less(x, s.f(0)), e, s.f(1)), add(s.f(1), e));
}

/** `(log(1 + f) - f + f^2 / 2) / f^3` from sqrt(1/2) - 1 to sqrt(2) - 1, relative error of the logarithm below 6e-9. */
const logTail = [
  0.3333333134651184, -0.2500081956386566, 0.2000124156475067, -0.166234090924263, 0.14201581478118896,
  -0.1315961331129074, 0.12762199342250824, -0.07636399567127228,
];

/** `x = 2^e m` for a positive normal float, sqrt(1/2) <= m < sqrt(2). */
function splitExponent(s: Scope, x: Expr): { e: Expr; m: Expr } {
  const rootHalf = s.i(0x3f3504f3);
  const bits = s.let('bits', sub(bitcast('i32', x), rootHalf));
  return {
    e: binary('shr', bits, s.i(23)),
    m: bitcast('f32', add(and(bits, s.i(0x7fffff)), rootHalf)),
  };
}

/** `e ln 2 + log(1 + f) + correction` */
function logSum(s: Scope, e: Expr, f: Expr, correction: Expr): Expr {
  const square = s.let('square', mul(f, f));
  const cubic = sub(mul(mul(square, f), s.polynomial(f, logTail)), mul(square, s.f(0.5)));
  const low = add(add(mul(e, s.f(ln2Low)), correction), cubic);
  return add(mul(e, s.f(ln2High)), add(f, low));
}

/** Infinity and NaN as they are, minus infinity at 0, NaN below; `result` elsewhere. */
function logDomain(s: Scope, x: Expr, result: Expr): Expr {
  const finite = select(less(x, s.f(Infinity)), result, x);
  return select(less(s.f(0), x), finite, select(equal(x, s.f(0)), s.f(-Infinity), s.f(Number.NaN)));
}

function log(s: Scope, x: Expr): Expr {
  const subnormal = s.let('subnormal', less(x, s.f(2 ** -126)));
  const normal = s.let('normal', select(subnormal, mul(x, s.f(2 ** 23)), x));
  const { e, m } = splitExponent(s, normal);
  const exponent = s.let('e', cast('f32', sub(e, select(subnormal, s.i(23), s.i(0)))));
  const f = s.let('f', sub(m, s.f(1)));
  return logDomain(s, x, logSum(s, exponent, f, s.f(-0)));
}

function log1p(s: Scope, x: Expr): Expr {
  const u = s.let('u', add(x, s.f(1)));
  // What the sum rounded away (Knuth's two-sum), to first order.
  const part = s.let('part', sub(u, s.f(1)));
  const lost = add(sub(s.f(1), sub(u, part)), sub(x, part));
  const { e, m } = splitExponent(s, u);
  const exponent = s.let('e', cast('f32', e));
  const f = s.let('f', sub(m, s.f(1)));
  const result = logDomain(s, u, logSum(s, exponent, f, div(lost, u)));
  return select(less(abs(x), s.f(1e-10)), x, result);
}

/** pi / 2 in parts of 8 bits each (the last: 24), whose products with integers below 2^16 are exact. */
const halfPi = [
  1.5703125, 0.000457763671875, 2.5987625122070312e-5, 7.543712854385376e-8, 6.002665031701326e-11,
  7.443547480486623e-13,
];
const sinTail = [-0.16666655242443085, 0.008332188241183758, -0.0001951809972524643];
const cosTail = [0.04166664555668831, -0.0013887310633435845, 2.4432552891084924e-5];

/** Beyond, quotients by pi / 2 do not fit into 16 bits, and the platform's double-precision functions take over. */
const largestAngle = 1e5;

/** sin(x + quarters * pi / 2) for quarters 0 or 1, by Cody and Waite's reduction to |r| <= pi / 4. */
function sinOrCos(kind: 'sin' | 'cos') {
  return (s: Scope, x: Expr): Expr => {
    const angle = s.let('angle', abs(x));
    const { rounded: n, integer } = s.nearest(mul(angle, s.f(2 / Math.PI)));
    let rest = angle;
    for (const part of halfPi) rest = sub(rest, mul(n, s.f(part)));
    const r = s.let('r', rest);
    const square = s.let('square', mul(r, r));
    const sine = add(r, mul(mul(r, square), s.polynomial(square, sinTail)));
    const cosine = add(
      sub(s.f(1), mul(square, s.f(0.5))),
      mul(mul(square, square), s.polynomial(square, cosTail)),
    );
    const quarter = s.let('quarter', kind === 'sin' ? integer : add(integer, s.i(1)));
    const odd = equal(and(quarter, s.i(1)), s.i(1));
    const value = select(odd, cosine, sine);
    // Bit 1 of the quadrant moves to the sign; the sine takes its argument's sign as well.
    const turned = binary('shl', and(quarter, s.i(2)), s.i(30));
    const negative = and(bitcast('i32', x), s.i(-(2 ** 31)));
    const sign = kind === 'sin' ? binary('xor', turned, negative) : turned;
    const result = local('result', value.type);
    s.body.push(set(result, bitcast('f32', binary('xor', bitcast('i32', value), sign))));
    const large = s.let('large', not(compare('le', angle, s.f(largestAngle))));
    const outer = new Scope(s.lanes);
    const platform = (lane: number): Expr => cast('f32', unary(kind, cast('f64', extract(x, lane))));
    const exact = outer.eachLane(platform);
    outer.body.push(set(result, select(large, exact, get(result))));
    s.body.push(ifThen(fold('or', large), outer.body));
    return get(result);
  };
}

/** `(e^(2x) - 1) / (e^(2x) + 1)`, on the side where it is positive. */
function tanh(s: Scope, x: Expr): Expr {
  const size = s.let('size', min(s.let('size', abs(x)), s.f(10)));
  const t = s.let('t', expm1(s, add(size, size)));
  return withSignOf(x, div(t, add(t, s.f(2))), s);
}

/** A non-negative float with the sign of `x`. */
const withSignOf = (x: Expr, size: Expr, s: Scope): Expr =>
  bitcast('f32', or(bitcast('i32', size), and(bitcast('i32', x), s.i(-(2 ** 31)))));

/** `erf(x) / x - 1` in x^2 for |x| <= 1, relative error of erf 1.4e-9. */
const erfBelow1 = [
  0.12837916612625122, -0.3761262595653534, 0.11283578723669052, -0.026853347197175026, 0.005187162198126316,
  -0.0007997853099368513, 7.806903158780187e-5,
];

/** `t / x` in x^2 for the t that solves `erf(x) = 2 t / (1 + t^2)`, 1 <= x <= 3.93, relative error of erf 4.2e-8. */
const erfAbove1 = {
  numerator: [0.5641717386531778, 0.04997403177180565, 0.007718604511079573, 2.0947108769802065e-5],
  denominator: [1, 0.1035074726761085, 0.031009128821007283, 0.0007586709403319253],
};

/** From 3.93 on, the error function is 1 to f32 precision. */
function erf(s: Scope, argument: Expr): Expr {
  const x = s.let('x', min(s.let('x', max(argument, s.f(-3.93))), s.f(3.93)));
  const square = s.let('square', mul(x, x));
  const below = add(x, mul(x, s.polynomial(square, erfBelow1)));
  // With t = p / q, 2 t / (1 + t^2) = 2 p q / (q^2 + p^2): one division, and rounding errors of t near 1 cancel to first order.
  const p = s.let('p', mul(x, s.polynomial(square, erfAbove1.numerator)));
  const q = s.let('q', s.polynomial(square, erfAbove1.denominator));
  const quotient = s.let('quotient', div(mul(add(p, p), q), add(mul(q, q), mul(p, p))));
  const above = min(s.let('quotient', max(quotient, s.f(-1))), s.f(1));
  return select(less(square, s.f(1)), below, above);
}

const functions: Record<MathFunction, (s: Scope, x: Expr) => Expr> = {
  exp,
  log,
  expm1,
  log1p,
  sigmoid,
  sin: sinOrCos('sin'),
  cos: sinOrCos('cos'),
  tanh,
  erf,
};

/** Taylor's coefficients of artanh(t) / t in t^2, and of 2^r in r ln 2. */
const artanhSeries = Array.from({ length: 9 }, (_, k) => 1 / (2 * k + 1));
const expSeries = [
  1,
  1,
  1 / 2,
  1 / 6,
  1 / 24,
  1 / 120,
  1 / 720,
  1 / 5040,
  1 / 40320,
  1 / 362880,
  1 / 3628800,
];

/** `2^(y log2 |x|)` in f64, then C's rules for signs and special values. Scalars. */
function pow(s: Scope, x: Expr, y: Expr): Expr {
  const d = (value: number): Expr => s.number('f64', value);
  const size = s.let('size', abs(x));
  const subnormal = s.let('subnormal', less(size, s.f(2 ** -126)));
  const { e, m } = splitExponent(s, s.let('normal', select(subnormal, mul(size, s.f(2 ** 23)), size)));
  const exponent = cast('f64', sub(e, select(subnormal, s.i(23), s.i(0))));
  const mantissa = s.let('m', cast('f64', m));
  const t = s.let('t', div(sub(mantissa, d(1)), add(mantissa, d(1))));
  const log2 = mul(mul(t, s.polynomial(mul(t, t), artanhSeries, 'f64')), d(2 * log2e));
  const finite = select(equal(size, s.f(Infinity)), d(Infinity), add(exponent, log2));
  const logarithm = select(equal(size, s.f(0)), d(-Infinity), finite);
  const product = s.let('z', mul(cast('f64', y), logarithm));
  const z = s.let('z', min(s.let('z', max(product, d(-160))), d(130)));
  const n = s.let('n', unary('round', z));
  const power = s.polynomial(s.let('r', mul(sub(z, n), d(Math.LN2))), expSeries, 'f64');
  const whole = s.let('whole', cast('i32', n));
  const half = s.let('half', binary('shr', whole, s.i(1)));
  const scale = mul(cast('f64', s.powerOfTwo(half)), cast('f64', s.powerOfTwo(sub(whole, half))));
  // (+-1)^(+-infinity) is 1; the product of infinity and log 1 is not a number.
  const flat = and(equal(size, s.f(1)), equal(abs(y), s.f(Infinity)));
  const magnitude = s.let('magnitude', select(flat, s.f(1), cast('f32', mul(power, scale))));

  const isWhole = equal(unary('floor', y), y);
  const halved = mul(y, s.f(0.5));
  const isOdd = and(isWhole, compare('ne', unary('floor', halved), halved));
  const negative = less(bitcast('i32', x), s.i(0));
  // A negative number has no power that is not whole; -0 and -infinity do.
  const outside = and(and(less(x, s.f(0)), less(s.f(-Infinity), x)), not(isWhole));
  const signed = select(and(negative, isOdd), unary('neg', magnitude), magnitude);
  const number = select(outside, s.f(Number.NaN), signed);
  const ordered = and(equal(x, x), equal(y, y));
  const result = select(ordered, number, s.f(Number.NaN));
  return select(or(equal(x, s.f(1)), equal(y, s.f(0))), s.f(1), result);
}

/** C's fmod by long division in f64, 28 bits of the quotient at a time; every step is exact. Scalars. */
function rem(s: Scope, x: Expr, y: Expr): Expr {
  const d = (value: number): Expr => s.number('f64', value);
  const f64 = typeOf('f64');
  const [rest, divisor, result] = [local('rest', f64), local('divisor', f64), local('result', typeOf('f32'))];
  const step = 2 ** 28;
  const smallest = s.let('smallest', cast('f64', abs(y)));
  const division = [
    set(divisor, smallest),
    whileLoop(compare('le', mul(get(divisor), d(step)), get(rest)), [
      set(divisor, mul(get(divisor), d(step))),
    ]),
    whileLoop(compare('le', smallest, get(divisor)), [
      set(rest, sub(get(rest), mul(unary('floor', div(get(rest), get(divisor))), get(divisor)))),
      // The quotient may have been rounded up to the next whole number.
      set(rest, select(less(get(rest), d(0)), add(get(rest), get(divisor)), get(rest))),
      set(divisor, mul(get(divisor), d(1 / step))),
    ]),
  ];
  const valid = and(and(less(abs(x), s.f(Infinity)), less(s.f(0), abs(y))), less(smallest, d(Infinity)));
  const sign = and(bitcast('i32', x), s.i(-(2 ** 31)));
  const unchanged = and(less(abs(x), s.f(Infinity)), equal(abs(y), s.f(Infinity)));
  s.body.push(
    set(rest, cast('f64', abs(x))),
    ifThen(
      valid,
      [...division, set(result, bitcast('f32', or(bitcast('i32', cast('f32', get(rest))), sign)))],
      [set(result, select(unchanged, x, s.f(Number.NaN)))],
    ),
  );
  return get(result);
}
