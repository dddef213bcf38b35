import type { BinaryOp, MathFunction } from '../ir.ts';
import { mathDefinition } from '../math.ts';
import { FunctionCode, type FunctionReference, type ModuleBuilder } from './assembler.ts';
import type { Opcode } from './opcodes.ts';
import { pureCode } from './statements.ts';

type FloatHelper = MathFunction | 'pow' | 'rem';
type IntegerHelper = BinaryOp & ('div' | 'rem' | 'shl' | 'shr');

/** Functions that kernels call: each is added to the module when it is first needed. */
export class HelperLibrary {
  private readonly made = new Map<string, FunctionReference>();
  private readonly module: ModuleBuilder;

  constructor(module: ModuleBuilder) {
    this.module = module;
  }

  private once(key: string, make: () => FunctionReference): FunctionReference {
    let reference = this.made.get(key);
    if (reference === undefined) this.made.set(key, (reference = make()));
    return reference;
  }

  private add(code: FunctionCode): FunctionReference {
    this.module.add(code);
    return code;
  }

  /** A function of one float (two for pow and rem), or of vectors of them. */
  math(kind: FloatHelper, scalar: 'f32' | 'f64', lanes: number): FunctionReference {
    const operands = kind === 'pow' || kind === 'rem' ? 2 : 1;
    if (scalar === 'f64') {
      if (lanes === 2) {
        return this.once(`${kind} f64x2`, () =>
          this.lanewise('f64x2', operands, 2, this.math(kind, 'f64', 1)),
        );
      }
      return this.once(`${kind} f64`, () =>
        this.module.importFunction('math', kind, operands === 2 ? ['f64', 'f64'] : ['f64'], ['f64']),
      );
    }
    const width = lanes === 1 ? 1 : 4;
    return this.once(`${kind} f32x${width}`, () => {
      const { parameters, body, result } = mathDefinition(kind, width);
      return this.add(pureCode(parameters, body, result, this));
    });
  }

  /** Division and remainder that are defined everywhere, vectors of them, and shifts by a count for each lane. */
  integer(kind: IntegerHelper, scalar: 'i32' | 'u32', lanes: number): FunctionReference {
    const sign = scalar === 'i32' ? 's' : 'u';
    const shift = kind === 'shl' || kind === 'shr';
    if (lanes > 1) {
      return this.once(`${kind} ${scalar}x4`, () => {
        const opcode: Opcode = kind === 'shl' ? 'i32.shl' : `i32.shr_${sign}`;
        return this.lanewise('i32x4', 2, 4, shift ? opcode : this.integer(kind, scalar, 1));
      });
    }
    if (shift) throw new Error(`printWasm: scalar ${kind} needs no helper`);
    return this.once(`${kind} ${scalar}`, () => this.add(safeDivision(kind, sign)));
  }

  /** Applies a scalar function or instruction to each lane. */
  private lanewise(
    shape: 'i32x4' | 'f64x2',
    operands: number,
    lanes: number,
    target: FunctionReference | Opcode,
  ): FunctionReference {
    const code = new FunctionCode(new Array<'v128'>(operands).fill('v128'), ['v128']);
    const result = code.allocate('v128');
    for (let lane = 0; lane < lanes; lane++) {
      code.get(result);
      for (let operand = 0; operand < operands; operand++) {
        code.get(operand);
        code.lane(`${shape}.extract_lane`, lane);
      }
      if (typeof target === 'string') code.op(target);
      else code.call(target);
      code.lane(`${shape}.replace_lane`, lane);
      code.set(result);
    }
    code.get(result);
    return this.add(code);
  }
}

/** a / b or a % b that gives 0 for b = 0, and wraps where wasm would trap. */
function safeDivision(kind: 'div' | 'rem', sign: 's' | 'u'): FunctionCode {
  const code = new FunctionCode(['i32', 'i32'], ['i32']);
  code.get(1);
  code.op('i32.eqz');
  code.open('if', 'i32');
  code.i32(0);
  code.op('else');
  if (kind === 'div' && sign === 's') {
    // INT_MIN / -1 traps; 0 - INT_MIN wraps.
    code.get(1);
    code.i32(-1);
    code.op('i32.eq');
    code.open('if', 'i32');
    code.i32(0);
    code.get(0);
    code.op('i32.sub');
    code.op('else');
  }
  code.get(0);
  code.get(1);
  code.op(`i32.${kind}_${sign}`);
  if (kind === 'div' && sign === 's') code.op('end');
  code.op('end');
  return code;
}
