import type { Expr, KernelFunction, Local, Statement } from '../ir.ts';
import { i32Constant } from '../ir_build.ts';
import {
  type Address,
  AddressPlanner,
  type LoopPointers,
  type PointerWriter,
  reads,
  rootsUsed,
} from './addresses.ts';
import { FunctionCode, type ValueType } from './assembler.ts';
import { ExpressionWriter } from './expressions.ts';
import type { HelperLibrary } from './helpers.ts';
import { valueType } from './registers.ts';

/** Parameters of a kernel's wasm function. */
interface KernelParameters {
  /** Address of the argument table. */
  readonly table: number;
  /** Number of the running thread and how many there are; absent where there is one. */
  readonly thread?: number;
  readonly threads?: number;
}

/** Statements of the loop IR as structured code, with the loops' pointers kept in locals. */
class FunctionWriter extends ExpressionWriter implements PointerWriter {
  /** Plans addresses for a kernel and computes the roots of its buffers. */
  start(kernel: Pick<KernelFunction, 'body' | 'chunks'>, { table, thread }: KernelParameters): void {
    const { code } = this;
    const bases = new Map<number, number>();
    for (const root of rootsUsed(kernel.body)) {
      const base = code.declare('i32');
      bases.set(root, base);
      code.get(table);
      code.memory('i32.load', 2, 4 * Math.max(root, 0));
      if (root < 0 && thread !== undefined) {
        code.get(thread);
        code.i32(-root);
        code.op('i32.mul');
        code.op('i32.add');
      }
      code.set(base);
    }
    this.addresses = new AddressPlanner(kernel, bases, this);
  }

  /** Runs a kernel's body for the chunks `thread`, `thread + threads` and so on. */
  writeChunks({ body, chunks }: KernelFunction, { thread, threads }: KernelParameters): void {
    const { code } = this;
    if (chunks === undefined) {
      this.write(body);
      return;
    }
    const { variable, count } = chunks;
    if (count <= 1 || thread === undefined || threads === undefined) {
      this.forLoop({ op: 'for', variable, begin: i32Constant(0), end: i32Constant(count), step: 1, body });
      return;
    }
    const chunk = this.slot(variable);
    code.get(thread);
    code.tee(chunk);
    code.i32(count);
    code.op('i32.lt_s');
    code.open('if');
    code.open('loop');
    this.write(body);
    code.get(chunk);
    code.get(threads);
    code.op('i32.add');
    code.tee(chunk);
    code.i32(count);
    code.op('i32.lt_s');
    code.branch('br_if', 0);
    code.op('end');
    code.op('end');
  }

  allocatePointer(): number {
    return this.code.allocate('i32');
  }

  releasePointer(pointer: number): void {
    this.code.release('i32', pointer);
  }

  setPointer(pointer: number, root: number, terms: Address['terms'], constant: number): void {
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

/**
 * A kernel as a wasm function of the argument table's address. If it is `threaded`, the number of the running thread and the
 * number of threads are its second and third parameter, and it runs its share of the chunks.
 */
export function kernelCode(kernel: KernelFunction, library: HelperLibrary, threaded: boolean): FunctionCode {
  const code = new FunctionCode(threaded ? ['i32', 'i32', 'i32'] : ['i32'], []);
  const parameters = threaded ? { table: 0, thread: 1, threads: 2 } : { table: 0 };
  const writer = new FunctionWriter(code, library);
  writer.start(kernel, parameters);
  writer.writeChunks(kernel, parameters);
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
  writer.start({ body }, { table: -1 });
  writer.write(body);
  writer.emit(result);
  return code;
}
