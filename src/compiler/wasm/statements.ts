import type { Expr, Local, Statement } from '../ir.ts';
import { AddressPlanner, argumentsUsed, type LoopPointers, type PointerWriter, reads } from './addresses.ts';
import { FunctionCode, type ValueType } from './assembler.ts';
import { ExpressionWriter, valueType } from './expressions.ts';
import type { HelperLibrary } from './helpers.ts';

/** Statements of the loop IR as structured code, with the loops' pointers kept in locals. */
class FunctionWriter extends ExpressionWriter implements PointerWriter {
  /** Plans addresses for `body`; the argument table's address is in wasm local `table`. */
  start(body: readonly Statement[], table: number): void {
    const { code } = this;
    const bases = new Map<number, number>();
    for (const argument of argumentsUsed(body)) {
      const base = code.declare('i32');
      bases.set(argument, base);
      code.get(table);
      code.memory('i32.load', 2, 4 * argument);
      code.set(base);
    }
    this.addresses = new AddressPlanner(body, bases, this);
  }

  allocatePointer(): number {
    return this.code.allocate('i32');
  }

  releasePointer(pointer: number): void {
    this.code.release('i32', pointer);
  }

  setPointer(
    pointer: number,
    root: number,
    terms: Parameters<PointerWriter['setPointer']>[2],
    constant: number,
  ): void {
    this.code.get(root);
    this.terms(terms, true);
    this.addConstant(constant);
    this.code.set(pointer);
  }

  private addConstant(constant: number): void {
    if (constant === 0) return;
    this.code.i32(constant);
    this.code.op('i32.add');
  }

  write(body: readonly Statement[]): void {
    const { code } = this;
    for (const statement of body) {
      switch (statement.op) {
        case 'set':
          this.emit(statement.value);
          code.set(this.slot(statement.local));
          break;
        case 'store':
          this.store(statement);
          break;
        case 'for':
          this.forLoop(statement);
          break;
        case 'while':
          this.whileLoop(statement);
          break;
        case 'if':
          this.emit(statement.condition);
          code.open('if');
          this.write(statement.then);
          if (statement.otherwise.length > 0) {
            code.op('else');
            this.write(statement.otherwise);
          }
          code.op('end');
          break;
        case 'comment':
      }
    }
  }

  private advance({ advance }: LoopPointers): void {
    for (const { pointer, bytes } of advance) {
      this.code.get(pointer);
      this.addConstant(bytes);
      this.code.set(pointer);
    }
  }

  /** The test comes at the bottom, behind a check that there is a first round unless the bounds are known. */
  private forLoop(loop: Statement & { op: 'for' }): void {
    const { code, addresses } = this;
    const { begin, end, step } = loop;
    const variable = this.slot(loop.variable);
    const rounds =
      begin.op === 'const' && end.op === 'const' ? Math.ceil((end.value - begin.value) / step) : null;
    if (rounds !== null && rounds <= 0) return;
    let limit = -1;
    const pushEnd = (): void => {
      if (limit >= 0) code.get(limit);
      else this.emit(end);
    };
    const settled = (x: Expr): boolean =>
      x.op === 'const' || (x.op === 'local' && !addresses!.assignedBy(loop).has(x.local));
    this.emit(begin);
    if (!settled(end)) {
      this.emit(end);
      limit = code.allocate('i32');
      code.set(limit);
    }
    code.set(variable);
    if (rounds === null) {
      code.open('block');
      code.get(variable);
      pushEnd();
      code.op('i32.ge_s');
      code.branch('br_if', 0);
    }
    const pointers = addresses!.enter(loop);
    const last = rounds !== null && rounds > 1 ? this.lastAddress(loop, pointers, rounds) : -1;
    if (rounds !== 1) code.open('loop');
    this.write(loop.body);
    if (last >= 0) {
      this.advance(pointers);
      code.get(pointers.advance[0].pointer);
      code.get(last);
      code.op('i32.ne');
      code.branch('br_if', 0);
      code.op('end');
      code.release('i32', last);
    } else if (rounds !== 1) {
      this.advance(pointers);
      code.get(variable);
      this.addConstant(step);
      code.tee(variable);
      pushEnd();
      code.op('i32.lt_s');
      code.branch('br_if', 0);
      code.op('end');
    }
    pointers.leave();
    if (rounds === null) code.op('end');
    if (limit >= 0) code.release('i32', limit);
  }

  /**
   * Where nothing but addresses needs the loop's variable, a pointer counts the rounds: a local with the address at which it
   * has made all of them; -1 where the variable must count.
   */
  private lastAddress(loop: Statement & { op: 'for' }, { advance }: LoopPointers, rounds: number): number {
    if (advance.length === 0 || reads(loop.body, loop.variable)) return -1;
    const { pointer, bytes } = advance[0];
    if (Math.abs(bytes * rounds) >= 2 ** 31) return -1;
    const last = this.code.allocate('i32');
    this.code.get(pointer);
    this.addConstant(bytes * rounds);
    this.code.set(last);
    return last;
  }

  private whileLoop(loop: Statement & { op: 'while' }): void {
    const { code, addresses } = this;
    const pointers = addresses!.enter(loop);
    code.open('block');
    code.open('loop');
    this.emit(loop.condition);
    code.op('i32.eqz');
    code.branch('br_if', 1);
    this.write(loop.body);
    code.branch('br', 0);
    code.op('end');
    code.op('end');
    pointers.leave();
  }
}

/** A wasm function that receives the argument table's address and runs `body`. */
export function kernelCode(body: readonly Statement[], library: HelperLibrary): FunctionCode {
  const code = new FunctionCode(['i32'], []);
  const writer = new FunctionWriter(code, library);
  writer.start(body, 0);
  writer.write(body);
  return code;
}

/** A wasm function of registers: runs `body`, which accesses no memory, and returns `result`. */
export function pureCode(
  parameters: readonly Local[],
  body: readonly Statement[],
  result: Expr,
  library: HelperLibrary,
): FunctionCode {
  const types: ValueType[] = parameters.map(({ type }) => valueType(type));
  const code = new FunctionCode(types, [valueType(result.type)]);
  const writer = new FunctionWriter(code, library);
  parameters.forEach((parameter, i) => {
    writer.locals.set(parameter, i);
  });
  writer.start(body, -1);
  writer.write(body);
  writer.emit(result);
  return code;
}
