import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  CompileError,
  type Compiler,
  compile,
  compileSync,
  findCompiler,
  nativeTarget,
  targetOf,
} from '../../src/runtime/cpu/c_compiler.ts';
import { loadNative, nativeProblem } from '../../src/runtime/cpu/native.ts';
import { type NativeHost, nativeHost } from '../../src/runtime/cpu/native_host.ts';
import { probeCompiler } from '../../src/runtime/cpu/native_probe.ts';

const ownCache = mkdtempSync(join(tmpdir(), 'nabla-test-'));
process.env.NABLA_CACHE = ownCache;
afterAll(() => rmSync(ownCache, { recursive: true, force: true }));

const host = nativeHost();
const compiler = findCompiler();
const problem = typeof host === 'string' ? host : typeof compiler === 'string' ? compiler : null;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nabla-test-'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

describe('targetOf', () => {
  const of = (...macros: string[]) => targetOf(new Map(macros.map((name) => [name, '1'])));

  it('takes the widest registers there are', () => {
    expect(of('__AVX512F__', '__AVX2__', '__FMA__')).toMatchObject({ lanes: 16, fma: true });
    expect(of('__AVX2__', '__FMA__')).toMatchObject({ lanes: 8, fma: true });
    expect(of('__AVX2__')).toMatchObject({ lanes: 8, fma: false });
    expect(of('__aarch64__')).toMatchObject({ lanes: 4, fma: true });
    expect(of('__SSE2__')).toMatchObject({ lanes: 4, fma: false });
  });

  it.each([
    ['AVX-512', 32, ['__AVX512F__', '__FMA__']],
    ['AVX2', 16, ['__AVX2__', '__FMA__']],
    ['arm64', 32, ['__aarch64__']],
    ['SSE', 16, ['__SSE2__']],
  ] as const)('gives %s a tile that fits its %d registers', (_, registers, macros) => {
    const { tileRows, tileVectors } = of(...macros);
    // The accumulators, a row of columns, one element of the rows.
    expect(tileRows * tileVectors + tileVectors + 1).toBeLessThanOrEqual(registers);
  });
});

describe.skipIf(problem !== null)('probeCompiler', () => {
  const command = (): string => (compiler as Compiler).command;
  const files = (): string[] =>
    readdirSync(join(folder, 'objects')).map((name) => join(folder, 'objects', name));

  it('remembers the answer, for these flags only, and asks again where it is damaged', () => {
    vi.stubEnv('NABLA_CACHE', folder);
    const spawned = vi.spyOn((host as NativeHost).processes, 'spawnSync');
    const macros = (flags: readonly string[]): string => {
      const answer = probeCompiler(host as NativeHost, command(), flags);
      return 'text' in answer ? answer.text : answer.problem;
    };
    const first = macros([]);
    expect(first).toContain('#define __GNUC__ ');
    const asked = spawned.mock.calls.length;
    expect(asked).toBe(1);
    // A compiler that is a script is asked each time.
    const remembered = readdirSync(folder).length > 0;
    expect(macros([])).toBe(first);
    expect(spawned.mock.calls.length).toBe(remembered ? 1 : 2);
    expect(macros(['-DANOTHER=1'])).toContain('#define ANOTHER 1');
    if (remembered) {
      for (const file of files())
        writeFileSync(file, readFileSync(file, 'utf8').replace('__GNUC__', '__GNUX__'));
      expect(macros([])).toBe(first);
      expect(files()).toHaveLength(2);
    }
    spawned.mockRestore();
  });

  it('tells flags that it does not take from a command that cannot be run', () => {
    vi.stubEnv('NABLA_CACHE', folder);
    expect(probeCompiler(host as NativeHost, command(), ['-march=none-such'])).toMatchObject({
      fatal: false,
    });
    expect(probeCompiler(host as NativeHost, '/no/such', [])).toMatchObject({ fatal: true });
    expect(readdirSync(folder)).toEqual([]);
  });
});

if (typeof host === 'string') describe.skip(`C compiler: ${host}`, () => {});
else
  describe('findCompiler', () => {
    it('says why a compiler in NABLA_CC does not serve', () => {
      vi.stubEnv('NABLA_CC', '/no/such/compiler');
      expect(findCompiler()).toMatch(/NABLA_CC=\/no\/such\/compiler is no C compiler that works: .*ENOENT/);
      expect(nativeTarget()).toBe(null);
      vi.stubEnv('NABLA_CC', 'none');
      expect(nativeProblem()).toMatch(/rules out/);
      expect(() => loadNative({ kernels: [] })).toThrow(
        /NABLA_CC=none.*Install a C compiler .*NABLA_TIER=wasm/,
      );
    });

    it('does not take any program for a compiler', () => {
      const program = join(folder, 'cc');
      writeFileSync(program, '#!/bin/sh\necho "I compile nothing" >&2\nexit 3\n');
      chmodSync(program, 0o755);
      vi.stubEnv('NABLA_CC', program);
      expect(findCompiler()).toMatch(/I compile nothing/);
    });
  });

describe.skipIf(problem !== null)(`the C compiler${problem === null ? '' : `: ${problem}`}`, () => {
  const cc = compiler as Compiler;

  it('is described by what it defines', () => {
    expect(cc.macros.get('__STDC__')).toBe('1');
    expect(cc.version).not.toBe('');
    expect(cc.identity).toMatch(/^[0-9a-f]{64}$/);
    expect(nativeProblem()).toBe(null);
    expect(nativeTarget()).toEqual(targetOf(cc.macros));
  });

  const broken = 'int f(void) {\n  return missing_name;\n}\n';

  it('reports the first error of a text', async () => {
    vi.stubEnv('TMPDIR', folder);
    expect(() => compileSync(cc, broken)).toThrow(CompileError);
    expect(() => compileSync(cc, broken)).toThrow(/failed with status 1: .*missing_name/);
    await expect(compile(cc, broken)).rejects.toThrow(/failed with status 1: .*missing_name/);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('gives the same object in both ways', async () => {
    const text = 'int f(void) { return 5; }\n';
    expect(Buffer.from(await compile(cc, text)).equals(compileSync(cc, text))).toBe(true);
  });

  it.each([
    ['in the background', compile],
    ['in the foreground', async (...given: Parameters<typeof compileSync>) => compileSync(...given)],
  ] as const)('is stopped %s when it takes too long, with all that it has started', async (_, start) => {
    vi.stubEnv('TMPDIR', folder);
    const program = join(folder, 'slow');
    // What a child would write after the time is over shows whether it has gone on.
    writeFileSync(program, `#!/bin/sh\n(sleep 1; touch ${folder}/late) &\nwait\n`);
    chmodSync(program, 0o755);
    const slow: Compiler = { ...cc, command: program };
    await expect(start(slow, '', [], 200)).rejects.toThrow(/slow took longer than 0.2 s and was stopped/);
    await new Promise((resolve) => setTimeout(resolve, 1200));
    expect(readdirSync(folder)).toEqual(['slow']);
  });
});
