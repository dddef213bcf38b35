import type { DType } from '../../graph/dtype.ts';
import { hostElement } from '../../graph/half.ts';
import type { Node } from '../../graph/node.ts';
import type { SimpleUnaryKind } from '../../graph/vocabulary.ts';
import type { Affine, Atom } from '../affine.ts';
import { expansion } from '../expand/expansion.ts';
import type { BinaryOp, Buffer, Expr, Index, Scalar, Statement } from '../ir.ts';
import {
  addIndex,
  binary,
  bitcast,
  cast,
  choose,
  compare,
  constant,
  get,
  ifThen,
  index,
  indexValue,
  laneIndices,
  load,
  local,
  scaleIndex,
  select,
  set,
  splat,
  store,
  typeOf,
  unary,
  whileLoop,
} from '../ir_build.ts';
import type { Condition, KernelExpr } from '../kernel.ts';
import { halfCast } from './half.ts';
import { gammaFraction, gammaSeries, greatestDivisor } from './iterations.ts';

/** How elements of a dtype are held in registers. */
export const scalarOf: { readonly [D in DType]: Scalar } = {
  float32: 'f32',
  float64: 'f64',
  int32: 'i32',
  uint32: 'u32',
  bool: 'bool',
  // As bit patterns.
  float16: 'u32',
  bfloat16: 'u32',
};

/** A number as a constant of a dtype. */
const constantOf = (dtype: DType, value: number, lanes = 1): Expr =>
  constant(typeOf(scalarOf[dtype], lanes), hostElement(dtype, value));

/** A list of statements under construction, with what has been computed in it. */
interface Level {
  readonly statements: Statement[];
  readonly known: Map<KernelExpr | Affine | Atom, Map<number, Expr>>;
  /** Inside of a guard: nothing may leave it upwards that reads memory. */
  readonly guarded: boolean;
}

/** Where the vector axis of a loop nest lies and how it is covered. */
export interface VectorAxis {
  readonly id: number;
  readonly lanes: number;
  /** If given, only so many lanes, from the first on, stand for elements: the others are neither read nor written. */
  readonly count?: number;
  /** If given, the part that `count` is about; the others are whole. */
  readonly last?: number;
}

/**
 * Writes kernel expressions as loop IR. Loops are entered from the outside in; every expression is computed in the outermost
 * loop that knows all of its axes, once. Along the vector axis it is computed for several lanes, and for `part` 0, 1, ..
 * of an unrolled loop at `part * lanes` further on.
 */
export class Emitter {
  readonly #levels: Level[] = [];
  readonly #axes = new Map<number, { level: number; at: Index }>();
  /** First and last value of axes in the loops around, where that is known. */
  readonly #ranges = new Map<number, readonly [number, number]>();
  readonly #results = new Map<Node, { level: number; parts: Expr[] }>();
  readonly #bufferOf: (node: Node) => Buffer;
  #vector: VectorAxis | null = null;
  #levelCache = new WeakMap<object, number>();
  #varyCache = new WeakMap<object, boolean>();

  constructor(bufferOf: (node: Node) => Buffer, top: Statement[]) {
    this.#bufferOf = bufferOf;
    this.#levels.push({ statements: top, known: new Map(), guarded: false });
  }

  get statements(): Statement[] {
    return this.#levels[this.#levels.length - 1].statements;
  }

  /** Sets the axis along which expressions are vectors; null for scalar code. */
  vectorize(axis: VectorAxis | null): void {
    this.#vector = axis;
    this.#varyCache = new WeakMap();
  }

  get isVector(): boolean {
    return this.#vector !== null;
  }

  /** How many lanes of a part stand for elements, if not all of them do. */
  count(part = 0): number | undefined {
    const { count, last = part } = this.#vector ?? {};
    return part === last ? count : undefined;
  }

  /** A load of those lanes that stand for elements; the others are 0. */
  load(buffer: Buffer, at: Index, lanes: number, part = 0): Expr {
    return load(buffer, at, lanes, lanes > 1 ? this.count(part) : undefined);
  }

  /** A store of a value, of those lanes that stand for elements. */
  store(buffer: Buffer, at: Index, value: Expr, part = 0): Statement {
    return store(buffer, at, value, value.type.lanes > 1 ? this.count(part) : undefined);
  }

  /** An index expression as an i32; it must not vary along the vector axis. */
  position(x: Affine): Expr {
    return indexValue(this.index(x));
  }

  /** The statements of a loop body in which the given axes have the given values. */
  inside(axes: readonly (readonly [id: number, at: Index])[], body: () => void): Statement[] {
    const level: Level = { statements: [], known: new Map(), guarded: false };
    this.#levels.push(level);
    const depth = this.#levels.length - 1;
    for (const [id, at] of axes) this.#axes.set(id, { level: depth, at });
    this.#levelCache = new WeakMap();
    body();
    for (const [id] of axes) this.#axes.delete(id);
    this.#levels.pop();
    this.#levelCache = new WeakMap();
    return level.statements;
  }

  /** Emits what holds for values of an axis from `first` to `last` only. */
  within(id: number, first: number, last: number, body: () => void): void {
    const before = this.#ranges.get(id);
    this.#ranges.set(id, [first, last]);
    body();
    if (before === undefined) this.#ranges.delete(id);
    else this.#ranges.set(id, before);
  }

  /** Whether a condition holds always (true) or never (false) in the loops around; null if that depends. */
  #decided(condition: Condition): boolean | null {
    if (condition.kind !== 'inside') return null;
    let low = condition.index.offset;
    let high = low;
    for (const [atom, c] of condition.index.terms) {
      const [first, last] = this.#ranges.get(atom.id) ?? [0, atom.extent - 1];
      low += c * (c > 0 ? first : last);
      high += c * (c > 0 ? last : first);
    }
    if (low >= 0 && high < condition.extent) return true;
    return high < 0 || low >= condition.extent ? false : null;
  }

  /** Makes the value of a reduction known from here on, one expression for each part. */
  define(node: Node, parts: Expr[]): void {
    this.#results.set(node, { level: this.#levels.length - 1, parts });
    this.#levelCache = new WeakMap();
  }

  forget(node: Node): void {
    this.#results.delete(node);
    this.#levelCache = new WeakMap();
  }

  /** Innermost level that an expression depends on. */
  #levelOf(x: KernelExpr | Affine | Atom): number {
    let level = this.#levelCache.get(x);
    if (level === undefined) {
      level = this.#computeLevel(x);
      this.#levelCache.set(x, level);
    }
    return level;
  }

  #computeLevel(x: KernelExpr | Affine | Atom): number {
    if ('terms' in x) return x.terms.reduce((level, [atom]) => Math.max(level, this.#levelOf(atom)), 0);
    if ('kind' in x && 'extent' in x) {
      if (x.kind === 'axis') return this.#axes.get(x.id)?.level ?? unbound(x.id);
      return this.#levelOf(x.kind === 'dynamic' ? (x.value as KernelExpr) : x.x);
    }
    const e = x as KernelExpr;
    switch (e.op) {
      case 'const':
        return 0;
      case 'load':
      case 'index':
        return this.#levelOf(e.index);
      case 'guard':
        return e.conditions.reduce((level, c) => Math.max(level, this.#levelOf(c.index)), this.#levelOf(e.x));
      case 'result':
        return this.#results.get(e.of)?.level ?? unbound(e.of.id);
      default:
        return operandsOf(e).reduce((level, operand) => Math.max(level, this.#levelOf(operand)), 0);
    }
  }

  /** Whether an expression differs from lane to lane. */
  #varies(x: KernelExpr | Affine | Atom): boolean {
    if (this.#vector === null) return false;
    let varies = this.#varyCache.get(x);
    if (varies === undefined) {
      varies = this.#computeVaries(x);
      this.#varyCache.set(x, varies);
    }
    return varies;
  }

  #computeVaries(x: KernelExpr | Affine | Atom): boolean {
    if ('terms' in x) return x.terms.some(([atom]) => this.#varies(atom));
    if ('kind' in x && 'extent' in x) {
      if (x.kind === 'axis') return x.id === this.#vector!.id;
      return this.#varies(x.kind === 'dynamic' ? (x.value as KernelExpr) : x.x);
    }
    const e = x as KernelExpr;
    switch (e.op) {
      case 'const':
        return false;
      case 'load':
      case 'index':
        return this.#varies(e.index);
      case 'guard':
        return this.#varies(e.x) || e.conditions.some((c) => this.#varies(c.index));
      case 'result':
        return this.#results.get(e.of)!.parts[0].type.lanes > 1;
      default:
        return operandsOf(e).some((operand) => this.#varies(operand));
    }
  }

  /** The value of an expression, with the lanes of the vector axis if `wide` or if it varies along it. */
  emit(x: KernelExpr, part = 0, wide = false): Expr {
    const value = this.#emit(x, this.#varies(x) ? part : 0);
    const lanes = this.#vector?.lanes ?? 1;
    return wide && value.type.lanes < lanes ? this.#broadcast(x, value, lanes) : value;
  }

  /** A scalar spread over the lanes, kept where the scalar is. */
  #broadcast(x: KernelExpr, value: Expr, lanes: number): Expr {
    if (value.op === 'const') return splat(value, lanes);
    const level = this.#home(x);
    const memo = memoOf(level, x);
    let wide = memo.get(-lanes);
    if (wide === undefined) {
      wide = this.#keep(level, 'w', splat(value, lanes));
      memo.set(-lanes, wide);
    }
    return wide;
  }

  /** The level at which an expression is computed: as far out as possible, but not out of a guard. */
  #home(x: KernelExpr | Affine | Atom): Level {
    let depth = this.#levelOf(x);
    for (let i = this.#levels.length - 1; i > depth; i--) {
      if (this.#levels[i].guarded) {
        depth = i;
        break;
      }
    }
    return this.#levels[depth];
  }

  #emit(x: KernelExpr, part: number): Expr {
    if (x.op === 'const') return constantOf(x.dtype, x.value);
    if (x.op === 'result') {
      const { parts } = this.#results.get(x.of)!;
      return parts[part] ?? parts[0];
    }
    // A value may be known in an outer level of the same branch.
    const level = this.#home(x);
    const memo = memoOf(level, x);
    let value = memo.get(part);
    if (value === undefined) {
      value = this.#keep(level, 't', this.#compute(x, part, level));
      memo.set(part, value);
    }
    return value;
  }

  /** Puts a value into a register of a level, unless it is one already. */
  #keep(level: Level, name: string, value: Expr): Expr {
    if (value.op === 'const' || value.op === 'local') return value;
    const register = local(name, value.type);
    level.statements.push(set(register, value));
    return get(register);
  }

  #compute(x: KernelExpr, part: number, level: Level): Expr {
    const lanes = this.#varies(x) ? this.#vector!.lanes : 1;
    const operand = (e: KernelExpr) => {
      const value = this.#emit(e, this.#varies(e) ? part : 0);
      return lanes > 1 && value.type.lanes === 1 ? this.#broadcast(e, value, lanes) : value;
    };
    switch (x.op) {
      case 'load':
        return this.load(this.#bufferOf(x.source), this.index(x.index, part), lanes, part);
      case 'index': {
        const scalar = indexValue(this.index(x.index, part));
        if (lanes === 1) return cast(scalarOf[x.dtype], scalar);
        const step = x.index.terms.find(([atom]) => atom.id === this.#vector!.id)![1];
        const offsets = binary('mul', laneIndices('i32', lanes), splat(constant(typeOf('i32'), step), lanes));
        return cast(scalarOf[x.dtype], binary('add', splat(scalar, lanes), offsets));
      }
      case 'guard':
        return this.#guard(x, part, lanes, level);
      case 'unary': {
        const whole = expansion(x);
        return whole === null ? unaryExpr(x.kind as SimpleUnaryKind, operand(x.x)) : operand(whole);
      }
      case 'binary': {
        const whole = expansion(x);
        if (whole !== null) return operand(whole);
        const iterate = iterations[x.kind as keyof typeof iterations];
        if (iterate !== undefined) return iterate(level.statements, operand(x.a), operand(x.b));
        if (x.kind === 'pow' && (x.dtype === 'int32' || x.dtype === 'uint32'))
          return this.#integerPower(level, operand(x.a), operand(x.b));
        return binary(x.kind as BinaryOp, operand(x.a), operand(x.b));
      }
      case 'compare':
        return compareExpr(x.kind, operand(x.a), operand(x.b));
      case 'select':
        return select(operand(x.condition), operand(x.a), operand(x.b));
      case 'cast':
        return (
          halfCast(x.x.dtype, x.dtype, operand(x.x), (value) => this.#keep(level, 'h', value)) ??
          cast(scalarOf[x.dtype], operand(x.x))
        );
      case 'bitcast':
        return bitcast(scalarOf[x.dtype], operand(x.x));
      case 'threefry': {
        const keep = (value: Expr) => this.#keep(level, 'r', value);
        const [first, second] = threefryRounds(x.inputs.map(operand), keep);
        return x.word === 'xor' ? binary('xor', first, second) : x.word === 'first' ? first : second;
      }
      default:
        throw new Error(`compiler: cannot emit ${x.op}`);
    }
  }

  #guard(x: KernelExpr & { op: 'guard' }, part: number, lanes: number, level: Level): Expr {
    const type = typeOf(scalarOf[x.dtype], lanes);
    const decided = x.conditions.map((c) => this.#decided(c));
    if (decided.includes(false)) return constantOf(x.dtype, x.otherwise, lanes);
    if (decided.every((holds) => holds === true)) {
      const value = this.#emit(x.x, this.#varies(x.x) ? part : 0);
      return value.type.lanes < lanes ? splat(value, lanes) : value;
    }
    const condition = this.conditions(
      x.conditions.filter((_, i) => decided[i] === null),
      part,
    );
    const result = local('g', type);
    const depth = this.#levels.indexOf(level);
    // The branch stands in for the guard's own level while its content is emitted.
    const outer = this.#levels.splice(depth + 1);
    const branch: Level = { statements: [], known: new Map(), guarded: true };
    this.#levels.push(branch);
    const value = this.#emit(x.x, this.#varies(x.x) ? part : 0);
    this.#levels.pop();
    this.#levels.push(...outer);
    const whole = value.type.lanes < lanes ? splat(value, lanes) : value;
    const fallback = constantOf(x.dtype, x.otherwise, lanes);
    level.statements.push(
      ifThen(condition, [...branch.statements, set(result, whole)], [set(result, fallback)]),
    );
    return get(result);
  }

  /** All conditions hold, as a scalar bool. */
  conditions(list: readonly Condition[], part = 0): Expr {
    let all: Expr | null = null;
    const zero = constant(typeOf('i32'), 0);
    for (const condition of list) {
      const value = indexValue(this.index(condition.index, part));
      const holds =
        condition.kind === 'inside'
          ? // One unsigned comparison covers both bounds.
            compare('lt', bitcast('u32', value), constant(typeOf('u32'), condition.extent))
          : compare('eq', binary('rem', value, constant(typeOf('i32'), condition.divisor)), zero);
      all = all === null ? holds : binary('and', all, holds);
    }
    return all ?? constant(typeOf('bool'), 1);
  }

  /** An index expression in terms of registers. */
  index(x: Affine, part = 0): Index {
    let result = index(x.offset);
    for (const [atom, c] of x.terms) result = addIndex(result, scaleIndex(this.#atom(atom, part), c));
    return result;
  }

  #atom(atom: Atom, part: number): Index {
    if (atom.kind === 'axis') {
      const { at } = this.#axes.get(atom.id) ?? unbound(atom.id);
      return part > 0 && this.#vector?.id === atom.id ? addIndex(at, index(part * this.#vector.lanes)) : at;
    }
    const level = this.#home(atom);
    const memo = memoOf(level, atom);
    const key = this.#varies(atom) ? part : 0;
    let value = memo.get(key);
    if (value === undefined) {
      value = this.#keep(level, 'i', this.#quotient(atom, part));
      memo.set(key, value);
    }
    return value.op === 'const'
      ? index(value.value)
      : {
          offset: 0,
          terms: [{ local: (value as Expr & { op: 'local' }).local, coefficient: 1 }],
          dynamic: [],
        };
  }

  #quotient(atom: Exclude<Atom, { kind: 'axis' }>, part: number): Expr {
    if (atom.kind === 'dynamic') return this.emit(atom.value as KernelExpr, part);
    const x = indexValue(this.index(atom.x, part));
    return binary(atom.kind === 'div' ? 'div' : 'rem', x, constant(typeOf('i32'), atom.by));
  }

  /** a^b on wrapping integers by squaring; b < 0 gives 0 unless |a| is 1. */
  #integerPower(level: Level, a: Expr, b: Expr): Expr {
    const { type } = a;
    const [result, base, exponent] = ['power', 'base', 'exponent'].map((name) => local(name, type));
    const number = (value: number) => constant(type, value);
    const odd = (x: Expr) => compare('ne', binary('and', x, number(1)), number(0));
    const list = level.statements;
    list.push(set(result, number(1)), set(base, a), set(exponent, b));
    list.push(
      whileLoop(compare('lt', number(0), get(exponent)), [
        set(result, select(odd(get(exponent)), binary('mul', get(result), get(base)), get(result))),
        set(base, binary('mul', get(base), get(base))),
        set(exponent, binary('shr', get(exponent), number(1))),
      ]),
    );
    if (type.scalar === 'u32') return get(result);
    const unit = choose(
      compare('eq', a, number(1)),
      number(1),
      choose(compare('eq', a, number(-1)), choose(odd(b), number(-1), number(1)), number(0)),
    );
    return choose(compare('lt', b, number(0)), unit, get(result));
  }
}

/** Binary kinds that are loops. */
const iterations = { gcd: greatestDivisor, gammaSeries, gammaFraction };

function unbound(id: number): never {
  throw new Error(`compiler: axis or result ${id} is used outside of its loop`);
}

function memoOf(level: Level, key: KernelExpr | Affine | Atom): Map<number, Expr> {
  let memo = level.known.get(key);
  if (memo === undefined) level.known.set(key, (memo = new Map()));
  return memo;
}

/** Expressions that an operation reads; none for leaves and guards. */
export function operandsOf(e: KernelExpr): readonly KernelExpr[] {
  switch (e.op) {
    case 'unary':
    case 'cast':
    case 'bitcast':
      return [e.x];
    case 'binary':
    case 'compare':
      return [e.a, e.b];
    case 'select':
      return [e.condition, e.a, e.b];
    case 'threefry':
      return e.inputs;
    case 'guard':
      return [e.x];
    default:
      return [];
  }
}

/** Operations of the graph that are several of the loop IR. */
function unaryExpr(kind: SimpleUnaryKind, x: Expr): Expr {
  const number = (value: number) => constant(x.type, value);
  switch (kind) {
    case 'relu':
      // A select, not a maximum: it lets NaN pass as well and is cheaper on x86.
      return select(compare('lt', x, number(0)), number(0), x);
    case 'rsqrt':
      return binary('div', number(1), unary('sqrt', x));
    case 'sign': {
      const negative = x.type.scalar === 'u32' ? x : select(compare('lt', x, number(0)), number(-1), x);
      return select(compare('lt', number(0), x), number(1), negative);
    }
    case 'abs':
      return x.type.scalar === 'u32' ? x : unary('abs', x);
    default:
      return unary(kind, x);
  }
}

/** Bool compares as 0 < 1. */
function compareExpr(kind: (KernelExpr & { op: 'compare' })['kind'], a: Expr, b: Expr): Expr {
  if (a.type.scalar !== 'bool') return compare(kind, a, b);
  if (kind === 'ne') return binary('xor', a, b);
  if (kind === 'eq') return unary('not', binary('xor', a, b));
  return binary(kind === 'lt' ? 'and' : 'or', unary('not', a), b);
}

const rotations = [
  [13, 15, 26, 6],
  [17, 29, 16, 24],
];

/** The 20 rounds of threefry-2x32 (Salmon et al. 2011). */
function threefryRounds([k0, k1, c0, c1]: readonly Expr[], keep: (value: Expr) => Expr): [Expr, Expr] {
  const number = (value: number) => constant(k0.type, value);
  const keys = [k0, k1, keep(binary('xor', binary('xor', k0, k1), number(0x1bd11bda)))];
  let x = keep(binary('add', c0, k0));
  let y = keep(binary('add', c1, k1));
  for (let round = 0; round < 5; round++) {
    for (const r of rotations[round % 2]) {
      x = keep(binary('add', x, y));
      y = keep(binary('or', binary('shl', y, number(r)), binary('shr', y, number(32 - r))));
      y = keep(binary('xor', x, y));
    }
    x = keep(binary('add', x, keys[(round + 1) % 3]));
    y = keep(binary('add', binary('add', y, keys[(round + 2) % 3]), number(round + 1)));
  }
  return [x, y];
}
