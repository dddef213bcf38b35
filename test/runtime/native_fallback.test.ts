import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { findCompiler } from '../../src/runtime/cpu/c_compiler.ts';
import { nativeHost } from '../../src/runtime/cpu/native_host.ts';
import { buildPackage } from '../support/build_package.ts';

/** What becomes of programs that native code is wanted for and cannot be had: processes of the built package. */

const host = nativeHost();
const compiler = findCompiler();
const noKoffi = typeof host === 'string' ? host : null;
const problem = noKoffi ?? (typeof compiler === 'string' ? compiler : null);

let built = '';
let root = '';
beforeAll(() => {
  built = buildPackage('fallback');
  writeFileSync(join(built, 'program.mjs'), program);
});
afterAll(() => rmSync(built, { recursive: true, force: true }));
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'nabla-test-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** Two programs; says what they give, and whether a compiled object of theirs has been loaded. */
const program = `
import { jit, tensor } from './dist/index.js';
import { watchCompilations } from './dist/runtime/evaluate.js';
const x = tensor([1, 2, 3]);
const values = [jit((t) => t.square().sum()), jit((t) => t.mul(3).max())].map((f) => f(x).item());
const native = process.report.getReport().sharedObjects.some((name) => /nabla.*\\.so/.test(name));
console.log(JSON.stringify({ values, native }));
`;

interface Outcome {
  readonly values: number[];
  readonly native: boolean;
  /** Warnings, without Node's hint how to trace them. */
  readonly warnings: string[];
}

function run(env: Record<string, string>, folder = built): Outcome {
  const { stdout, stderr, status } = spawnSync(process.execPath, [join(folder, 'program.mjs')], {
    encoding: 'utf8',
    timeout: 60_000,
    env: { ...process.env, NABLA_TIER: 'native', NABLA_CACHE: join(root, 'cache'), ...env },
  });
  expect(status, stderr).toBe(0);
  const warnings = stderr.split('\n').filter((line) => line !== '' && !/--trace-warnings/.test(line));
  return { ...JSON.parse(stdout), warnings };
}

/** A compiler that answers what is asked about it, and otherwise does what is given. */
function compilerThat(does: string): string {
  const file = join(root, 'odd-cc');
  const { command } = compiler as Exclude<typeof compiler, string>;
  writeFileSync(file, `#!/bin/sh\ncase "$*" in *-dM*) exec ${command} "$@";; esac\n${does}\n`);
  chmodSync(file, 0o755);
  return file;
}

const onWasm = { values: [14, 9], native: false };

describe('where there is no native code, programs run as WebAssembly, with one warning that says what to do', () => {
  it('no binary of koffi', () => {
    const copy = join(root, 'copy');
    cpSync(built, copy, { recursive: true });
    const koffi = join(copy, 'node_modules', 'koffi');
    mkdirSync(koffi, { recursive: true });
    writeFileSync(join(koffi, 'index.js'), "throw new Error('no binary for this system');");
    const { warnings, ...outcome } = run({}, copy);
    expect(outcome).toEqual(onWasm);
    expect(warnings).toEqual([
      expect.stringMatching(
        /nabla: programs run as WebAssembly, not as native code: the package koffi.*does not load: no binary for this system\. Install a C compiler .* koffi, or set NABLA_TIER=wasm/,
      ),
    ]);
  });

  it.skipIf(noKoffi !== null)('no compiler', () => {
    for (const command of ['none', '/no/such/compiler']) {
      const { warnings, ...outcome } = run({ NABLA_CC: command });
      expect(outcome).toEqual(onWasm);
      expect(warnings).toHaveLength(1);
      expect(warnings[0]).toMatch(/not as native code: NABLA_CC=.*Install a C compiler \(gcc or clang\)/);
      expect(warnings[0]).toContain(`NABLA_CC=${command}`);
    }
  });

  it.skipIf(problem !== null).each([
    ['fails', 'echo "x.c:1: error: out of order" >&2; exit 1', /odd-cc failed with status 1: .*out of order/],
    ['crashes', 'kill -SEGV $$', /odd-cc failed with status/],
    [
      'gives what does not load',
      'while [ "$1" != -o ]; do shift; done; echo nonsense > "$2"',
      /odd-cc has made does not load/,
    ],
  ])('a compiler that %s', (_, does, reason) => {
    const { warnings, ...outcome } = run({ NABLA_CC: compilerThat(does) });
    expect(outcome).toEqual(onWasm);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(reason);
    expect(warnings[0]).toMatch(/run as WebAssembly.*another compiler with NABLA_CC.*or set NABLA_TIER=wasm/);
  });

  it('none at all where WebAssembly is what was asked for', () => {
    expect(run({ NABLA_TIER: 'wasm', NABLA_CC: 'none' })).toEqual({ ...onWasm, warnings: [] });
  });
});

describe.skipIf(problem !== null)('native code goes on', () => {
  const onNative = { values: [14, 9], native: true };

  it('without a word where all is well, from the compiler and from the cache', () => {
    expect(run({})).toEqual({ ...onNative, warnings: [] });
    const entries = readdirSync(join(root, 'cache', 'objects'));
    expect(entries.filter((name) => name.endsWith('.so')).length).toBeGreaterThanOrEqual(2);
    expect(run({})).toEqual({ ...onNative, warnings: [] });
    expect(readdirSync(join(root, 'cache', 'objects')).sort()).toEqual(entries.sort());
  });

  it('with one warning where the folder of the cache cannot be written', () => {
    writeFileSync(join(root, 'cache'), 'a file, not a folder');
    const { warnings, ...outcome } = run({});
    expect(outcome).toEqual(onNative);
    expect(warnings).toEqual([
      expect.stringMatching(
        /compiled programs cannot be kept in .*cache.*\(.*\), .*NABLA_CACHE names another/,
      ),
    ]);
  });

  it.skipIf(!existsSync('/dev/full'))('with one warning where the disk is full', () => {
    // The first file that is written to the cache finds no room: a link to the device that is always full.
    writeFileSync(
      join(built, 'full.mjs'),
      `import fs from 'node:fs';
       const write = fs.writeFileSync;
       fs.writeFileSync = (file, content, options) =>
         String(file).includes('unfinished-') ? write('/dev/full', content) : write(file, content, options);
       await import('./program.mjs');`,
    );
    const { stdout, stderr } = spawnSync(process.execPath, [join(built, 'full.mjs')], {
      encoding: 'utf8',
      timeout: 60_000,
      env: { ...process.env, NABLA_TIER: 'native', NABLA_CACHE: join(root, 'cache') },
    });
    expect(JSON.parse(stdout)).toEqual(onNative);
    expect(stderr.match(/compiled programs cannot be kept in/g)).toHaveLength(1);
    expect(stderr).toMatch(/ENOSPC|no space/);
    expect(readdirSync(join(root, 'cache', 'objects'))).toEqual([]);
  });

  it('after a process was killed while it compiled', { timeout: 60_000 }, async () => {
    const marker = join(root, 'compiling');
    const temporary = join(root, 'temporary');
    mkdirSync(temporary);
    const slow = compilerThat(`touch ${marker}; exec sleep 60`);
    const env = { ...process.env, NABLA_TIER: 'native', NABLA_CACHE: join(root, 'cache'), TMPDIR: temporary };
    const child = spawn(process.execPath, [join(built, 'program.mjs')], {
      env: { ...env, NABLA_CC: slow },
      stdio: 'ignore',
    });
    const ended = new Promise((resolve) => child.on('exit', resolve));
    while (!existsSync(marker)) await new Promise((resolve) => setTimeout(resolve, 10));
    child.kill('SIGKILL');
    await ended;
    expect(run({})).toEqual({ ...onNative, warnings: [] });
  });
});
