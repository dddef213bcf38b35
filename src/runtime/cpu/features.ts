/** What the WebAssembly engine can do. */

/** A function that multiplies and adds vectors in one instruction (relaxed SIMD), as the smallest module there is. */
const zeros = [0xfd, 12, ...new Array<number>(16).fill(0)];
const body = [0, ...zeros, ...zeros, ...zeros, 0xfd, 0x85, 0x02, 0x0b];
const code = [1, body.length, ...body];
const relaxedModule = new Uint8Array([
  ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  ...[1, 5, 1, 0x60, 0, 1, 0x7b],
  ...[3, 2, 1, 0],
  ...[10, code.length, ...code],
]);

let fma: boolean | null = null;

/**
 * Whether modules may use fused multiply-add. Node 20 has it behind a flag of V8, which can be set while running and concerns modules
 * compiled later only (docs/decisions/relaxed-simd.md).
 */
export function hasFma(): boolean {
  if (fma === null) {
    fma = WebAssembly.validate(relaxedModule);
    if (!fma && typeof process !== 'undefined' && typeof process.getBuiltinModule === 'function') {
      process.getBuiltinModule('node:v8').setFlagsFromString('--experimental-wasm-relaxed-simd');
      fma = WebAssembly.validate(relaxedModule);
    }
  }
  return fma;
}
