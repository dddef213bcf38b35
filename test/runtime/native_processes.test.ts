import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nativeProblem } from '../../src/runtime/cpu/native.ts';

/** What native code does to whole processes: caches that several write, threads when a process idles or ends. */

const ownCache = mkdtempSync(join(tmpdir(), 'nabla-test-'));
process.env.NABLA_CACHE = ownCache;
afterAll(() => rmSync(ownCache, { recursive: true, force: true }));

const problem = nativeProblem();

describe.skipIf(problem !== null)(`native code in processes${problem === null ? '' : `: ${problem}`}`, () => {
  let root: string;
  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'nabla-test-'));
    const tsc = resolve('node_modules/typescript/bin/tsc');
    const built = join(root, 'js');
    execFileSync(process.execPath, [
      tsc,
      '-p',
      'tsconfig.build.json',
      '--declaration',
      'false',
      '--outDir',
      built,
    ]);
    writeFileSync(join(root, 'package.json'), '{"type": "module"}');
    symlinkSync(resolve('node_modules'), join(root, 'node_modules'));
    writeFileSync(join(root, 'program.js'), program);
  }, 120_000);
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  /** Kernels of 64 chunks that add 1 to 4096 elements, ten times. `check` throws unless they have run `times` times. */
  const program = `
    import * as ir from './js/compiler/ir_build.js';
    import { loadNative } from './js/runtime/cpu/native.js';
    const x = { name: 'x', scalar: 'f32', place: { kind: 'argument', argument: 1 } };
    const kernels = Array.from({ length: 10 }, (_, k) => {
      const [variable, i] = [ir.local('chunk', ir.typeOf('i32')), ir.local('i', ir.typeOf('i32'))];
      const at = ir.index(0, [{ local: variable, coefficient: 64 }, { local: i, coefficient: 1 }]);
      const more = ir.binary('add', ir.load(x, at), ir.f32Constant(1));
      return { name: 'k' + k, chunks: { variable, count: 64 }, body: [ir.loop(i, 0, 64, 1, [ir.store(x, at, more)])] };
    });
    export const native = loadNative({ kernels });
    export const memory = new WebAssembly.Memory({ initial: 1 });
    new Uint32Array(memory.buffer, 16, 2).set([0, 1024]);
    const values = new Float32Array(memory.buffer, 1024, 4096);
    export const run = (threads) => native.run(memory, 16, threads);
    export const check = (times) => {
      const wrong = values.findIndex((value) => value !== 10 * times);
      if (wrong >= 0) throw new Error('element ' + wrong + ' is ' + values[wrong]);
    };
  `;

  const node = async (name: string, script: string, cache = name): Promise<string> => {
    const file = join(root, `${name}.mjs`);
    const start = `import { check, run } from ${JSON.stringify(pathToFileURL(join(root, 'program.js')).href)};\n`;
    writeFileSync(file, start + script);
    const env = { ...process.env, NABLA_CACHE: join(root, cache), TMPDIR: root };
    // A process that does not end fails here.
    const { stdout } = await promisify(execFile)(process.execPath, [file], { env, timeout: 60_000 });
    return stdout;
  };

  it('several that compile the same program at once get along', { timeout: 90_000 }, async () => {
    await Promise.all(
      Array.from({ length: 4 }, (_, i) => node(`same${i}`, 'run(2);\nrun(1);\ncheck(2);', 'together')),
    );
    const entries = readdirSync(join(root, 'together', 'objects'));
    expect(entries.filter((name) => name.startsWith('unfinished'))).toEqual([]);
    // The program and the pool.
    const objects = entries.filter((name) => name.endsWith('.so'));
    expect(new Set(objects.map((name) => name.slice(0, 64))).size).toBe(2);
  });

  it('one with threads ends when its work has ended', { timeout: 90_000 }, async () => {
    expect(await node('ends', "run(4);\ncheck(1);\nconsole.log('worked');")).toBe('worked\n');
    expect(await node('exits', "run(4);\nconsole.log('worked');\nprocess.exit(0);")).toBe('worked\n');
  });

  it('threads without work sleep', { timeout: 90_000 }, async () => {
    const script = `
      for (let i = 0; i < 100; i++) run(4);
      await new Promise((resolve) => setTimeout(resolve, 100));
      const [before, start] = [process.cpuUsage(), performance.now()];
      await new Promise((resolve) => setTimeout(resolve, 1000));
      const { user, system } = process.cpuUsage(before);
      console.log((user + system) / 1000 / (performance.now() - start));
      run(4);
      check(101);
    `;
    // Processors in use; one thread that spins takes one.
    expect(Number(await node('sleeps', script))).toBeLessThan(0.3);
  });

  it('workers of one process share the threads', { timeout: 90_000 }, async () => {
    const script = `
      import { isMainThread, Worker } from 'node:worker_threads';
      import { fileURLToPath } from 'node:url';
      for (let i = 0; i < 2000; i++) run(3);
      check(2000);
      if (isMainThread) {
        const file = fileURLToPath(import.meta.url);
        const codes = await Promise.all([1, 2, 3].map(() => new Promise((resolve, reject) => {
          new Worker(file).on('exit', resolve).on('error', reject);
        })));
        run(3);
        check(2001);
        console.log(codes.join());
      }
    `;
    expect(await node('workers', script)).toBe('0,0,0\n');
  });

  it('one that a forked process comes from leaves it able to work', { timeout: 90_000 }, async () => {
    // Node itself does not fork without exec; a C function does, and runs the child's part of the test.
    const script = `
      import { loadObject } from './js/runtime/cpu/native_load.js';
      import { findCompiler } from './js/runtime/cpu/c_compiler.js';
      import { poolEntry } from './js/runtime/cpu/native_pool.js';
      const text = \`
        #include <stdint.h>
        #include <stdlib.h>
        #include <sys/wait.h>
        #include <unistd.h>
        struct call { char *memory; const uint32_t *table; };
        typedef void (*chunk_function)(const struct call *, int64_t, int32_t);
        typedef void (*parallel_function)(chunk_function, const struct call *, int64_t, int32_t);
        static int done[64];
        static void chunk(const struct call *call, int64_t i, int32_t thread) { done[i]++; }
        __attribute__((visibility("default"))) int child(uintptr_t parallel) {
          pid_t pid = fork();
          if (pid == 0) {
            ((parallel_function)parallel)(chunk, 0, 64, 3);
            for (int i = 0; i < 64; i++) if (done[i] != 1) _exit(1);
            _exit(42);
          }
          int status;
          waitpid(pid, &status, 0);
          return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        }\`;
      run(3);
      const child = loadObject(findCompiler(), text).func('int child(uintptr_t parallel)');
      console.log(child(poolEntry(findCompiler())));
      run(3);
      check(2);
    `;
    expect(await node('forks', script)).toBe('42\n');
  });
});
