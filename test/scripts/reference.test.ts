import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const script = fileURLToPath(new URL('../../scripts/reference.mjs', import.meta.url));

const run = (folder: string, ...words: string[]) => {
  const { status, stderr } = spawnSync(process.execPath, [script, ...words, folder], { encoding: 'utf8' });
  return { status, problems: stderr.split('\n').filter((line) => line && !line.startsWith('npm')) };
};

function project(files: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), 'nabla-reference-'));
  const exports = { '.': { types: './dist/index.d.ts' }, './more': { types: './dist/more/index.d.ts' } };
  const all = {
    'package.json': JSON.stringify({ type: 'module', exports }),
    'tsconfig.build.json': JSON.stringify({
      compilerOptions: { module: 'nodenext', allowImportingTsExtensions: true, noEmit: true, types: [] },
      include: ['src'],
    }),
    ...files,
  };
  for (const [name, text] of Object.entries(all)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

const small = {
  'src/index.ts':
    "export { Tensor } from './core/tensor.ts';\nexport { ones, type Options, neg } from './core/create.ts';\n",
  'src/core/tensor.ts': `import { Base } from './base.ts';
/** An array. */
export class Tensor extends Base {
  /** Minus x. */
  neg(): Tensor { return this; }
  #hidden = 1;
  private own(): number { return this.#hidden; }
  /** Parts of it. */
  at(index: number): Tensor;
  at(index: string): Tensor;
  at(): Tensor { return this.own() ? this : this; }
}
`,
  'src/core/base.ts':
    '/** What all have. */\nexport abstract class Base {\n  /** How many. */\n  get size(): number { return 1; }\n}\n',
  'src/core/create.ts': `/** About the file. */

import type { Tensor } from './tensor.ts';
/** How. */
export interface Options { /** Default 1. */ value?: number }
/**
 * All ones.
 *
 * @param shape the extents
 * @throws if {@link shape} is negative
 */
export const ones = (shape: readonly number[], options: Options = {}): number[] => [...shape, options.value ?? 1];
export const neg = (x: Tensor): Tensor => x.neg();
`,
  'src/more/index.ts':
    '/** Layers. */\n\n/** A layer. */\nexport class Layer {\n  constructor(size: number) { void size; }\n  /** Runs it. */\n  run(): void {}\n}\n',
};

describe('the reference', () => {
  test('shows signatures and docstrings, and is current once written', () => {
    const folder = project(small);
    expect(run(folder, '--check').problems).toContain('docs/reference/creation.md is not up to date');
    expect(run(folder)).toEqual({ status: 0, problems: [] });
    expect(run(folder, '--check')).toEqual({ status: 0, problems: [] });
    const page = (name: string) => readFileSync(join(folder, 'docs/reference', name), 'utf8');
    expect(page('creation.md')).toContain(
      '### `ones`\n\n```ts\nfunction ones(shape: readonly number[], options: Options = {}): number[]\n```\n\nAll ones.\n\n- `shape`: the extents\n\nThrows: if `shape` is negative\n\n[Source](../../src/core/create.ts)',
    );
    expect(page('creation.md')).toContain('See [`Tensor.neg`](tensor.md#neg).');
    expect(page('creation.md')).toContain('interface Options {');
    const tensor = page('tensor.md');
    expect(tensor).toContain('at(index: number): Tensor\nat(index: string): Tensor\n```\n\nParts of it.');
    expect(tensor).toContain('### `size`\n\n```ts\nget size(): number\n```\n\nHow many.');
    expect(tensor).not.toMatch(/hidden|own/);
    expect(page('more.md')).toContain('class Layer\nnew Layer(size: number)');
    expect(page('more.md')).toContain('- `run(): void`: Runs it.');
    writeFileSync(join(folder, 'docs/reference/old.md'), '');
    expect(run(folder, '--check').problems).toEqual([
      'docs/reference/old.md is no page any more',
      'Write the docstrings, then run: npm run reference',
    ]);
  });

  test('names what has no docstring', () => {
    const folder = project({
      ...small,
      'src/core/create.ts': small['src/core/create.ts'].replace('/** How. */\n', ''),
      'src/core/tensor.ts': small['src/core/tensor.ts'].replace('  /** Minus x. */\n', ''),
    });
    run(folder);
    const { status, problems } = run(folder, '--check');
    expect(status).toBe(1);
    expect(problems).toEqual([
      'src/core/tensor.ts: Tensor.neg has no docstring',
      'src/core/create.ts: Options has no docstring',
      'Write the docstrings, then run: npm run reference',
    ]);
  });
});

describe('the table of names', () => {
  const names = fileURLToPath(new URL('../../scripts/names.mjs', import.meta.url));
  const table = (rows: readonly unknown[], ...words: string[]) => {
    const folder = project({ ...small, 'docs/names.json': JSON.stringify([{ title: 'Some', rows }]) });
    const { status, stderr } = spawnSync(process.execPath, [names, ...words, folder], { encoding: 'utf8' });
    return { folder, status, problems: stderr.split('\n').filter(Boolean) };
  };

  test('shows names, what is missing, and notes', () => {
    const { folder, problems } = table([
      ['torch.negative', 'jnp.negative', 'np.negative', ['Tensor.neg', 'neg']],
      ['torch.nn.Linear', '', '', ['more.Layer'], 'a note'],
      ['', 'jnp.vander', 'np.vander', null],
      ['torch.clone', '', 'np.copy', [], 'nothing to do'],
    ]);
    expect(problems).toEqual([]);
    const text = readFileSync(join(folder, 'docs/names.md'), 'utf8');
    expect(text).toContain('| `torch.negative` | `jnp.negative` | `np.negative` | `x.neg`, `neg` |');
    expect(text).toContain('| `torch.nn.Linear` |  |  | `more.Layer`; a note |');
    expect(text).toContain('|  | `jnp.vander` | `np.vander` | not yet |');
    expect(text).toContain('| `torch.clone` |  | `np.copy` | nothing to do |');
  });

  test('refuses names that do not exist, and rows that have one by now', () => {
    const { status, problems } = table(
      [
        ['torch.sum', '', '', ['Tensor.sum']],
        ['torch.ones', '', 'np.ones', null],
        ['torch.neg', '', '', []],
      ],
      '--check',
    );
    expect(status).toBe(1);
    expect(problems).toEqual([
      'names.json, Some, torch.sum: there is no Tensor.sum',
      'names.json, Some, torch.ones is not missing any more: there is ones',
      'names.json, Some, torch.neg: neither a name nor a note',
      'docs/names.md is not up to date',
      'Correct docs/names.json, then run: npm run reference',
    ]);
  });
});

test('every export and method of this project has a docstring, and its pages and table are written: npm run reference', () => {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  for (const script of ['reference', 'names']) {
    const path = join(root, 'scripts', `${script}.mjs`);
    const { stderr } = spawnSync(process.execPath, [path, '--check', root], { encoding: 'utf8' });
    expect(stderr).toBe('');
  }
});
