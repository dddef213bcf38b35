import type { KernelFunction, LoopProgram } from '../ir.ts';
import { FunctionCode, type FunctionReference, ModuleBuilder } from './assembler.ts';
import { barrierCode } from './barrier.ts';
import { HelperLibrary } from './helpers.ts';
import { kernelCode } from './statements.ts';

export interface WasmOptions {
  /** Imports the memory as shared and prints for several threads. Default false: one thread, no atomic instructions. */
  readonly sharedMemory?: boolean;
}

/** Whether several threads share the work of a kernel; the others run on thread 0. */
export const isParallel = ({ chunks }: KernelFunction): boolean => chunks !== undefined && chunks.count > 1;

/**
 * A program as the bytes of one WebAssembly module (SIMD128). It imports `env.memory` and, where f64 functions occur, those of
 * `math` (`hostMath` has all of them). It exports `run(argumentTable)`, which runs every kernel in order, and kernel i as
 * `ki(argumentTable)`; the argument table is the byte address of u32 base addresses. Throws on a type that SIMD128 has no
 * register for and on an operation that its type does not have.
 *
 * With `sharedMemory` they are `run(argumentTable, thread, threads)` and `ki(argumentTable, thread, threads)`, to be called by the
 * threads 0 to threads-1 at the same time, each with an instance of its own: `run` meets at a barrier (`barrier.ts`) where a
 * kernel may need what other threads have written, `ki` at its end, if the kernel has more than one chunk. The module then imports
 * `env.wait(meeting)` too, with which a thread sleeps at a barrier (`barrierCode`).
 */
export function printWasm(program: LoopProgram, options: WasmOptions = {}): Uint8Array {
  const shared = options.sharedMemory ?? false;
  const module = new ModuleBuilder({ minimum: 1, maximum: 65536, shared });
  const wait = shared ? module.importFunction('env', 'wait', ['i32'], []) : null;
  const library = new HelperLibrary(module);
  const kernels = program.kernels.map((kernel) => kernelCode(kernel, library, shared));
  for (const kernel of kernels) module.add(kernel);
  if (wait === null) {
    const run = new FunctionCode(['i32'], []);
    kernels.forEach((kernel, i) => {
      module.exportFunction(`k${i}`, kernel);
      run.get(0);
      run.call(kernel);
    });
    module.add(run);
    module.exportFunction('run', run);
  } else exportThreaded(module, program, kernels, wait);
  return module.finish();
}

/** `ki` and `run` for several threads. */
function exportThreaded(
  module: ModuleBuilder,
  { kernels }: LoopProgram,
  codes: readonly FunctionCode[],
  wait: FunctionReference,
): void {
  const barrier = barrierCode(wait);
  module.add(barrier);
  const meet = (code: FunctionCode): void => {
    code.get(2);
    code.call(barrier);
  };
  /** Calls kernels first to last - 1, which are one parallel one or serial ones. */
  const call = (code: FunctionCode, first: number, last: number): void => {
    const serial = !isParallel(kernels[first]);
    if (serial) {
      code.get(1);
      code.op('i32.eqz');
      code.open('if');
    }
    for (let i = first; i < last; i++) {
      for (const parameter of [0, 1, 2]) code.get(parameter);
      code.call(codes[i]);
    }
    if (serial) code.op('end');
  };
  const run = new FunctionCode(['i32', 'i32', 'i32'], []);
  for (let first = 0, last = 0; first < kernels.length; first = last) {
    const parallel = isParallel(kernels[first]);
    last = first + 1;
    // Serial kernels that follow each other need no barrier, as thread 0 runs them all.
    while (!parallel && last < kernels.length && !isParallel(kernels[last])) last++;
    call(run, first, last);
    if (parallel || last < kernels.length) meet(run);
  }
  module.add(run);
  module.exportFunction('run', run);
  kernels.forEach((kernel, i) => {
    const alone = new FunctionCode(['i32', 'i32', 'i32'], []);
    call(alone, i, i + 1);
    if (isParallel(kernel)) meet(alone);
    module.add(alone);
    module.exportFunction(`k${i}`, alone);
  });
}
