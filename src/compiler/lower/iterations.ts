import type { Expr, Statement } from '../ir.ts';
import { binary, compare, constant, get, local, set, typeOf, unary, whileLoop } from '../ir_build.ts';

/** Functions of elements that iterate until they have converged: scalars only. Statements are appended to a list. */

/** The greatest common divisor of integers, by Euclid. */
export function greatestDivisor(statements: Statement[], a: Expr, b: Expr): Expr {
  const { type } = a;
  const [x, y, rest] = ['larger', 'smaller', 'rest'].map((name) => local(name, type));
  const size = (n: Expr) => (type.scalar === 'u32' ? n : unary('abs', n));
  statements.push(
    set(x, size(a)),
    set(y, size(b)),
    whileLoop(compare('ne', get(y), constant(type, 0)), [
      set(rest, binary('rem', get(x), get(y))),
      set(x, get(y)),
      set(y, get(rest)),
    ]),
  );
  return type.scalar === 'u32' ? get(x) : unary('abs', get(x));
}

const f64 = typeOf('f64');
const number = (value: number): Expr => constant(f64, value);
const add = (a: Expr, b: Expr): Expr => binary('add', a, b);
const mul = (a: Expr, b: Expr): Expr => binary('mul', a, b);
const div = (a: Expr, b: Expr): Expr => binary('div', a, b);
/** However badly arguments converge, a loop ends. */
const mostRounds = 1e6;

/** `1 + x / (a + 1) + x^2 / ((a + 1) (a + 2)) + ..`, for x >= 0 not far above a. */
export function gammaSeries(statements: Statement[], a: Expr, x: Expr): Expr {
  const [sum, term, n] = ['sum', 'term', 'n'].map((name) => local(name, f64));
  const goesOn = compare('lt', mul(get(sum), number(2 ** -54)), get(term));
  const isBounded = compare('lt', get(n), add(a, number(mostRounds)));
  statements.push(
    set(sum, number(1)),
    set(term, number(1)),
    set(n, a),
    whileLoop(binary('and', goesOn, isBounded), [
      set(n, add(get(n), number(1))),
      set(term, mul(get(term), div(x, get(n)))),
      set(sum, add(get(sum), get(term))),
    ]),
  );
  return get(sum);
}

/**
 * `1 / (x + 1 - a - 1 (1 - a) / (x + 3 - a - 2 (2 - a) / (x + 5 - a - ..)))`, Legendre's continued fraction of the upper incomplete gamma
 * function, for x > a, by Lentz's method.
 */
export function gammaFraction(statements: Statement[], a: Expr, x: Expr): Expr {
  const [b, c, d, h, n, change, numerator] = ['b', 'c', 'd', 'h', 'n', 'change', 'numerator'].map((name) =>
    local(name, f64),
  );
  const goesOn = compare('lt', number(2 ** -52), unary('abs', binary('sub', get(change), number(1))));
  const isBounded = compare('lt', get(n), number(mostRounds));
  statements.push(
    set(b, binary('sub', add(x, number(1)), a)),
    set(c, number(1e300)),
    set(d, div(number(1), get(b))),
    set(h, get(d)),
    set(n, number(0)),
    set(change, number(0)),
    whileLoop(binary('and', goesOn, isBounded), [
      set(n, add(get(n), number(1))),
      set(numerator, mul(get(n), binary('sub', a, get(n)))),
      set(b, add(get(b), number(2))),
      set(d, div(number(1), add(mul(get(numerator), get(d)), get(b)))),
      set(c, add(get(b), div(get(numerator), get(c)))),
      set(change, mul(get(d), get(c))),
      set(h, mul(get(h), get(change))),
    ]),
  );
  return get(h);
}
