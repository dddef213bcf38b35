import { compileGraph, debug, isDebugging } from '../../compiler/compile.ts';
import { programText } from '../../compiler/ir_text.ts';
import type { ProgramSource } from '../program.ts';
import { nativeTarget } from './c_compiler.ts';
import { loadNative, nativeProblem } from './native.ts';
import { heap, timed, type WasmArtifact } from './wasm_program.ts';

/** Programs of the native tier: the same graph compiled for the processor itself, on the same heap. */

/**
 * Compiles a graph with the system's C compiler.
 *
 * @throws if there is no compiler, or koffi does not load, saying what to do
 */
export function buildNative(source: ProgramSource): WasmArtifact {
  const target = nativeTarget();
  if (target === null) {
    throw new Error(
      `nabla: NABLA_TIER=native: ${nativeProblem()}. Install a C compiler (gcc or clang) and the package koffi, or leave NABLA_TIER unset.`,
    );
  }
  const compiled = compileGraph(source, target);
  debug('source', () => programText(compiled.loops));
  if (compiled.loops.kernels.length === 0) return { compiled, run: () => {} };
  const program = loadNative(compiled.loops);
  const { memory, threads } = heap();
  const run = (table: number, kernel?: number): void =>
    kernel === undefined
      ? program.run(memory, table, threads)
      : program.run(memory, table, threads, kernel, kernel + 1);
  return { compiled, run: isDebugging('times') ? timed(compiled, run) : run };
}
