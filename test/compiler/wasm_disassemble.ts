import { opcodes } from '../../src/compiler/wasm/opcodes.ts';

/** An instruction with its immediates. */
export interface Instruction {
  readonly name: string;
  readonly immediates: readonly number[];
}

const names = new Map<number, string>(Object.entries(opcodes).map(([name, code]) => [code, name]));

class Reader {
  position = 0;
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  byte(): number {
    return this.bytes[this.position++];
  }

  unsigned(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.byte();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
  }

  signed(): number {
    let value = 0;
    for (let shift = 0; ; ) {
      const byte = this.byte();
      value |= (byte & 0x7f) << shift;
      shift += 7;
      if (byte < 0x80) return byte & 0x40 && shift < 32 ? value | (-1 << shift) : value;
    }
  }

  skip(count: number): number[] {
    this.position += count;
    return [];
  }
}

function immediates(name: string, reader: Reader): number[] {
  if (/^(block|loop|if)$/.test(name)) return [reader.byte()];
  if (/^(br|br_if|call|local\..*)$/.test(name)) return [reader.unsigned()];
  if (name === 'i32.const' || name === 'i64.const') return [reader.signed()];
  if (name === 'f32.const') return reader.skip(4);
  if (name === 'f64.const') return reader.skip(8);
  if (name === 'v128.const' || name === 'i8x16.shuffle') return reader.skip(16);
  if (/_lane$/.test(name) && !/store/.test(name)) return [reader.byte()];
  if (/load|store|atomic/.test(name)) {
    const memory = [reader.unsigned(), reader.unsigned()];
    return /store.*_lane/.test(name) ? [...memory, reader.byte()] : memory;
  }
  return [];
}

/** The instructions of each function that a module defines, in order. */
export function disassemble(module: Uint8Array): Instruction[][] {
  const reader = new Reader(module);
  reader.skip(8);
  for (;;) {
    const section = reader.byte();
    const size = reader.unsigned();
    if (section === 10) break;
    reader.skip(size);
  }
  return Array.from({ length: reader.unsigned() }, () => {
    const size = reader.unsigned();
    const end = reader.position + size;
    for (let groups = reader.unsigned(); groups > 0; groups--) {
      reader.unsigned();
      reader.byte();
    }
    const instructions: Instruction[] = [];
    while (reader.position < end) {
      let code = reader.byte();
      if (code >= 0xfc) code = (code << 8) | reader.unsigned();
      const name = names.get(code);
      if (name === undefined) throw new Error(`no instruction has number ${code.toString(16)}`);
      instructions.push({ name, immediates: immediates(name, reader) });
    }
    return instructions;
  });
}

/** The bodies of the innermost loops of a function, as instruction lists. */
export function innermostLoops(instructions: readonly Instruction[]): Instruction[][] {
  const open: { start: number; loop: boolean; inner: boolean }[] = [];
  const found: Instruction[][] = [];
  instructions.forEach(({ name }, i) => {
    if (name === 'loop') for (const construct of open) construct.inner = true;
    if (name === 'loop' || name === 'block' || name === 'if')
      open.push({ start: i + 1, loop: name === 'loop', inner: false });
    else if (name === 'end') {
      const closed = open.pop();
      if (closed?.loop && !closed.inner) found.push(instructions.slice(closed.start, i));
    }
  });
  return found;
}
