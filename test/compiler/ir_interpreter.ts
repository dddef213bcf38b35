import type {
  Buffer,
  Expr,
  Index,
  KernelFunction,
  Local,
  LoopProgram,
  MathFunction,
  Scalar,
  Statement,
} from '../../src/compiler/ir.ts';
import { mathDefinition } from '../../src/compiler/math.ts';
import { hostMath } from '../../src/compiler/wasm/host_math.ts';

/** The loop IR executed literally over plain bytes: the oracle of the printers, as thread 0. Values are one number for each lane. */
type Value = readonly number[];

const sizes: Record<Scalar, number> = { f32: 4, f64: 8, i32: 4, u32: 4, bool: 1 };

const truncate = (x: number, low: number, high: number): number =>
  Number.isNaN(x) ? 0 : Math.trunc(Math.min(Math.max(x, low), high)) + 0;

/** Ties to even, keeping the sign of zero. */
function roundToEven(x: number): number {
  if (!Number.isFinite(x) || Math.abs(x) >= 2 ** 52) return x;
  const below = Math.floor(x);
  const rest = x - below;
  const rounded = rest < 0.5 || (rest === 0.5 && below % 2 === 0) ? below : below + 1;
  return rounded === 0 ? x * 0 : rounded;
}

export class Interpreter {
  private readonly view: DataView;
  private readonly table: number;
  private locals = new Map<Local, Value>();

  constructor(memory: ArrayBufferLike, table: number) {
    this.view = new DataView(memory);
    this.table = table;
  }

  run(program: LoopProgram): void {
    for (const kernel of program.kernels) this.kernel(kernel);
  }

  kernel(kernel: KernelFunction): void {
    const { chunks, body } = kernel;
    // The last chunk first: their order must not matter.
    for (let chunk = (chunks?.count ?? 1) - 1; chunk >= 0; chunk--) {
      this.locals.clear();
      if (chunks !== undefined) this.locals.set(chunks.variable, [chunk]);
      this.statements(body);
    }
  }

  private address(buffer: Buffer, index: Index): number {
    const element = this.index(index);
    if (element < 0) throw new RangeError(`negative index ${element} into ${buffer.name}`);
    const { place } = buffer;
    const base = this.view.getUint32(this.table + 4 * (place.kind === 'argument' ? place.argument : 0), true);
    return base + (place.kind === 'argument' ? 0 : place.offset) + element * sizes[buffer.scalar];
  }

  private index({ offset, terms, dynamic }: Index): number {
    let sum = offset;
    for (const { local, coefficient } of terms) sum += coefficient * this.locals.get(local)![0];
    for (const part of dynamic) sum += this.value(part)[0];
    return sum | 0;
  }

  private read(scalar: Scalar, address: number): number {
    if (scalar === 'f32') return this.view.getFloat32(address, true);
    if (scalar === 'f64') return this.view.getFloat64(address, true);
    if (scalar === 'bool') return this.view.getUint8(address);
    return scalar === 'i32' ? this.view.getInt32(address, true) : this.view.getUint32(address, true);
  }

  private write(scalar: Scalar, address: number, value: number): void {
    if (scalar === 'f32') this.view.setFloat32(address, value, true);
    else if (scalar === 'f64') this.view.setFloat64(address, value, true);
    else if (scalar === 'bool') this.view.setUint8(address, value);
    else if (scalar === 'i32') this.view.setInt32(address, value, true);
    else this.view.setUint32(address, value, true);
  }

  private statements(body: readonly Statement[]): void {
    for (const statement of body) {
      switch (statement.op) {
        case 'set':
          this.locals.set(statement.local, this.value(statement.value));
          break;
        case 'store': {
          const { buffer, value } = statement;
          const address = this.address(buffer, statement.index);
          this.value(value).forEach((x, lane) => {
            if (lane < (statement.count ?? value.type.lanes))
              this.write(buffer.scalar, address + lane * sizes[buffer.scalar], x);
          });
          break;
        }
        case 'for': {
          const end = this.value(statement.end)[0];
          for (let i = this.value(statement.begin)[0]; i < end; i += statement.step) {
            this.locals.set(statement.variable, [i]);
            this.statements(statement.body);
          }
          break;
        }
        case 'while':
          while (this.value(statement.condition)[0]) this.statements(statement.body);
          break;
        case 'if':
          this.statements(this.value(statement.condition)[0] ? statement.then : statement.otherwise);
          break;
        case 'comment':
      }
    }
  }

  private value(x: Expr): Value {
    switch (x.op) {
      case 'const':
        return new Array<number>(x.type.lanes).fill(x.value);
      case 'local':
        return this.locals.get(x.local)!;
      case 'load': {
        const address = this.address(x.buffer, x.index);
        const { scalar, lanes } = x.type;
        return Array.from({ length: lanes }, (_, lane) =>
          lane < (x.count ?? lanes) ? this.read(scalar, address + lane * sizes[scalar]) : 0,
        );
      }
      case 'index':
        return [this.index(x.index)];
      case 'unary':
        return this.value(x.x).map((a) => this.unary(x.type.scalar, x.kind, a));
      case 'binary': {
        const [a, b] = [this.value(x.a), this.value(x.b)];
        return a.map((left, lane) => this.binary(x.type.scalar, x.kind, left, b[lane]));
      }
      case 'compare': {
        const [a, b] = [this.value(x.a), this.value(x.b)];
        return a.map((left, lane) => {
          const right = b[lane];
          if (x.kind === 'eq') return Number(left === right);
          if (x.kind === 'ne') return Number(left !== right);
          return Number(x.kind === 'lt' ? left < right : left <= right);
        });
      }
      case 'select': {
        const [condition, a, b] = [this.value(x.condition), this.value(x.a), this.value(x.b)];
        return condition.map((c, lane) => (c ? a[lane] : b[lane]));
      }
      case 'choose':
        return this.value(this.value(x.condition)[0] ? x.a : x.b);
      case 'cast':
        return this.value(x.x).map((a) => convert(x.x.type.scalar, x.type.scalar, a));
      case 'bitcast':
        return this.value(x.x).map((a) => {
          const bits = new DataView(new ArrayBuffer(4));
          const from = x.x.type.scalar;
          if (from === 'f32') bits.setFloat32(0, a);
          else bits.setInt32(0, a);
          if (x.type.scalar === 'f32') return bits.getFloat32(0);
          return x.type.scalar === 'i32' ? bits.getInt32(0) : bits.getUint32(0);
        });
      case 'splat':
        return new Array<number>(x.type.lanes).fill(this.value(x.x)[0]);
      case 'lanes':
        return Array.from({ length: x.type.lanes }, (_, lane) => lane);
      case 'extract':
        return [this.value(x.x)[x.lane]];
      case 'fma': {
        const [a, b, c] = [this.value(x.a), this.value(x.b), this.value(x.c)];
        return a.map((value, lane) => value * b[lane] + c[lane]);
      }
      case 'shuffle': {
        const both = [...this.value(x.a), ...this.value(x.b)];
        return x.lanes.map((lane) => both[lane]);
      }
      case 'fold': {
        let parts = this.value(x.x);
        while (parts.length > 1) {
          const half = parts.length / 2;
          const upper = parts.slice(half);
          parts = parts.slice(0, half).map((a, i) => this.binary(x.type.scalar, x.kind, a, upper[i]));
        }
        return parts;
      }
    }
  }

  /** An f32 function by its definition in the loop IR, so that all its bits are prescribed. */
  private math(kind: MathFunction | 'pow' | 'rem', ...operands: number[]): number {
    const { parameters, body, result } = mathDefinition(kind, 1);
    const outer = this.locals;
    this.locals = new Map(parameters.map((parameter, i) => [parameter, [operands[i]]]));
    this.statements(body);
    const [value] = this.value(result);
    this.locals = outer;
    return value;
  }

  private unary(scalar: Scalar, kind: string, x: number): number {
    const float = scalar === 'f32' || scalar === 'f64';
    switch (kind) {
      case 'neg':
        return float ? -x : wrap(scalar, -x);
      case 'abs':
        return float ? Math.abs(x) : wrap(scalar, Math.abs(x));
      case 'not':
        return scalar === 'bool' ? 1 - x : wrap(scalar, ~x);
      case 'sqrt':
        return round(scalar, Math.sqrt(x));
      case 'floor':
        return Math.floor(x);
      case 'ceil':
        return Math.ceil(x);
      case 'round':
        return roundToEven(x);
      default:
        return scalar === 'f32'
          ? this.math(kind as MathFunction, x)
          : (hostMath as unknown as Record<string, (x: number) => number>)[kind](x);
    }
  }

  private binary(scalar: Scalar, kind: string, a: number, b: number): number {
    if (scalar === 'bool') return kind === 'and' ? a & b : kind === 'or' ? a | b : a ^ b;
    const float = scalar === 'f32' || scalar === 'f64';
    switch (kind) {
      case 'add':
        return float ? round(scalar, a + b) : wrap(scalar, a + b);
      case 'sub':
        return float ? round(scalar, a - b) : wrap(scalar, a - b);
      case 'mul':
        return float ? round(scalar, a * b) : wrap(scalar, Math.imul(a, b));
      case 'div':
        if (float) return round(scalar, a / b);
        return b === 0 ? 0 : wrap(scalar, Math.trunc(a / b));
      case 'rem':
        if (!float) return b === 0 ? 0 : wrap(scalar, a % b);
        return scalar === 'f32' ? this.math(kind, a, b) : a % b;
      case 'pow':
        return scalar === 'f32' ? this.math(kind, a, b) : hostMath.pow(a, b);
      case 'max':
        return Math.max(a, b);
      case 'min':
        return Math.min(a, b);
      case 'and':
        return wrap(scalar, a & b);
      case 'or':
        return wrap(scalar, a | b);
      case 'xor':
        return wrap(scalar, a ^ b);
      case 'shl':
        return wrap(scalar, a << (b & 31));
      default:
        return scalar === 'u32' ? a >>> (b & 31) : a >> (b & 31);
    }
  }
}

const wrap = (scalar: Scalar, x: number): number => (scalar === 'u32' ? x >>> 0 : x | 0);
const round = (scalar: Scalar, x: number): number => (scalar === 'f32' ? Math.fround(x) : x);

function convert(from: Scalar, to: Scalar, x: number): number {
  if (to === 'f64') return x;
  if (to === 'f32') return Math.fround(x);
  if (to === 'bool') return Number(x !== 0);
  // Integers keep their bits among themselves; floats saturate.
  if (from !== 'f32' && from !== 'f64') return wrap(to, x);
  return to === 'i32' ? truncate(x, -(2 ** 31), 2 ** 31 - 1) : truncate(x, 0, 2 ** 32 - 1);
}
