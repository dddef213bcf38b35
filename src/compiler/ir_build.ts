import type {
  BinaryOp,
  Buffer,
  CompareOp,
  Expr,
  Index,
  Local,
  Scalar,
  Statement,
  Type,
  UnaryOp,
} from './ir.ts';

/**
 * Constructors of the loop IR. They check types and lanes (a mistake throws where it is made, not in a printer) and fold what
 * is trivial: constants, `x + 0`, `x * 1`, index arithmetic.
 */

const types = new Map<string, Type>();

/** The register type of `lanes` scalars; one object per type. */
export function typeOf(scalar: Scalar, lanes = 1): Type {
  const key = scalar + lanes;
  let type = types.get(key);
  if (type === undefined) types.set(key, (type = { scalar, lanes }));
  return type;
}

export const sameType = (a: Type, b: Type): boolean => a.scalar === b.scalar && a.lanes === b.lanes;

/** `f32` for scalars, `f32x4` for vectors. */
export const typeName = (type: Type): string =>
  type.lanes === 1 ? type.scalar : `${type.scalar}x${type.lanes}`;

/** f32 or f64. */
export const isFloat = (scalar: Scalar): boolean => scalar === 'f32' || scalar === 'f64';

/** i32 or u32. */
export const isInteger = (scalar: Scalar): boolean => scalar === 'i32' || scalar === 'u32';

const i32 = typeOf('i32');

function check(condition: boolean, message: () => string): asserts condition {
  if (!condition) throw new TypeError(`loop IR: ${message()}`);
}

/** `value` in every lane: rounded to f32, checked to be in range for integers and to be 0 or 1 for bool. */
export function constant(type: Type, value: number): Expr {
  if (type.scalar === 'f32') value = Math.fround(value);
  else if (type.scalar === 'bool')
    check(value === 0 || value === 1, () => `bool constant ${value} is not 0 or 1`);
  else if (type.scalar !== 'f64') {
    const low = type.scalar === 'i32' ? -(2 ** 31) : 0;
    check(
      Number.isInteger(value) && value >= low && value < low + 2 ** 32,
      () => `${value} is not a ${type.scalar}`,
    );
    // An integer has no negative zero.
    value += 0;
  }
  return { op: 'const', type, value };
}

/** A scalar f32 constant. */
export const f32Constant = (value: number): Expr => constant(typeOf('f32'), value);

/** A scalar i32 constant. */
export const i32Constant = (value: number): Expr => constant(i32, value);

/** A new register. */
export const local = (name: string, type: Type): Local => ({ name, type });

/** The value of a register. */
export const get = (source: Local): Expr => ({ op: 'local', type: source.type, local: source });

type Term = Index['terms'][number];

/**
 * `offset + sum of coefficient * local + sum of dynamic`. Equal locals are merged, zero terms dropped, and dynamic parts that
 * are themselves affine become terms.
 */
export function index(offset: number, terms: readonly Term[] = [], dynamic: readonly Expr[] = []): Index {
  check(Number.isInteger(offset), () => `index offset ${offset} is not an integer`);
  for (const { local, coefficient } of terms) {
    check(sameType(local.type, i32), () => `index term ${local.name} is ${typeName(local.type)}, not i32`);
    check(
      Number.isInteger(coefficient),
      () => `coefficient ${coefficient} of ${local.name} is not an integer`,
    );
  }
  let result = merge({ offset, terms, dynamic: [] });
  for (const part of dynamic) result = addIndex(result, indexOf(part));
  return result;
}

/** The index expression of one i32 scalar; sums and constant multiples inside of it are taken apart. */
export function indexOf(x: Expr): Index {
  check(sameType(x.type, i32), () => `an index needs an i32 scalar, got ${typeName(x.type)}`);
  if (x.op === 'const') return { offset: x.value, terms: [], dynamic: [] };
  if (x.op === 'local') return { offset: 0, terms: [{ local: x.local, coefficient: 1 }], dynamic: [] };
  if (x.op === 'index') return x.index;
  return { offset: 0, terms: [], dynamic: [x] };
}

function merge({ offset, terms, dynamic }: Index): Index {
  const sum = new Map<Local, number>();
  for (const term of terms) sum.set(term.local, (sum.get(term.local) ?? 0) + term.coefficient);
  const merged: Term[] = [];
  for (const [local, coefficient] of sum) if (coefficient !== 0) merged.push({ local, coefficient });
  return { offset: offset + 0, terms: merged, dynamic };
}

/** The index that is the sum of registers. */
export const at = (...variables: Local[]): Index =>
  index(
    0,
    variables.map((variable) => ({ local: variable, coefficient: 1 })),
  );

/** `a + b` */
export const addIndex = (a: Index, b: Index): Index =>
  merge({
    offset: a.offset + b.offset,
    terms: [...a.terms, ...b.terms],
    dynamic: [...a.dynamic, ...b.dynamic],
  });

/** `i * factor` for an integer constant. */
export const scaleIndex = (i: Index, factor: number): Index =>
  merge({
    offset: i.offset * factor,
    terms: i.terms.map(({ local, coefficient }) => ({ local, coefficient: coefficient * factor })),
    dynamic: factor === 0 ? [] : i.dynamic.map((part) => binary('mul', part, i32Constant(factor))),
  });

/** The value of an index as an i32 scalar. */
export function indexValue(i: Index): Expr {
  if (i.terms.length === 0 && i.dynamic.length === 0) return integerConstant(i32, i.offset);
  if (i.offset === 0) {
    if (i.dynamic.length === 0 && i.terms.length === 1 && i.terms[0].coefficient === 1)
      return get(i.terms[0].local);
    if (i.dynamic.length === 1 && i.terms.length === 0) return i.dynamic[0];
  }
  return { op: 'index', type: i32, index: i };
}

/** `lanes` consecutive elements of `buffer` from `at` on. */
export function load(buffer: Buffer, at: Index, lanes = 1, count = lanes): Expr {
  const type = typeOf(buffer.scalar, lanes);
  const whole = { op: 'load', type, buffer, index: at } as const;
  if (count === lanes) return whole;
  checkCount(type, count, buffer);
  return { ...whole, count };
}

/** The first lanes of a vector: at least one, not all, of 4 bytes each. */
function checkCount(type: Type, count: number, { bits }: Buffer): void {
  check(
    type.scalar !== 'bool' &&
      type.scalar !== 'f64' &&
      bits === undefined &&
      Number.isInteger(count) &&
      count > 0 &&
      count < type.lanes,
    () => `${count} lanes of ${typeName(type)} cannot be accessed alone`,
  );
}

const unaryOn: Record<UnaryOp, (scalar: Scalar) => boolean> = {
  neg: (s) => s !== 'bool',
  abs: (s) => s !== 'bool',
  not: (s) => !isFloat(s),
  sqrt: isFloat,
  floor: isFloat,
  ceil: isFloat,
  round: isFloat,
  exp: isFloat,
  log: isFloat,
  expm1: isFloat,
  log1p: isFloat,
  sin: isFloat,
  cos: isFloat,
  tanh: isFloat,
  erf: isFloat,
  sigmoid: isFloat,
};

/** An operation of one operand. `not` is logical on bool and bitwise on integers; the rest of the list but neg, abs is for floats. */
export function unary(kind: UnaryOp, x: Expr): Expr {
  const { type } = x;
  check(unaryOn[kind](type.scalar), () => `${kind} does not apply to ${typeName(type)}`);
  if (x.op === 'const') {
    if (kind === 'neg' && isFloat(type.scalar)) return constant(type, -x.value);
    if (kind === 'neg') return integerConstant(type, -x.value);
    if (kind === 'not')
      return type.scalar === 'bool' ? constant(type, 1 - x.value) : integerConstant(type, ~x.value);
  }
  return { op: 'unary', type, kind, x };
}

/** An integer constant, wrapped to 32 bits. */
const integerConstant = (type: Type, value: number): Expr =>
  constant(type, type.scalar === 'u32' ? value >>> 0 : value | 0);

const isConst = (x: Expr, value: number): boolean => x.op === 'const' && Object.is(x.value, value);

const binaryOn = (kind: BinaryOp, scalar: Scalar): boolean => {
  if (kind === 'and' || kind === 'or' || kind === 'xor') return !isFloat(scalar);
  if (kind === 'shl' || kind === 'shr') return isInteger(scalar);
  return kind === 'pow' ? isFloat(scalar) : scalar !== 'bool';
};

/** An operation of two operands of one type. */
export function binary(kind: BinaryOp, a: Expr, b: Expr): Expr {
  const { type } = a;
  check(sameType(type, b.type), () => `${kind} of ${typeName(type)} and ${typeName(b.type)}`);
  check(binaryOn(kind, type.scalar), () => `${kind} does not apply to ${typeName(type)}`);
  if (a.op === 'const' && b.op === 'const') {
    const folded = isFloat(type.scalar)
      ? foldFloat(kind, a.value, b.value)
      : foldInteger(kind, type, a.value, b.value);
    if (folded !== undefined) return constant(type, folded);
  }
  if (type.scalar === 'bool') return foldBool(kind, a, b) ?? { op: 'binary', type, kind, a, b };
  // x + -0 is x for every float; x + 0 is not, for x = -0.
  const zero = isFloat(type.scalar) ? -0 : 0;
  if (kind === 'add' && isConst(b, zero)) return a;
  if (kind === 'add' && isConst(a, zero)) return b;
  if (kind === 'sub' && isConst(b, 0)) return a;
  if ((kind === 'mul' || kind === 'div') && isConst(b, 1)) return a;
  if (kind === 'mul' && isConst(a, 1)) return b;
  if (isInteger(type.scalar)) {
    if ((kind === 'mul' || kind === 'and') && (isConst(a, 0) || isConst(b, 0))) return constant(type, 0);
    if ((kind === 'or' || kind === 'xor') && isConst(a, 0)) return b;
    if ((kind === 'or' || kind === 'xor' || kind === 'shl' || kind === 'shr') && isConst(b, 0)) return a;
    if (kind === 'rem' && isConst(b, 1)) return constant(type, 0);
    if (sameType(type, i32)) {
      const affine = foldAffine(kind, a, b);
      if (affine !== undefined) return affine;
    }
  }
  return { op: 'binary', type, kind, a, b };
}

/** i32 sums and constant multiples become index expressions, which printers fold into addresses. */
function foldAffine(kind: BinaryOp, a: Expr, b: Expr): Expr | undefined {
  if (kind !== 'add' && kind !== 'sub' && kind !== 'mul') return undefined;
  const [i, j] = [indexOf(a), indexOf(b)];
  if (i.dynamic.length > 0 || j.dynamic.length > 0) return undefined;
  if (kind === 'add') return indexValue(addIndex(i, j));
  if (kind === 'sub') return indexValue(addIndex(i, scaleIndex(j, -1)));
  if (a.op === 'const') return indexValue(scaleIndex(j, a.value));
  return b.op === 'const' ? indexValue(scaleIndex(i, b.value)) : undefined;
}

function foldBool(kind: BinaryOp, a: Expr, b: Expr): Expr | undefined {
  const [x, known] = a.op === 'const' ? [b, a] : [a, b];
  if (known.op !== 'const') return undefined;
  if (kind === 'and') return known.value === 1 ? x : known;
  if (kind === 'or') return known.value === 1 ? known : x;
  return known.value === 1 ? unary('not', x) : x;
}

function foldFloat(kind: BinaryOp, a: number, b: number): number | undefined {
  // A double operation rounded to f32 is the f32 operation for these four.
  if (kind === 'add') return a + b;
  if (kind === 'sub') return a - b;
  if (kind === 'mul') return a * b;
  return kind === 'div' ? a / b : undefined;
}

function foldInteger(kind: BinaryOp, type: Type, a: number, b: number): number | undefined {
  if (type.scalar === 'bool') return undefined;
  const unsigned = type.scalar === 'u32';
  const wrap = (x: number): number => (unsigned ? x >>> 0 : x | 0);
  switch (kind) {
    case 'add':
      return wrap(a + b);
    case 'sub':
      return wrap(a - b);
    case 'mul':
      return wrap(Math.imul(a, b));
    case 'div':
      return b === 0 ? 0 : wrap(Math.trunc(a / b));
    case 'rem':
      return b === 0 ? 0 : wrap(a % b);
    case 'max':
      return Math.max(a, b);
    case 'min':
      return Math.min(a, b);
    case 'and':
      return wrap(a & b);
    case 'or':
      return wrap(a | b);
    case 'xor':
      return wrap(a ^ b);
    case 'shl':
      return wrap(a << b);
    case 'shr':
      return unsigned ? a >>> b : a >> b;
    default:
      return undefined;
  }
}

/** a * b + c for vectors of floats, rounded once or twice. For targets that have such an instruction. */
export function multiplyAdd(a: Expr, b: Expr, c: Expr): Expr {
  const { type } = a;
  check(
    sameType(type, b.type) && sameType(type, c.type) && isFloat(type.scalar) && type.lanes > 1,
    () => `fma of ${typeName(type)}, ${typeName(b.type)} and ${typeName(c.type)}`,
  );
  return { op: 'fma', type, a, b, c };
}

/** A comparison of two operands of one type; bool of their lanes. */
export function compare(kind: CompareOp, a: Expr, b: Expr): Expr {
  check(sameType(a.type, b.type), () => `${kind} of ${typeName(a.type)} and ${typeName(b.type)}`);
  const type = typeOf('bool', a.type.lanes);
  if (a.op === 'const' && b.op === 'const') {
    const [x, y] = [a.value, b.value];
    return constant(
      type,
      Number(kind === 'eq' ? x === y : kind === 'ne' ? x !== y : kind === 'lt' ? x < y : x <= y),
    );
  }
  return { op: 'compare', type, kind, a, b };
}

function checkBranches(name: string, condition: Expr, a: Expr, b: Expr): void {
  check(sameType(a.type, b.type), () => `${name} between ${typeName(a.type)} and ${typeName(b.type)}`);
  check(
    condition.type.scalar === 'bool' && condition.type.lanes === a.type.lanes,
    () => `${name} of ${typeName(a.type)} by a condition of type ${typeName(condition.type)}`,
  );
}

/** `condition ? a : b` lane by lane, both evaluated. */
export function select(condition: Expr, a: Expr, b: Expr): Expr {
  checkBranches('select', condition, a, b);
  if (condition.op === 'const') return condition.value === 1 ? a : b;
  return a === b ? a : { op: 'select', type: a.type, condition, a, b };
}

/** `condition ? a : b` of scalars, evaluating only the one that is chosen. */
export function choose(condition: Expr, a: Expr, b: Expr): Expr {
  checkBranches('choose', condition, a, b);
  check(a.type.lanes === 1, () => `choose is for scalars, got ${typeName(a.type)}`);
  if (condition.op === 'const') return condition.value === 1 ? a : b;
  return { op: 'choose', type: a.type, condition, a, b };
}

/** Numeric conversion to another scalar, lanes kept. */
export function cast(scalar: Scalar, x: Expr): Expr {
  if (scalar === x.type.scalar) return x;
  const type = typeOf(scalar, x.type.lanes);
  if (x.op === 'const') {
    if (isFloat(scalar)) return constant(type, x.value);
    if (scalar === 'bool') return constant(type, x.value !== 0 ? 1 : 0);
    if (!isFloat(x.type.scalar)) return integerConstant(type, x.value);
  }
  return { op: 'cast', type, x };
}

/** The same 32 bits as another 4-byte scalar. */
export function bitcast(scalar: Scalar, x: Expr): Expr {
  const fits = (s: Scalar): boolean => s === 'f32' || isInteger(s);
  check(fits(scalar) && fits(x.type.scalar), () => `bitcast from ${typeName(x.type)} to ${scalar}`);
  return scalar === x.type.scalar ? x : { op: 'bitcast', type: typeOf(scalar, x.type.lanes), x };
}

/** A scalar in every one of `lanes` lanes. */
export function splat(x: Expr, lanes: number): Expr {
  check(x.type.lanes === 1, () => `splat of ${typeName(x.type)}, which is a vector already`);
  const type = typeOf(x.type.scalar, lanes);
  if (lanes === 1) return x;
  return x.op === 'const' ? constant(type, x.value) : { op: 'splat', type, x };
}

/** [0, 1, .. lanes - 1] */
export function laneIndices(scalar: 'i32' | 'u32', lanes: number): Expr {
  const type = typeOf(scalar, lanes);
  return lanes === 1 ? constant(type, 0) : { op: 'lanes', type };
}

/** One lane of a vector. */
export function extract(x: Expr, lane: number): Expr {
  check(
    Number.isInteger(lane) && lane >= 0 && lane < x.type.lanes,
    () => `no lane ${lane} in ${typeName(x.type)}`,
  );
  const type = typeOf(x.type.scalar);
  if (x.type.lanes === 1) return x;
  if (x.op === 'const') return constant(type, x.value);
  return x.op === 'splat' ? x.x : { op: 'extract', type, x, lane };
}

/** Lanes chosen from `a` (0 .. lanes - 1) and `b` (lanes .. 2 * lanes - 1). */
export function shuffle(a: Expr, b: Expr, chosen: readonly number[]): Expr {
  const { type } = a;
  check(sameType(type, b.type), () => `shuffle of ${typeName(type)} and ${typeName(b.type)}`);
  check(
    chosen.length === type.lanes &&
      chosen.every((lane) => Number.isInteger(lane) && lane >= 0 && lane < 2 * type.lanes),
    () => `shuffle of ${typeName(type)} with lanes [${chosen.join(', ')}]`,
  );
  return { op: 'shuffle', type, a, b, lanes: chosen };
}

/** All lanes combined into a scalar; the halves first. */
export function fold(kind: (Expr & { op: 'fold' })['kind'], x: Expr): Expr {
  check(binaryOn(kind, x.type.scalar), () => `fold by ${kind} does not apply to ${typeName(x.type)}`);
  return x.type.lanes === 1 ? x : { op: 'fold', type: typeOf(x.type.scalar), kind, x };
}

/** `target = value` */
export function set(target: Local, value: Expr): Statement {
  check(
    sameType(target.type, value.type),
    () => `${target.name} of type ${typeName(target.type)} set to a value of type ${typeName(value.type)}`,
  );
  return { op: 'set', local: target, value };
}

/** `buffer[at ..] = value`, as many elements as the value has lanes. */
export function store(buffer: Buffer, at: Index, value: Expr, count = value.type.lanes): Statement {
  check(
    buffer.scalar === value.type.scalar,
    () => `store of ${typeName(value.type)} into ${buffer.name} of ${buffer.scalar}`,
  );
  if (count === value.type.lanes) return { op: 'store', buffer, index: at, value };
  checkCount(value.type, count, buffer);
  return { op: 'store', buffer, index: at, value, count };
}

const asI32 = (x: Expr | number): Expr => (typeof x === 'number' ? i32Constant(x) : x);

/** `for (variable = begin; variable < end; variable += step) body` */
export function loop(
  variable: Local,
  begin: Expr | number,
  end: Expr | number,
  step: number,
  body: readonly Statement[],
): Statement {
  const from = asI32(begin);
  const to = asI32(end);
  check(
    [variable.type, from.type, to.type].every((type) => sameType(type, i32)),
    () => `loop over ${variable.name}: variable and bounds must be i32 scalars`,
  );
  check(
    Number.isInteger(step) && step > 0,
    () => `loop over ${variable.name}: step ${step} is not a positive integer`,
  );
  return { op: 'for', variable, begin: from, end: to, step, body };
}

const checkCondition = (name: string, condition: Expr): void =>
  check(
    sameType(condition.type, typeOf('bool')),
    () => `${name} needs a scalar bool, got ${typeName(condition.type)}`,
  );

/** `while (condition) body` */
export function whileLoop(condition: Expr, body: readonly Statement[]): Statement {
  checkCondition('while', condition);
  return { op: 'while', condition, body };
}

/** `if (condition) then else otherwise` */
export function ifThen(
  condition: Expr,
  then: readonly Statement[],
  otherwise: readonly Statement[] = [],
): Statement {
  checkCondition('if', condition);
  return { op: 'if', condition, then, otherwise };
}

/** A line for the reader of a dump. */
export const comment = (text: string): Statement => ({ op: 'comment', text });
