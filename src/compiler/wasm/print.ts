import type { LoopProgram } from '../ir.ts';
import { FunctionCode, ModuleBuilder } from './assembler.ts';
import { HelperLibrary } from './helpers.ts';
import { kernelCode } from './statements.ts';

export interface WasmOptions {
  /** Imports the memory as shared, for several threads. Default false. */
  readonly sharedMemory?: boolean;
}

/**
 * A program as the bytes of one WebAssembly module (SIMD128). It imports `env.memory` and, where f64 functions occur, those of
 * `math` (`hostMath` has all of them). It exports `run(argumentTable)`, which runs every kernel in order, and kernel i as
 * `ki(argumentTable)`; the argument table is the byte address of u32 base addresses. Throws on a type that SIMD128 has no
 * register for and on an operation that its type does not have.
 */
export function printWasm(program: LoopProgram, options: WasmOptions = {}): Uint8Array {
  const module = new ModuleBuilder({ minimum: 1, maximum: 65536, shared: options.sharedMemory ?? false });
  const library = new HelperLibrary(module);
  const kernels = program.kernels.map(({ body }) => kernelCode(body, library));
  const run = new FunctionCode(['i32'], []);
  kernels.forEach((kernel, i) => {
    module.add(kernel);
    module.exportFunction(`k${i}`, kernel);
    run.get(0);
    run.call(kernel);
  });
  module.add(run);
  module.exportFunction('run', run);
  return module.finish();
}
