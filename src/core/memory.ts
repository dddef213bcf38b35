import type { HeapUsage } from '../runtime/cpu/heap.ts';
import { heap } from '../runtime/cpu/wasm_program.ts';

/** What the CPU device's memory holds, in bytes but for `arrays`. */
export type MemoryUsage = HeapUsage;

/**
 * What the CPU device's memory holds: `live` and `peak` bytes, the number of `arrays`, bytes of `variables` and of the programs'
 * `arena`, and the `capacity` of the WebAssembly memory, which never shrinks. Arrays that were not used for long are not
 * among them: they are typed arrays of JavaScript, which `process.memoryUsage().arrayBuffers` counts.
 *
 * @param options.resetPeak the peak counts anew from here on; the result still has the former one
 */
export function memory({ resetPeak = false }: { resetPeak?: boolean } = {}): MemoryUsage {
  const usage = heap().usage();
  if (resetPeak) heap().resetPeak();
  return usage;
}
