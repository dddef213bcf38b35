import type { Expr, Index, Local, Type } from '../ir.ts';
import { typeName } from '../ir_build.ts';
import type { Access } from '../ir_visit.ts';
import { type Address, type AddressPlanner, bytesOf } from './addresses.ts';
import type { FunctionCode } from './assembler.ts';
import type { HelperLibrary } from './helpers.ts';
import type { Opcode } from './opcodes.ts';
import { bytesOfConstant, bytesOfLanes, shapeOf, valueType } from './registers.ts';

/** What every value needs: its registers, constants, and the memory it comes from and goes to. */
export abstract class MemoryWriter {
  readonly code: FunctionCode;
  readonly locals = new Map<Local, number>();
  protected readonly library: HelperLibrary;
  /** Set once the function's base addresses are in locals. */
  protected addresses: AddressPlanner | null = null;

  constructor(code: FunctionCode, library: HelperLibrary) {
    this.code = code;
    this.library = library;
  }

  /** The wasm local of an IR local. */
  slot(local: Local): number {
    let slot = this.locals.get(local);
    if (slot === undefined) this.locals.set(local, (slot = this.code.declare(valueType(local.type))));
    return slot;
  }

  /** Leaves the value of `x` on the stack. */
  abstract emit(x: Expr): void;

  protected laneBytes(type: Type): number {
    return type.scalar === 'f64' || (type.scalar === 'bool' && type.lanes === 2) ? 8 : 4;
  }

  protected constant(type: Type, value: number): void {
    if (valueType(type) === 'v128') this.code.v128(bytesOfConstant(type.scalar, type.lanes, () => value));
    else if (type.scalar === 'f32') this.code.f32(value);
    else if (type.scalar === 'f64') this.code.f64(value);
    else this.code.i32(value);
  }

  protected shuffleSelf(selectors: readonly number[]): void {
    const { code } = this;
    const x = code.allocate('v128');
    code.tee(x);
    code.get(x);
    code.op('i8x16.shuffle');
    code.bytes.append(selectors);
    code.release('v128', x);
  }

  /** Adds `scale * local` for each term to the i32 on the stack, if there is one (`pushed`). */
  protected terms(terms: Address['terms'], pushed: boolean): boolean {
    const { code } = this;
    for (const { local, scale } of terms) {
      code.get(this.slot(local));
      const shift = Math.log2(scale);
      if (Number.isInteger(shift) && shift >= 0) {
        if (shift > 0) {
          code.i32(shift);
          code.op('i32.shl');
        }
      } else {
        code.i32(scale);
        code.op('i32.mul');
      }
      if (pushed) code.op('i32.add');
      pushed = true;
    }
    return pushed;
  }

  protected index(index: Index): void {
    const { code } = this;
    let pushed = this.terms(
      index.terms.map(({ local, coefficient }) => ({ local, scale: coefficient })),
      false,
    );
    for (const part of index.dynamic) {
      this.emit(part);
      if (pushed) code.op('i32.add');
      pushed = true;
    }
    if (pushed && index.offset === 0) return;
    code.i32(index.offset);
    if (pushed) code.op('i32.add');
  }

  /** Leaves the pointer of an access on the stack and returns the offset for its instruction. */
  address(access: Access): number {
    const { code } = this;
    const { root, terms, dynamic, size, pending, offset } = this.addresses!.of(access);
    code.get(root);
    this.terms(terms, true);
    for (const part of dynamic) {
      this.emit(part);
      if (size > 1) {
        code.i32(Math.log2(size));
        code.op('i32.shl');
      }
      code.op('i32.add');
    }
    if (pending !== 0) {
      code.i32(pending);
      code.op('i32.add');
    }
    return offset;
  }

  protected load(x: Expr & { op: 'load' }): void {
    const { code } = this;
    const { scalar, lanes } = x.type;
    const align = Math.log2(bytesOf(x.buffer));
    const offset = this.address(x);
    if (x.buffer.bits === 16) {
      this.fullVector(x);
      code.memory(lanes === 1 ? 'i32.load16_u' : 'v128.load16x4_u', align, offset);
    } else if (valueType(x.type) !== 'v128') {
      code.memory(
        scalar === 'bool' ? 'i32.load8_u' : `${shapeOf(x.type) as 'f32' | 'f64' | 'i32'}.load`,
        align,
        offset,
      );
    } else if (scalar === 'bool') {
      code.memory(lanes === 4 ? 'v128.load32_zero' : 'v128.load16_splat', 0, offset);
      code.op('i16x8.extend_low_i8x16_u');
      code.op('i32x4.extend_low_i16x8_u');
      if (lanes === 2) code.op('i64x2.extend_low_i32x4_u');
      code.op(lanes === 4 ? 'i32x4.neg' : 'i64x2.neg');
    } else if (x.count !== undefined) {
      if (x.count === 3) this.address(x);
      code.memory(x.count === 1 ? 'v128.load32_zero' : 'v128.load64_zero', align, offset);
      if (x.count === 3) this.lane('v128.load32_lane', 2, align, offset + 8);
    } else code.memory(lanes * bytesOf(x.buffer) === 16 ? 'v128.load' : 'v128.load64_zero', align, offset);
  }

  /** A load or store of one lane, whose number follows the instruction. */
  protected lane(op: Opcode, lane: number, align: number, offset: number): void {
    this.code.memory(op, align, offset);
    this.code.bytes.byte(lane);
  }

  /** Stores a value at an access. */
  protected store(access: Access & { op: 'store' }): void {
    const { code } = this;
    const { type } = access.value;
    const align = Math.log2(bytesOf(access.buffer));
    const offset = this.address(access);
    this.emit(access.value);
    if (access.buffer.bits === 16) {
      this.fullVector(access.value);
      if (type.lanes === 1) code.memory('i32.store16', align, offset);
      else {
        this.shuffleSelf(bytesOfLanes([0, 2, 4, 6, 0, 2, 4, 6], 2));
        this.lane('v128.store64_lane', 0, align, offset);
      }
    } else if (valueType(type) !== 'v128') {
      const shape = shapeOf(type) as 'f32' | 'f64' | 'i32';
      code.memory(type.scalar === 'bool' ? 'i32.store8' : `${shape}.store`, align, offset);
    } else if (type.scalar === 'bool') {
      code.v128(bytesOfConstant('i32', 4, () => 1));
      code.op('v128.and');
      const width = 16 / type.lanes;
      this.shuffleSelf(Array.from({ length: 16 }, (_, i) => (i % type.lanes) * width));
      this.lane(type.lanes === 4 ? 'v128.store32_lane' : 'v128.store16_lane', 0, 0, offset);
    } else if (access.count !== undefined) this.storeSome(access, access.count, align, offset);
    else if (type.lanes * bytesOf(access.buffer) === 16) code.memory('v128.store', align, offset);
    else this.lane('v128.store64_lane', 0, align, offset);
  }

  /** The first lanes of the vector on the stack, whose address lies below it. */
  protected storeSome(access: Access & { op: 'store' }, count: number, align: number, offset: number): void {
    const { code } = this;
    if (count < 3) {
      this.lane(count === 1 ? 'v128.store32_lane' : 'v128.store64_lane', 0, align, offset);
      return;
    }
    const value = code.allocate('v128');
    code.tee(value);
    this.lane('v128.store64_lane', 0, align, offset);
    this.address(access);
    code.get(value);
    this.lane('v128.store32_lane', 2, align, offset + 8);
    code.release('v128', value);
  }

  /** Elements of 16 bits are accessed one at a time or four. */
  protected fullVector(x: Expr): void {
    if (x.type.lanes !== 1 && x.type.lanes !== 4) this.unsupported(x);
  }

  protected unsupported(x: Expr): never {
    const kind = 'kind' in x ? ` ${x.kind}` : '';
    throw new Error(`printWasm: ${x.op}${kind} has no form for ${typeName(x.type)}`);
  }
}
