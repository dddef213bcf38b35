import { type Opcode, opcodes } from './opcodes.ts';

/** A small assembler of WebAssembly modules: byte buffers, functions with typed locals, sections. */

/** Value types; `void` is the empty block type. */
export const valueTypes = { i32: 0x7f, f32: 0x7d, f64: 0x7c, v128: 0x7b } as const;

export type ValueType = keyof typeof valueTypes;

const scratch = new DataView(new ArrayBuffer(8));

/** A growable byte buffer with WebAssembly's number encodings. */
export class Bytes {
  private data = new Uint8Array(256);
  length = 0;

  private reserve(count: number): void {
    if (this.length + count <= this.data.length) return;
    const grown = new Uint8Array(Math.max(2 * this.data.length, this.length + count));
    grown.set(this.data);
    this.data = grown;
  }

  byte(value: number): void {
    this.reserve(1);
    this.data[this.length++] = value;
  }

  /** LEB128 of an integer from 0 to 2^32 - 1. */
  unsigned(value: number): void {
    this.reserve(5);
    while (value > 0x7f) {
      this.data[this.length++] = (value & 0x7f) | 0x80;
      value >>>= 7;
    }
    this.data[this.length++] = value;
  }

  /** LEB128 of a signed 32-bit integer. */
  signed(value: number): void {
    this.reserve(5);
    while (value < -64 || value > 63) {
      this.data[this.length++] = (value & 0x7f) | 0x80;
      value >>= 7;
    }
    this.data[this.length++] = value & 0x7f;
  }

  /** Five bytes of LEB128, to be filled in later by `patch`. */
  placeholder(): number {
    this.reserve(5);
    this.length += 5;
    return this.length - 5;
  }

  patch(position: number, value: number): void {
    for (let i = 0; i < 4; i++, value >>>= 7) this.data[position + i] = (value & 0x7f) | 0x80;
    this.data[position + 4] = value;
  }

  f32(value: number): void {
    scratch.setFloat32(0, value, true);
    for (let i = 0; i < 4; i++) this.byte(scratch.getUint8(i));
  }

  f64(value: number): void {
    scratch.setFloat64(0, value, true);
    for (let i = 0; i < 8; i++) this.byte(scratch.getUint8(i));
  }

  append(bytes: Uint8Array | readonly number[]): void {
    this.reserve(bytes.length);
    this.data.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** A length-prefixed string; ASCII only. */
  name(text: string): void {
    this.unsigned(text.length);
    for (let i = 0; i < text.length; i++) this.byte(text.charCodeAt(i));
  }

  /** What has been written; valid until the next write. */
  view(): Uint8Array {
    return this.data.subarray(0, this.length);
  }
}

/** A function that can be called before its index is known. */
export interface FunctionReference {
  readonly parameters: readonly ValueType[];
  readonly results: readonly ValueType[];
  index: number;
}

/** The code of one function: instructions, and locals handed out on demand and reused once released. */
export class FunctionCode implements FunctionReference {
  readonly bytes = new Bytes();
  readonly parameters: readonly ValueType[];
  readonly results: readonly ValueType[];
  /** Types of the locals after the parameters. */
  readonly locals: ValueType[] = [];
  readonly calls: { readonly position: number; readonly target: FunctionReference }[] = [];
  private readonly free: Record<ValueType, number[]> = { i32: [], f32: [], f64: [], v128: [] };
  index = -1;

  constructor(parameters: readonly ValueType[], results: readonly ValueType[]) {
    this.parameters = parameters;
    this.results = results;
  }

  /** A local of its own for the whole function. */
  declare(type: ValueType): number {
    return this.parameters.length + this.locals.push(type) - 1;
  }

  /** A temporary local, until `release`; its content is undefined until it is set. */
  allocate(type: ValueType): number {
    return this.free[type].pop() ?? this.declare(type);
  }

  release(type: ValueType, local: number): void {
    this.free[type].push(local);
  }

  op(name: Opcode): void {
    const code = opcodes[name];
    if (code > 0xffff) {
      this.bytes.byte(code >> 16);
      this.bytes.unsigned(code & 0xffff);
    } else if (code > 0xff) {
      this.bytes.byte(code >> 8);
      this.bytes.unsigned(code & 0xff);
    } else this.bytes.byte(code);
  }

  get(local: number): void {
    this.bytes.byte(opcodes['local.get']);
    this.bytes.unsigned(local);
  }

  set(local: number): void {
    this.bytes.byte(opcodes['local.set']);
    this.bytes.unsigned(local);
  }

  tee(local: number): void {
    this.bytes.byte(opcodes['local.tee']);
    this.bytes.unsigned(local);
  }

  /** The low 32 bits of an integer. */
  i32(value: number): void {
    this.bytes.byte(opcodes['i32.const']);
    this.bytes.signed(value | 0);
  }

  /** i64.const of an integer that has 32 bits. */
  i64(value: number): void {
    this.bytes.byte(opcodes['i64.const']);
    this.bytes.signed(value);
  }

  f32(value: number): void {
    this.bytes.byte(opcodes['f32.const']);
    this.bytes.f32(value);
  }

  f64(value: number): void {
    this.bytes.byte(opcodes['f64.const']);
    this.bytes.f64(value);
  }

  /** v128.const from its 16 bytes. */
  v128(value: Uint8Array | readonly number[]): void {
    this.op('v128.const');
    this.bytes.append(value);
  }

  /** An instruction that is followed by a lane number. */
  lane(name: Opcode, lane: number): void {
    this.op(name);
    this.bytes.byte(lane);
  }

  /** A load or store at the address on the stack plus `offset`; `align` is the base-2 logarithm of the alignment hint. */
  memory(name: Opcode, align: number, offset: number): void {
    this.op(name);
    this.bytes.unsigned(align);
    this.bytes.unsigned(offset);
  }

  /** `block`, `loop` or `if`, up to the matching `end`. */
  open(name: 'block' | 'loop' | 'if', result?: ValueType): void {
    this.op(name);
    this.bytes.byte(result === undefined ? 0x40 : valueTypes[result]);
  }

  /** `br` or `br_if` to the construct `depth` levels out. */
  branch(name: 'br' | 'br_if', depth: number): void {
    this.op(name);
    this.bytes.unsigned(depth);
  }

  call(target: FunctionReference): void {
    this.op('call');
    this.calls.push({ position: this.bytes.placeholder(), target });
  }
}

/** Limits of the imported memory, in pages of 64 KiB. */
export interface MemoryLimits {
  readonly minimum: number;
  readonly maximum: number;
  readonly shared: boolean;
}

/** Collects imports, functions and exports; `finish` lays out the module. */
export class ModuleBuilder {
  private readonly imports: {
    readonly module: string;
    readonly name: string;
    readonly reference: FunctionReference;
  }[] = [];
  private readonly functions: FunctionCode[] = [];
  private readonly exports: { readonly name: string; readonly reference: FunctionReference }[] = [];
  private readonly memory: MemoryLimits;

  constructor(memory: MemoryLimits) {
    this.memory = memory;
  }

  importFunction(
    module: string,
    name: string,
    parameters: readonly ValueType[],
    results: readonly ValueType[],
  ): FunctionReference {
    const reference = { parameters, results, index: -1 };
    this.imports.push({ module, name, reference });
    return reference;
  }

  add(code: FunctionCode): void {
    this.functions.push(code);
  }

  exportFunction(name: string, reference: FunctionReference): void {
    this.exports.push({ name, reference });
  }

  /** The module's bytes. */
  finish(): Uint8Array {
    const references = [...this.imports.map((entry) => entry.reference), ...this.functions];
    references.forEach((reference, index) => {
      reference.index = index;
    });
    const typeIndices = new Map<string, number>();
    const types = new Bytes();
    const typeOf = ({ parameters, results }: FunctionReference): number => {
      const key = `${parameters.join()}:${results.join()}`;
      let index = typeIndices.get(key);
      if (index !== undefined) return index;
      typeIndices.set(key, (index = typeIndices.size));
      types.byte(0x60);
      for (const list of [parameters, results]) {
        types.unsigned(list.length);
        for (const type of list) types.byte(valueTypes[type]);
      }
      return index;
    };
    references.forEach(typeOf);

    const module = new Bytes();
    module.append([0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]);
    const section = (id: number, count: number, content: Bytes): void => {
      const header = new Bytes();
      header.unsigned(count);
      module.byte(id);
      module.unsigned(header.length + content.length);
      module.append(header.view());
      module.append(content.view());
    };

    section(1, typeIndices.size, types);
    const imports = new Bytes();
    imports.name('env');
    imports.name('memory');
    imports.byte(0x02);
    imports.byte(this.memory.shared ? 0x03 : 0x01);
    imports.unsigned(this.memory.minimum);
    imports.unsigned(this.memory.maximum);
    for (const { module: from, name, reference } of this.imports) {
      imports.name(from);
      imports.name(name);
      imports.byte(0x00);
      imports.unsigned(typeOf(reference));
    }
    section(2, this.imports.length + 1, imports);

    const declarations = new Bytes();
    for (const code of this.functions) declarations.unsigned(typeOf(code));
    section(3, this.functions.length, declarations);

    const exports = new Bytes();
    for (const { name, reference } of this.exports) {
      exports.name(name);
      exports.byte(0x00);
      exports.unsigned(reference.index);
    }
    section(7, this.exports.length, exports);

    const bodies = new Bytes();
    for (const code of this.functions) {
      const locals = localGroups(code.locals);
      for (const { position, target } of code.calls) code.bytes.patch(position, target.index);
      bodies.unsigned(locals.length + code.bytes.length + 1);
      bodies.append(locals.view());
      bodies.append(code.bytes.view());
      bodies.byte(opcodes.end);
    }
    section(10, this.functions.length, bodies);
    return module.view().slice();
  }
}

/** Runs of equal types; the locals' numbers are in the code already, so their order stays. */
function localGroups(locals: readonly ValueType[]): Bytes {
  const runs = new Bytes();
  let count = 0;
  for (let i = 0; i < locals.length; ) {
    let end = i + 1;
    while (end < locals.length && locals[end] === locals[i]) end++;
    runs.unsigned(end - i);
    runs.byte(valueTypes[locals[i]]);
    count++;
    i = end;
  }
  const result = new Bytes();
  result.unsigned(count);
  result.append(runs.view());
  return result;
}
