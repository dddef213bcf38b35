import type { BinaryOp, Expr, Local, MathFunction, Statement, Type, UnaryOp } from '../ir.ts';
import { isFloat, isInteger } from '../ir_build.ts';
import { mathDefinition } from '../math.ts';
import { MemoryWriter } from './memory.ts';
import type { Opcode } from './opcodes.ts';
import { bytesOfConstant, bytesOfLanes, shapeOf, sign, valueType } from './registers.ts';

/** Expressions of the loop IR as stack code. */

const nativeUnary: Partial<Record<UnaryOp, string>> = {
  neg: 'neg',
  abs: 'abs',
  sqrt: 'sqrt',
  floor: 'floor',
  ceil: 'ceil',
  round: 'nearest',
};

/** Functions that call the platform for some arguments are too large to be written in place. */
const callsPlatform: ReadonlySet<UnaryOp> = new Set<UnaryOp>(['sin', 'cos']);

/** Whether two expressions are the same register or constant. */
const sameValue = (a: Expr, b: Expr): boolean =>
  (a.op === 'local' && b.op === 'local' && a.local === b.local) ||
  (a.op === 'const' && b.op === 'const' && Object.is(a.value, b.value));

/** Selections that are one instruction: pmax(b, a) is `b < a ? a : b`, pmin(b, a) is `a < b ? a : b`. */
function pseudoExtreme({ type, condition, a, b }: Expr & { op: 'select' }): 'pmax' | 'pmin' | null {
  if (type.lanes === 1 || !isFloat(type.scalar) || condition.op !== 'compare' || condition.kind !== 'lt')
    return null;
  if (sameValue(condition.a, b) && sameValue(condition.b, a)) return 'pmax';
  return sameValue(condition.a, a) && sameValue(condition.b, b) ? 'pmin' : null;
}

export abstract class ExpressionWriter extends MemoryWriter {
  /** Writes statements. */
  abstract write(body: readonly Statement[]): void;

  /** Leaves the value of `x` on the stack. */
  override emit(x: Expr): void {
    const { code } = this;
    switch (x.op) {
      case 'const':
        this.constant(x.type, x.value);
        break;
      case 'local':
        code.get(this.slot(x.local));
        break;
      case 'load':
        this.load(x);
        break;
      case 'index':
        this.index(x.index);
        break;
      case 'unary':
        this.unary(x);
        break;
      case 'binary':
        this.binary(x);
        break;
      case 'compare':
        this.compare(x);
        break;
      case 'select':
        this.select(x);
        break;
      case 'choose':
        this.emit(x.condition);
        code.open('if', valueType(x.type));
        this.emit(x.a);
        code.op('else');
        this.emit(x.b);
        code.op('end');
        break;
      case 'cast':
        this.cast(x.type, x.x);
        break;
      case 'bitcast':
        this.emit(x.x);
        if (x.type.lanes === 1 && isFloat(x.type.scalar) !== isFloat(x.x.type.scalar)) {
          code.op(x.type.scalar === 'f32' ? 'f32.reinterpret_i32' : 'i32.reinterpret_f32');
        }
        break;
      case 'splat':
        this.splat(x);
        break;
      case 'lanes':
        code.v128(bytesOfConstant(x.type.scalar, x.type.lanes, (lane) => lane));
        break;
      case 'extract':
        this.emit(x.x);
        this.extract(x.x.type, x.lane);
        break;
      case 'fma':
        this.emit(x.a);
        this.emit(x.b);
        this.emit(x.c);
        code.op(x.type.scalar === 'f64' ? 'f64x2.relaxed_madd' : 'f32x4.relaxed_madd');
        break;
      case 'shuffle':
        this.emit(x.a);
        this.emit(x.b);
        // A half vector's second operand starts at its own low half.
        code.op('i8x16.shuffle');
        code.bytes.append(
          x.type.lanes === 4
            ? bytesOfLanes(x.lanes, 4)
            : this.laneBytes(x.type) === 8
              ? bytesOfLanes(x.lanes, 8)
              : bytesOfLanes([...x.lanes.map((lane) => (lane < 2 ? lane : lane + 2)), 2, 3], 4),
        );
        break;
      case 'fold':
        this.fold(x);
    }
  }

  private unary(x: Expr & { op: 'unary' }): void {
    const { code } = this;
    const { scalar, lanes } = x.type;
    const vector = lanes > 1;
    if (isFloat(scalar)) {
      if (x.kind === 'not') this.unsupported(x);
      this.emit(x.x);
      const name = nativeUnary[x.kind];
      if (name !== undefined) code.op(`${shapeOf(x.type)}.${name}` as Opcode);
      else if (scalar === 'f32' && lanes > 1 && !callsPlatform.has(x.kind))
        this.inline(x.kind as MathFunction);
      else code.call(this.library.math(x.kind as MathFunction, scalar as 'f32' | 'f64', lanes));
      return;
    }
    if (x.kind === 'not') {
      this.emit(x.x);
      if (vector) code.op('v128.not');
      else if (scalar === 'bool') code.op('i32.eqz');
      else {
        code.i32(-1);
        code.op('i32.xor');
      }
    } else if (x.kind === 'neg' && isInteger(scalar)) {
      if (!vector) code.i32(0);
      this.emit(x.x);
      code.op(vector ? 'i32x4.neg' : 'i32.sub');
    } else if (x.kind === 'abs' && isInteger(scalar)) {
      this.emit(x.x);
      if (scalar === 'u32') return;
      if (vector) code.op('i32x4.abs');
      else {
        // (x ^ s) - s for s = x >> 31
        const [value, mask] = [code.allocate('i32'), code.allocate('i32')];
        code.tee(value);
        code.get(value);
        code.i32(31);
        code.op('i32.shr_s');
        code.tee(mask);
        code.op('i32.xor');
        code.get(mask);
        code.op('i32.sub');
        code.release('i32', value);
        code.release('i32', mask);
      }
    } else this.unsupported(x);
  }

  /**
   * Replaces the vector on the stack by a function of it. Called, it would build its many vector constants anew each time;
   * in place, they leave the loop.
   */
  private inline(kind: MathFunction): void {
    const { code } = this;
    const { parameters, body, result } = mathDefinition(kind, 4);
    const temporaries: number[] = [];
    const bind = (local: Local): void => {
      if (this.locals.has(local)) return;
      const slot = code.allocate(valueType(local.type));
      this.locals.set(local, slot);
      temporaries.push(slot);
    };
    parameters.forEach(bind);
    for (const statement of body) if (statement.op === 'set') bind(statement.local);
    code.set(this.slot(parameters[0]));
    this.write(body);
    this.emit(result);
    for (const slot of temporaries) code.release('v128', slot);
  }

  private binary(x: Expr & { op: 'binary' }): void {
    const { scalar, lanes } = x.type;
    const { kind } = x;
    const bitwise = kind === 'and' || kind === 'or' || kind === 'xor';
    if (scalar === 'bool') {
      if (!bitwise) this.unsupported(x);
    } else if (isFloat(scalar)) {
      if (bitwise || kind === 'shl' || kind === 'shr') this.unsupported(x);
      if (kind === 'pow' || kind === 'rem') {
        this.emit(x.a);
        this.emit(x.b);
        this.code.call(this.library.math(kind, scalar as 'f32' | 'f64', lanes));
        return;
      }
    } else if (kind === 'pow') this.unsupported(x);
    else if (this.integerCase(x)) return;
    this.emit(x.a);
    this.emit(x.b);
    if (bitwise) this.code.op(lanes > 1 ? `v128.${kind}` : `i32.${kind}`);
    else this.code.op(`${shapeOf(x.type)}.${kind}` as Opcode);
  }

  /** Integer operations that are more than one instruction of their operands; false if `x` is none. */
  private integerCase(x: Expr & { op: 'binary' }): boolean {
    const { code } = this;
    const { scalar, lanes } = x.type;
    const { kind, a, b } = x;
    const s = sign(scalar);
    const vector = lanes > 1;
    if (kind === 'div' || kind === 'rem') {
      this.emit(a);
      if (!vector && b.op === 'const' && b.value !== 0 && b.value !== -1) {
        this.emit(b);
        code.op(`i32.${kind}_${s}`);
      } else {
        this.emit(b);
        code.call(this.library.integer(kind, scalar as 'i32' | 'u32', lanes));
      }
      return true;
    }
    if (kind === 'max' || kind === 'min') {
      this.emit(a);
      if (vector) {
        this.emit(b);
        code.op(`i32x4.${kind}_${s}`);
        return true;
      }
      const [left, right] = [code.allocate('i32'), code.allocate('i32')];
      code.tee(left);
      this.emit(b);
      code.tee(right);
      code.get(left);
      code.get(right);
      code.op(kind === 'max' ? `i32.gt_${s}` : `i32.lt_${s}`);
      code.op('select');
      code.release('i32', left);
      code.release('i32', right);
      return true;
    }
    if (kind === 'shl' || kind === 'shr') {
      const name = kind === 'shl' ? 'shl' : (`shr_${s}` as const);
      this.emit(a);
      if (!vector) {
        this.emit(b);
        code.op(`i32.${name}`);
      } else if (b.op === 'const' || b.op === 'splat') {
        if (b.op === 'const') code.i32(b.value);
        else this.emit(b.x);
        code.op(`i32x4.${name}`);
      } else {
        this.emit(b);
        code.call(this.library.integer(kind, scalar as 'i32' | 'u32', lanes));
      }
      return true;
    }
    return false;
  }

  private compare(x: Expr & { op: 'compare' }): void {
    const { code } = this;
    const { type } = x.a;
    const { kind } = x;
    const vector = type.lanes > 1;
    if (type.scalar === 'bool' && vector) {
      // a < b is b and not a; a <= b is not (a and not b).
      this.emit(kind === 'lt' ? x.b : x.a);
      this.emit(kind === 'lt' ? x.a : x.b);
      code.op(kind === 'eq' || kind === 'ne' ? 'v128.xor' : 'v128.andnot');
      if (kind === 'eq' || kind === 'le') code.op('v128.not');
      return;
    }
    this.emit(x.a);
    this.emit(x.b);
    const ordered = kind === 'lt' || kind === 'le';
    const suffix = ordered && !isFloat(type.scalar) ? `_${sign(type.scalar)}` : '';
    code.op(`${shapeOf(type)}.${kind}${suffix}` as Opcode);
    if (type.lanes === 2 && type.scalar !== 'f64') code.op('i64x2.extend_low_i32x4_s');
  }

  private select(x: Expr & { op: 'select' }): void {
    const { code } = this;
    const extreme = pseudoExtreme(x);
    if (extreme !== null) {
      this.emit(x.b);
      this.emit(x.a);
      code.op(`${shapeOf(x.type) as 'f32x4' | 'f64x2'}.${extreme}`);
      return;
    }
    this.emit(x.a);
    this.emit(x.b);
    this.emit(x.condition);
    if (x.condition.type.lanes === 1) code.op('select');
    else {
      // A mask of 64-bit lanes for a half vector of 32-bit ones.
      if (x.type.lanes === 2 && this.laneBytes(x.type) === 4) this.shuffleSelf(bytesOfLanes([0, 2, 0, 2], 4));
      code.op('v128.bitselect');
    }
  }

  private cast(to: Type, x: Expr): void {
    const { code } = this;
    const from = x.type;
    const { scalar } = to;
    if (scalar === 'bool' && from.scalar !== 'bool') {
      this.compare({
        op: 'compare',
        type: to,
        kind: 'ne',
        a: x,
        b: { op: 'const', type: from, value: 0 },
      });
      return;
    }
    this.emit(x);
    if (scalar === from.scalar || (isInteger(scalar) && isInteger(from.scalar))) return;
    if (to.lanes === 1) {
      if (scalar === 'f32')
        code.op(from.scalar === 'f64' ? 'f32.demote_f64' : `f32.convert_i32_${sign(from.scalar)}`);
      else if (scalar === 'f64') {
        code.op(from.scalar === 'f32' ? 'f64.promote_f32' : `f64.convert_i32_${sign(from.scalar)}`);
      } else if (isFloat(from.scalar)) {
        code.op(`i32.trunc_sat_${from.scalar as 'f32' | 'f64'}_${sign(scalar)}`);
      }
      return;
    }
    if (from.scalar === 'bool') {
      if (to.lanes === 2 && this.laneBytes(to) === 4) this.shuffleSelf(bytesOfLanes([0, 2, 0, 2], 4));
      code.v128(bytesOfConstant(scalar, to.lanes, () => 1));
      code.op('v128.and');
    } else if (scalar === 'f32') {
      code.op(from.scalar === 'f64' ? 'f32x4.demote_f64x2_zero' : `f32x4.convert_i32x4_${sign(from.scalar)}`);
    } else if (scalar === 'f64') {
      code.op(
        from.scalar === 'f32' ? 'f64x2.promote_low_f32x4' : `f64x2.convert_low_i32x4_${sign(from.scalar)}`,
      );
    } else {
      const s = sign(scalar);
      code.op(from.scalar === 'f64' ? `i32x4.trunc_sat_f64x2_${s}_zero` : `i32x4.trunc_sat_f32x4_${s}`);
    }
  }

  private splat(x: Expr & { op: 'splat' }): void {
    const { code } = this;
    const { scalar, lanes } = x.type;
    valueType(x.type);
    if (x.x.op === 'load' && scalar !== 'bool' && x.x.buffer.bits === undefined) {
      const offset = this.address(x.x);
      if (scalar === 'f64') code.memory('v128.load64_splat', 3, offset);
      else code.memory('v128.load32_splat', 2, offset);
      return;
    }
    if (scalar === 'bool') code.i32(0);
    this.emit(x.x);
    if (scalar === 'bool') {
      code.op('i32.sub');
      // All bits alike: the lanes' width does not matter.
      code.op('i32x4.splat');
    } else code.op(`${shapeOf(x.type) as 'f32x4' | 'f64x2' | 'i32x4'}.splat`);
    if (lanes === 1) this.unsupported(x);
  }

  /** Replaces the vector on the stack by one of its lanes. */
  private extract(type: Type, lane: number): void {
    const { code } = this;
    const half = this.laneBytes(type) === 8 && type.scalar === 'bool';
    code.lane(`${shapeOf(type) as 'f32x4' | 'f64x2' | 'i32x4'}.extract_lane`, half ? 2 * lane : lane);
    if (type.scalar === 'bool') {
      code.i32(1);
      code.op('i32.and');
    }
  }

  private fold(x: Expr & { op: 'fold' }): void {
    const { code } = this;
    const { type } = x.x;
    const kind: BinaryOp = x.kind;
    this.emit(x.x);
    if (type.scalar === 'bool') {
      if (kind === 'and') code.op(type.lanes === 4 ? 'i32x4.all_true' : 'i64x2.all_true');
      else if (kind === 'or') code.op('v128.any_true');
      else this.unsupported(x);
      return;
    }
    const bitwise = kind === 'and' || kind === 'or';
    if (bitwise && isFloat(type.scalar)) this.unsupported(x);
    const suffix =
      isInteger(type.scalar) && (kind === 'max' || kind === 'min') ? `_${sign(type.scalar)}` : '';
    const combine = (bitwise ? `v128.${kind}` : `${shapeOf(type)}.${kind}${suffix}`) as Opcode;
    const vector = code.allocate('v128');
    // Halves first; the operands keep their order, so that NaNs and zeros come out as in the definition.
    for (let distance = type.lanes / 2; distance >= 1; distance /= 2) {
      code.tee(vector);
      code.get(vector);
      code.get(vector);
      const lanes = Array.from({ length: 16 / this.laneBytes(type) }, (_, i) => (i + distance) % type.lanes);
      code.op('i8x16.shuffle');
      code.bytes.append(bytesOfLanes(lanes, this.laneBytes(type)));
      code.op(combine);
    }
    code.release('v128', vector);
    this.extract(type, 0);
  }
}
