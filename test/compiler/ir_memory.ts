import type { Buffer } from '../../src/compiler/ir.ts';
import { arenaWithThreads, buffers, bytesOfScalar, length, Random, randomValue } from './ir_random.ts';

/** Memory for the programs of `ir_random.ts`. */

/** The argument table's address. */
export const table = 16;
export const memoryBytes = 65536;
/** Where the arena lies: low, so that a pointer below its buffer wraps around and traps. */
const lowest = 64;
/** Bytes from the arena's base to each argument; argument 0 is the arena itself. */
const places = [0, 0, 1216, 3648, 4864, 6080].map((place, k) => (k === 0 ? 0 : arenaWithThreads + place));

const addressOf = ({ place }: Buffer, arena: number): number =>
  arena + (place.kind === 'argument' ? places[place.argument] : place.offset);

/** Fills memory with random contents, the same for the same seed, and the argument table. */
export function randomMemory(memory: ArrayBufferLike, seed: number, arena = lowest): void {
  const random = new Random(seed);
  const view = new DataView(memory);
  places.forEach((place, k) => {
    view.setUint32(table + 4 * k, arena + place, true);
  });
  for (const buffer of buffers) {
    const base = addressOf(buffer, arena);
    const size = bytesOfScalar(buffer.scalar);
    for (let i = 0; i < length; i++) {
      const value = randomValue(random, buffer.scalar);
      if (buffer.scalar === 'f32') view.setFloat32(base + size * i, value, true);
      else if (buffer.scalar === 'f64') view.setFloat64(base + size * i, value, true);
      else if (buffer.scalar === 'bool') view.setUint8(base + i, value);
      else view.setInt32(base + size * i, value, true);
    }
  }
}

/** All elements of all buffers; every NaN is one. */
export function valuesIn(memory: ArrayBufferLike, arena = lowest): number[][] {
  const view = new DataView(memory);
  return buffers.map((buffer) => {
    const base = addressOf(buffer, arena);
    const size = bytesOfScalar(buffer.scalar);
    return Array.from({ length }, (_, i) => {
      const at = base + size * i;
      if (buffer.scalar === 'f32') return view.getFloat32(at, true);
      if (buffer.scalar === 'f64') return view.getFloat64(at, true);
      return buffer.scalar === 'bool' ? view.getUint8(at) : view.getUint32(at, true);
    });
  });
}
