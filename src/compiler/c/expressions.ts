import type { BinaryOp, Buffer, Expr, Index, Local, MathFunction, Statement, Type } from '../ir.ts';
import { isFloat, isInteger, typeName } from '../ir_build.ts';
import { visitAccesses } from '../ir_visit.ts';
import { type MathDefinition, mathDefinition } from '../math.ts';
import * as helpers from './helpers.ts';
import { eachLane, elementOf, literal, Names, type Unit } from './unit.ts';

/** Bytes of an element in memory. */
const bytesOf = ({ scalar, bits }: Buffer): number =>
  scalar === 'f64' ? 8 : scalar === 'bool' ? 1 : bits === 16 ? 2 : 4;

const comparison = { eq: '==', ne: '!=', lt: '<', le: '<=' } as const;
const infix: Partial<Record<BinaryOp, string>> = {
  add: '+',
  sub: '-',
  mul: '*',
  div: '/',
  and: '&',
  or: '|',
  xor: '^',
};

/** Whether two expressions are the same register or constant. */
const sameValue = (a: Expr, b: Expr): boolean =>
  (a.op === 'local' && b.op === 'local' && a.local === b.local) ||
  (a.op === 'const' && b.op === 'const' && Object.is(a.value, b.value));

/** Expressions of the loop IR as C text. */
export abstract class ExpressionPrinter {
  readonly unit: Unit;
  readonly names = new Names();
  /** Loop variables are 64 bits wide, so that addresses need no sign extension in a loop. */
  readonly counters = new Set<Local>();
  /** How many loops are around the definition of a local; what is defined outside comes first in a sum and leaves the loop. */
  readonly depths = new Map<Local, number>();
  /**
   * What the function works on, in the order of first use: `b0`, `b1`, .. are the addresses of the first elements that it may touch, so
   * that slices at different positions look alike.
   */
  readonly places: Region[] = [];
  /** Least constant part of the indices into each place. */
  readonly lowest: Region[] = [];

  constructor(unit: Unit) {
    this.unit = unit;
  }

  /** A register as an operand. */
  register(local: Local): string {
    const name = this.names.of(local);
    return this.counters.has(local) ? `(i32)${name}` : name;
  }

  /** A register as a 64-bit integer. */
  private wide(local: Local): string {
    const name = this.names.of(local);
    return this.counters.has(local) ? name : `(i64)${name}`;
  }

  /** `+ 4 * i + 12`, times `size`. */
  private sum(index: Index, size: number, constant: number): string {
    const parts = [...index.terms]
      .sort((a, b) => (this.depths.get(a.local) ?? 0) - (this.depths.get(b.local) ?? 0))
      .map(({ local, coefficient }) => {
        const factor = coefficient * size;
        return factor === 1 ? ` + ${this.wide(local)}` : ` + ${this.wide(local)} * ${literal64(factor)}`;
      });
    for (const part of index.dynamic)
      parts.push(size === 1 ? ` + (i64)${this.text(part)}` : ` + (i64)${this.text(part)} * ${size}`);
    const offset = index.offset * size + constant;
    if (offset !== 0) parts.push(` + ${literal64(offset)}`);
    return parts.join('');
  }

  /** A pointer to elements of a buffer. */
  pointer(buffer: Buffer, index: Index): string {
    const { place } = buffer;
    let number = this.places.findIndex((known) => samePlace(known.place, place));
    if (number < 0) {
      const start = this.lowest.find((known) => samePlace(known.place, place))?.start ?? 0;
      number = this.places.push({ place, start }) - 1;
    }
    return `(b${number}${this.sum(index, bytesOf(buffer), -this.places[number].start)})`;
  }

  /** A value. The text can stand as an operand of anything. */
  text(x: Expr): string {
    switch (x.op) {
      case 'const':
        return this.constant(x.type, x.value);
      case 'local':
        return this.register(x.local);
      case 'load':
        return this.load(x);
      case 'index':
        return `(i32)(0${this.sum(x.index, 1, 0)})`;
      case 'unary':
        return this.unary(x);
      case 'binary':
        return this.binary(x);
      case 'compare':
        return this.compare(x);
      case 'fma':
        return this.call(helpers.fmaHelper(this.unit, x.type), x.a, x.b, x.c);
      case 'select':
        if (x.type.lanes === 1) return this.chosen(x.condition, x.a, x.b);
        return this.selected(x);
      case 'choose':
        return this.chosen(x.condition, x.a, x.b);
      case 'cast':
        return this.cast(x.type, x.x);
      case 'bitcast':
        return this.bitcast(x.type, x.x);
      case 'splat':
        return this.splat(x.type, this.text(x.x));
      case 'lanes':
        return `(${eachLane(this.unit.register(x.type), x.type.lanes, String)})`;
      case 'extract':
        return x.x.type.scalar === 'bool'
          ? `(${this.text(x.x)}[${x.lane}] & 1)`
          : `${this.text(x.x)}[${x.lane}]`;
      case 'shuffle': {
        const mask = this.unit.vector(x.type.scalar === 'f64' ? 'i64' : 'i32', x.type.lanes);
        return `SHUFFLE(${mask}, ${this.text(x.a)}, ${this.text(x.b)}, ${x.lanes.join(', ')})`;
      }
      case 'fold':
        return this.fold(x);
    }
  }

  private call(name: string, ...operands: readonly Expr[]): string {
    return `${name}(${operands.map((operand) => this.text(operand)).join(', ')})`;
  }

  private chosen(condition: Expr, a: Expr, b: Expr): string {
    return `(${this.text(condition)} ? ${this.text(a)} : ${this.text(b)})`;
  }

  /** A selection of vectors; the larger or smaller one of two values has an instruction of its own. */
  private selected({ type, condition, a, b }: Expr & { op: 'select' }): string {
    if (isFloat(type.scalar) && condition.op === 'compare' && condition.kind === 'lt') {
      if (sameValue(condition.a, b) && sameValue(condition.b, a))
        return this.call(helpers.pickHelper(this.unit, 'larger', type), b, a);
      if (sameValue(condition.a, a) && sameValue(condition.b, b))
        return this.call(helpers.pickHelper(this.unit, 'smaller', type), b, a);
    }
    return this.call(helpers.selectHelper(this.unit, type), condition, a, b);
  }

  private constant(type: Type, value: number): string {
    const element = elementOf(type.scalar);
    if (type.lanes === 1) return literal(element, value);
    // By name rather than lane by lane: most of the text would be constants.
    const lane = literal(element, type.scalar === 'bool' ? -value : value);
    return `${helpers.splatHelper(this.unit, element, type.lanes)}(${lane})`;
  }

  private splat({ scalar, lanes }: Type, x: string): string {
    return `${helpers.splatHelper(this.unit, elementOf(scalar), lanes)}(${scalar === 'bool' ? `-${x}` : x})`;
  }

  private load(x: Expr & { op: 'load' }): string {
    const { scalar, lanes } = x.type;
    const pointer = this.pointer(x.buffer, x.index);
    if (x.count !== undefined)
      return `${helpers.loadSomeHelper(this.unit, elementOf(scalar), lanes, x.count)}(${pointer})`;
    if (x.buffer.bits === 16) {
      if (lanes === 1) return `((u32)*(const u16 *)${pointer})`;
      const stored = this.unit.vector('u16', lanes);
      return `__builtin_convertvector(*(const ${stored}_unaligned *)${pointer}, ${this.unit.register(x.type)})`;
    }
    if (lanes === 1) return `(*(const ${scalar === 'bool' ? 'u8' : scalar} *)${pointer})`;
    if (scalar !== 'bool') return `(*(const ${this.unit.register(x.type)}_unaligned *)${pointer})`;
    const mask = this.unit.register(x.type);
    const stored = this.unit.vector('u8', lanes);
    return `(-__builtin_convertvector(*(const ${stored}_unaligned *)${pointer}, ${mask}))`;
  }

  /** `buffer[index] = value;` */
  store({ buffer, index, value, count }: Statement & { op: 'store' }): string {
    const pointer = this.pointer(buffer, index);
    const { scalar, lanes } = value.type;
    const text = this.text(value);
    if (count !== undefined)
      return `${helpers.storeSomeHelper(this.unit, elementOf(scalar), lanes, count)}(${pointer}, ${text});`;
    if (buffer.bits === 16) {
      if (lanes === 1) return `*(u16 *)${pointer} = (u16)${text};`;
      const stored = this.unit.vector('u16', lanes);
      return `*(${stored}_unaligned *)${pointer} = __builtin_convertvector(${text}, ${stored});`;
    }
    if (lanes === 1) return `*(${scalar === 'bool' ? 'u8' : scalar} *)${pointer} = ${text};`;
    if (scalar !== 'bool') return `*(${this.unit.register(value.type)}_unaligned *)${pointer} = ${text};`;
    const stored = this.unit.vector('u8', lanes);
    return `*(${stored}_unaligned *)${pointer} = __builtin_convertvector(${text} & 1, ${stored});`;
  }

  private unsupported(x: Expr): never {
    const kind = 'kind' in x ? ` ${x.kind}` : '';
    throw new Error(`printC: ${x.op}${kind} has no form for ${typeName(x.type)}`);
  }

  private unary(x: Expr & { op: 'unary' }): string {
    const { scalar, lanes } = x.type;
    const { kind } = x;
    if (kind === 'neg') {
      if (scalar === 'bool') this.unsupported(x);
      return `(-${this.text(x.x)})`;
    }
    if (kind === 'not') {
      if (isFloat(scalar)) this.unsupported(x);
      return scalar === 'bool' && lanes === 1 ? `(${this.text(x.x)} ^ 1)` : `(~${this.text(x.x)})`;
    }
    if (kind === 'abs' && scalar !== 'bool') return this.call(helpers.absHelper(this.unit, x.type), x.x);
    if (!isFloat(scalar) || kind === 'abs') this.unsupported(x);
    const rounded = helpers.roundingHelper(this.unit, kind, x.type);
    if (rounded !== undefined) return this.call(rounded, x.x);
    return this.call(this.math(kind as MathFunction, x.type), x.x);
  }

  /** A function of floats, or of two of them: f32 as the loop IR defines it, f64 from the C library. */
  private math(kind: MathFunction | 'pow', { scalar, lanes }: Type): string {
    if (scalar === 'f64') return helpers.doubleHelper(this.unit, kind, lanes);
    const type = this.unit.vector('f32', lanes);
    // In place, constants leave the loop. Functions with branches are too large for that.
    const inPlace = lanes > 1 && kind !== 'sin' && kind !== 'cos' && kind !== 'pow';
    return this.unit.helper(`${kind}_${type}`, (name) => {
      const head = `${inPlace ? 'INLINE' : 'FUNCTION'} ${type} ${name}`;
      return this.pureFunction(head, mathDefinition(kind, lanes));
    });
  }

  /** A function of registers, which accesses no memory; `head` is all of it up to its parameters. */
  protected abstract pureFunction(head: string, definition: MathDefinition): string;

  private binary(x: Expr & { op: 'binary' }): string {
    const { kind, a, b, type } = x;
    const { scalar, lanes } = type;
    const bitwise = kind === 'and' || kind === 'or' || kind === 'xor';
    if (
      scalar === 'bool'
        ? !bitwise
        : isFloat(scalar)
          ? bitwise || kind === 'shl' || kind === 'shr'
          : kind === 'pow'
    )
      this.unsupported(x);
    if (kind === 'max' || kind === 'min') return this.extreme(kind, a, b);
    if (kind === 'rem' || (kind === 'div' && isInteger(scalar)))
      return this.call(helpers.divisionHelper(this.unit, kind, type), a, b);
    if (kind === 'pow') return this.call(this.math('pow', type), a, b);
    if (kind === 'shl') {
      // Shifting a negative number to the left is undefined.
      const bits = this.unit.vector('u32', lanes);
      const t = this.unit.register(type);
      return `((${t})((${bits})${this.text(a)} << ((${bits})${this.text(b)} & 31)))`;
    }
    if (kind === 'shr') return `(${this.text(a)} >> (${this.text(b)} & 31))`;
    return `(${this.text(a)} ${infix[kind]} ${this.text(b)})`;
  }

  private extreme(kind: 'max' | 'min', a: Expr, b: Expr): string {
    const { type } = a;
    const [x, bound] = a.op === 'const' ? [b, a] : [a, b];
    if (!isFloat(type.scalar) || bound.op !== 'const' || Number.isNaN(bound.value))
      return this.call(helpers.extremeHelper(this.unit, kind, type), a, b);
    // Against a number, one comparison is enough: one that NaN fails, and that decides between zeros as the operation does.
    const strict = Object.is(bound.value, kind === 'max' ? -0 : 0);
    return this.call(helpers.boundHelper(this.unit, kind, strict, type), x, bound);
  }

  private compare(x: Expr & { op: 'compare' }): string {
    const { type } = x.a;
    const [a, b] = [this.text(x.a), this.text(x.b)];
    if (type.lanes === 1) return `(${a} ${comparison[x.kind]} ${b})`;
    if (type.scalar === 'bool') {
      if (x.kind === 'ne') return `(${a} ^ ${b})`;
      if (x.kind === 'eq') return `(~(${a} ^ ${b}))`;
      return x.kind === 'lt' ? `(~${a} & ${b})` : `(~${a} | ${b})`;
    }
    return this.mask(type, `${a} ${comparison[x.kind]} ${b}`);
  }

  /** The result of a vector comparison as a mask of 32 bits a lane. */
  private mask({ scalar, lanes }: Type, comparison: string): string {
    const mask = this.unit.vector('i32', lanes);
    if (scalar !== 'f64') return `((${mask})(${comparison}))`;
    return `__builtin_convertvector((${this.unit.vector('i64', lanes)})(${comparison}), ${mask})`;
  }

  private cast(to: Type, x: Expr): string {
    const from = x.type;
    const t = this.unit.register(to);
    const text = this.text(x);
    if (from.scalar === to.scalar) return text;
    if (to.scalar === 'bool') {
      if (to.lanes === 1) return `(${text} != 0)`;
      const zero = this.constant(from, 0);
      return this.mask(from, `${text} != ${zero}`);
    }
    if (isFloat(from.scalar) && isInteger(to.scalar))
      return `${helpers.truncationHelper(this.unit, from, to)}(${text})`;
    if (to.lanes === 1) return `((${t})${text})`;
    const operand = from.scalar === 'bool' ? `(${text} & 1)` : text;
    const isBits = isInteger(to.scalar) && !isFloat(from.scalar);
    return isBits ? `((${t})${operand})` : `__builtin_convertvector(${operand}, ${t})`;
  }

  private bitcast(to: Type, x: Expr): string {
    const t = this.unit.register(to);
    if (to.lanes > 1 || (isInteger(to.scalar) && isInteger(x.type.scalar))) return `((${t})${this.text(x)})`;
    const s = this.unit.register(x.type);
    const name = this.unit.helper(
      `bits_${s}_${t}`,
      (n) => `INLINE ${t} ${n}(${s} x) {\n  ${t} y;\n  __builtin_memcpy(&y, &x, 4);\n  return y;\n}\n`,
    );
    return this.call(name, x);
  }

  private fold(x: Expr & { op: 'fold' }): string {
    const { type } = x.x;
    const named = (name: string): Expr => {
      const local: Local = { name, type };
      this.names.bind(local, name);
      return { op: 'local', type, local };
    };
    const combine = (a: string, b: string): string =>
      this.text({ op: 'binary', type, kind: x.kind, a: named(a), b: named(b) });
    return `${helpers.foldHelper(this.unit, x.kind, type, combine)}(${this.text(x.x)})`;
  }
}

/** A decimal constant of C is as wide as it needs to be. */
const literal64 = (value: number): string => (value < 0 ? `(${value})` : `${value}`);

/** A place from a byte on. */
export interface Region {
  readonly place: Buffer['place'];
  readonly start: number;
}

/** For each place that a body accesses, the least byte offset of an index without its variable terms. */
export function lowestOffsets(body: readonly Statement[]): Region[] {
  const regions: { place: Buffer['place']; start: number }[] = [];
  visitAccesses(
    body,
    ({ buffer, index }) => {
      const start = index.offset * bytesOf(buffer);
      const known = regions.find(({ place }) => samePlace(place, buffer.place));
      if (known === undefined) regions.push({ place: buffer.place, start });
      else known.start = Math.min(known.start, start);
    },
    false,
  );
  return regions;
}

function samePlace(a: Buffer['place'], b: Buffer['place']): boolean {
  if (a.kind === 'argument') return b.kind === 'argument' && a.argument === b.argument;
  return a.kind === b.kind && a.offset === b.offset;
}
