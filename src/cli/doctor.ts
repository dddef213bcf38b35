import { arch, availableParallelism, cpus, freemem, platform, release, totalmem } from 'node:os';
import { key, uniform } from '../core/random.ts';
import type { Tensor } from '../core/tensor.ts';
import { grad } from '../core/transforms.ts';
import { findCompiler } from '../runtime/cpu/c_compiler.ts';
import { hasFma } from '../runtime/cpu/features.ts';
import { objectCache } from '../runtime/cpu/object_cache.ts';
import { threadCount } from '../runtime/cpu/threads.ts';
import { print, type Terminal } from './terminal.ts';
import { version } from './version.ts';

/** A module with a function that makes a vector of 16 bytes: valid only where vector instructions are known. */
const simdModule = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 8, 1, 6, 0, 65, 0, 253, 15, 11,
]);

const yesNo = (holds: boolean): string => (holds ? 'yes' : 'no');

const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

const gibibytes = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;

/**
 * `nabla doctor`: what this machine offers and whether computing on it gives right results. With `clearCache` it removes the compiled
 * programs of the native tier instead.
 *
 * @throws Error if results are wrong, or if programs cannot be removed
 */
export function doctorCommand(terminal: Terminal, options: { readonly clearCache?: boolean } = {}): void {
  if (options.clearCache) {
    clearCache(terminal);
    return;
  }
  const simd = WebAssembly.validate(simdModule);
  const line = (name: string, value: string) => print(terminal, `${name.padEnd(12)} ${value}`);
  line('nabla', version);
  line('node', `${process.version}, V8 ${process.versions.v8}`);
  line('system', `${platform()} ${release()} ${arch()}`);
  line('processor', `${cpus()[0]?.model.trim() ?? 'unknown'}, ${availableParallelism()} threads usable`);
  line('memory', `${gibibytes(totalmem())}, ${gibibytes(freemem())} of it free`);
  line(
    'WebAssembly',
    [
      `vector instructions ${yesNo(simd)}`,
      `fused multiply-add ${yesNo(hasFma())}`,
      `shared memory ${yesNo(hasSharedMemory())}`,
    ].join(', '),
  );
  line('threads', `${threadCount()} (NABLA_THREADS)`);
  const compiler = findCompiler();
  line(
    'native tier',
    typeof compiler === 'string'
      ? `none: ${compiler}`
      : `${compiler.command} ${compiler.version} (NABLA_TIER)`,
  );
  const cache = objectCache();
  if (cache !== null) {
    const { folder, entries, bytes, limit } = cache.describe();
    const size = `${mebibytes(bytes)} of at most ${mebibytes(limit)}`;
    line('native cache', `${folder}: ${programs(entries)}, ${size} (--clear-cache empties it)`);
  }
  line('data', terminal.env.NABLA_DATA ?? 'NABLA_DATA is not set; recipes on real data need --data');
  const error = selfTest();
  line('self-test', error < 1e-5 ? 'passed: a matrix product and its gradient' : `failed: error ${error}`);
  if (!(error < 1e-5))
    throw new Error(
      `doctor: a gradient computed here is wrong by ${error}; please report it with the lines above`,
    );
}

const programs = (count: number): string => (count === 1 ? '1 program' : `${count} programs`);

function clearCache(terminal: Terminal): void {
  const cache = objectCache();
  if (cache === null) {
    print(terminal, 'there is no cache of compiled programs, as native code is not possible here');
    return;
  }
  const { folder, entries, bytes } = cache.describe();
  const removed = cache.clear();
  if (removed < entries)
    throw new Error(
      `doctor: ${programs(entries - removed)} of ${entries} in ${folder} cannot be removed; is the folder yours to write?`,
    );
  print(terminal, `removed ${programs(removed)}, ${mebibytes(bytes)}, from ${folder}`);
}

function hasSharedMemory(): boolean {
  try {
    return (
      new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }).buffer instanceof SharedArrayBuffer
    );
  } catch {
    return false;
  }
}

/** Largest error of the gradient of sum(A B) by A, whose rows are the row sums of B. */
function selfTest(): number {
  const [rows, inner, columns] = [9, 17, 13];
  const a = uniform([rows, inner], { key: key(1) });
  const b = uniform([inner, columns], { key: key(2) });
  const slope = [...grad((x: Tensor) => x.matmul(b).sum())(a).dataSync()];
  const values = [...b.dataSync()];
  const sums = Array.from({ length: inner }, (_, i) =>
    values.slice(i * columns, (i + 1) * columns).reduce((sum, v) => sum + v, 0),
  );
  return Math.max(...slope.map((v, i) => Math.abs(v - sums[i % inner])));
}
