import { compileGraph, debug, isDebugging } from '../../compiler/compile.ts';
import type { LoopProgram } from '../../compiler/ir.ts';
import { programText } from '../../compiler/ir_text.ts';
import type { Target } from '../../compiler/target.ts';
import type { ProgramSource } from '../program.ts';
import { CompileError, nativeTarget } from './c_compiler.ts';
import { loadNative, type NativeRun, nativeProblem } from './native.ts';
import { firstLine } from './native_host.ts';
import { warn } from './warn.ts';
import { buildWasm, heap, timed, type WasmArtifact } from './wasm_program.ts';

/** Programs of the native tier: the same graph compiled for the processor itself, on the same heap. */

let warned = false;

/**
 * Compiles a graph with the system's C compiler, or, where there is none, koffi does not load or compiling fails, as WebAssembly: with
 * one warning in the life of a process that says how to get native code.
 */
export function buildNativeOrWasm(source: ProgramSource): WasmArtifact {
  try {
    return buildNative(source);
  } catch (error) {
    if (!(error instanceof NativeError)) throw error;
    if (!warned) warn(`nabla: programs run as WebAssembly, not as native code: ${error.message}`);
    warned = true;
    return buildWasm(source);
  }
}

/** There is no native code for a program; the message says why and what to do. */
export class NativeError extends Error {
  override name = 'NativeError';
}

/**
 * Compiles a graph with the system's C compiler.
 *
 * @param target default: this machine's processor
 * @throws NativeError if there is no compiler, koffi does not load or compiling fails
 */
export function buildNative(source: ProgramSource, target: Target | null = nativeTarget()): WasmArtifact {
  if (target === null) {
    throw new NativeError(
      `${nativeProblem()}. Install a C compiler (gcc or clang) and the package koffi, or set NABLA_TIER=wasm.`,
    );
  }
  const compiled = compileGraph(source, target);
  debug('source', () => programText(compiled.loops));
  if (compiled.loops.kernels.length === 0) return { compiled, run: () => {} };
  const program = load(compiled.loops);
  const { memory, threads } = heap();
  const run = (table: number, kernel?: number): void =>
    kernel === undefined
      ? program.run(memory, table, threads)
      : program.run(memory, table, threads, kernel, kernel + 1);
  return { compiled, run: isDebugging('times') ? timed(compiled, run) : run };
}

/** Whatever the system does not let happen is a NativeError; a mistake in printing the program is not. */
function load(loops: LoopProgram): NativeRun {
  try {
    return loadNative(loops);
  } catch (error) {
    const isSystems = error instanceof CompileError || (error as NodeJS.ErrnoException).code !== undefined;
    if (!isSystems) throw error;
    throw new NativeError(
      `${firstLine(error)}. Choose another compiler with NABLA_CC, such as NABLA_CC=clang, or set NABLA_TIER=wasm.`,
      { cause: error },
    );
  }
}
