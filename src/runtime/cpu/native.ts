import { printC } from '../../compiler/c/print.ts';
import type { LoopProgram } from '../../compiler/ir.ts';
import { type Compiler, findCompiler } from './c_compiler.ts';
import { nativeHost } from './native_host.ts';
import { type Library, loadObject, loadObjectAsync } from './native_load.ts';
import { poolEntry } from './native_pool.ts';

/** Programs of the native tier: the loop IR compiled as C and run on the memory of the wasm tier. */

/** A compiled program. It holds no memory of its own and may run on any. */
export interface NativeRun {
  /** How many kernels the program has. */
  readonly kernels: number;
  /**
   * Runs the kernels `first` to `last - 1`, default all.
   *
   * @param memory where arrays live
   * @param argumentTable byte offset in it of the table of u32 byte offsets of the arguments
   * @param threads how many run the chunks of a kernel, this one included; results do not depend on it. The arena must have
   *   scratch memory for as many. Default 1
   */
  run(
    memory: WebAssembly.Memory,
    argumentTable: number,
    threads?: number,
    first?: number,
    last?: number,
  ): void;
}

/** Why programs cannot be compiled to native code here, as a sentence, or null if they can. */
export function nativeProblem(): string | null {
  const compiler = findCompiler();
  return typeof compiler === 'string' ? compiler : null;
}

type Entry = (
  memory: number | bigint,
  table: number,
  threads: number,
  parallel: number | bigint,
  first: number,
  last: number,
) => void;

interface Placed {
  buffer: ArrayBufferLike;
  address: number | bigint;
}

const places = new WeakMap<WebAssembly.Memory, Placed>();

/** The address of a memory's first byte. Growing does not move it in V8; it is asked for again all the same. */
function addressOf(memory: WebAssembly.Memory): number | bigint {
  const { buffer } = memory;
  const place = places.get(memory);
  if (place !== undefined && place.buffer === buffer) return place.address;
  const host = nativeHost();
  if (typeof host === 'string') throw new Error(`nabla: ${host}`);
  const exact = host.koffi.address(new Uint8Array(buffer)) as bigint | number;
  // A number is faster to pass than a bigint.
  const address = Number.isSafeInteger(Number(exact)) ? Number(exact) : exact;
  places.set(memory, { buffer, address });
  return address;
}

function bind(compiler: Compiler, library: Library, kernels: number): NativeRun {
  const entry = library.func(
    'void nabla_run(uintptr_t memory, uintptr_t table, int32_t threads, uintptr_t parallel, int32_t first, int32_t last)',
  ) as unknown as Entry;
  return {
    kernels,
    run(memory, argumentTable, threads = 1, first = 0, last = kernels) {
      const parallel = threads > 1 ? poolEntry(compiler) : 0;
      entry(addressOf(memory), argumentTable, threads, parallel, first, last);
    },
  };
}

function requireCompiler(): Compiler {
  const compiler = findCompiler();
  if (typeof compiler === 'string') {
    throw new Error(
      `nabla: no native code: ${compiler}. Install a C compiler (gcc or clang) and the package koffi, or use NABLA_TIER=wasm.`,
    );
  }
  return compiler;
}

/**
 * Compiles a program, or finds it compiled in this process or in the user's cache.
 *
 * @throws CompileError if the compiler fails or takes too long, Error if there is none or koffi does not load
 */
export function loadNative(program: LoopProgram, compiler: Compiler = requireCompiler()): NativeRun {
  return bind(compiler, loadObject(compiler, printC(program)), program.kernels.length);
}

/** As `loadNative`; the compiler runs in the background. */
export async function loadNativeAsync(
  program: LoopProgram,
  compiler: Compiler = requireCompiler(),
): Promise<NativeRun> {
  return bind(compiler, await loadObjectAsync(compiler, printC(program)), program.kernels.length);
}
