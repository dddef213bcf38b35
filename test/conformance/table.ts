import { reasonAgainst } from './applies.ts';
import { type Mode, modes, type Operation } from './operation.ts';
import { groups } from './operations.ts';

/** docs/conformance.md from what passed. */

const letters: { readonly [M in Mode]: string } = {
  forward: 'F',
  gradient: 'G',
  second: 'H',
  jvp: 'J',
  vmap: 'V',
};

/** For each column, the modes in which each operation passed. */
export type Results = Readonly<Record<string, Readonly<Record<string, readonly Mode[]>>>>;

const deviceOf = (column: string) => (column === 'interpreter' ? 'interpreter' : 'compiled');

const cell = (operation: Operation, column: string, passed: readonly Mode[]): string =>
  modes
    .map((mode) => {
      if (reasonAgainst(operation, mode, deviceOf(column)) !== null) return '·';
      return passed.includes(mode) ? letters[mode] : '**?**';
    })
    .join(' ');

const reasons = (operation: Operation, columns: readonly string[]): string => {
  const all = columns
    .flatMap((column) => modes.map((mode) => reasonAgainst(operation, mode, deviceOf(column))))
    .filter((reason) => reason !== null);
  return [...new Set(all)].join('; ');
};

export function table(results: Results): string {
  const columns = Object.keys(results);
  const tables = groups.map(({ title, operations }) => {
    const rows = operations.map(
      (operation) =>
        `| \`${operation.name}\` | ${columns
          .map((column) => cell(operation, column, results[column][operation.name] ?? []))
          .join(' | ')} | ${reasons(operation, columns)} |`,
    );
    return [
      `## ${title}`,
      '',
      `| | ${columns.join(' | ')} | why not |`,
      `| --- | ${columns.map(() => '---').join(' | ')} | --- |`,
      ...rows,
      '',
    ].join('\n');
  });
  const count = groups.reduce((n, group) => n + group.operations.length, 0);
  return `# Conformance

Written by \`npm run conformance\` from a run of \`test/conformance\`: ${count} operations on the interpreter, WebAssembly with one and with two threads, and native code.

F: the value. G: its gradient. H: the gradient of the gradient. J: forward mode. V: batched by \`vmap\`. ·: does not apply, with the reason at the end of the row. **?**: did not pass in the run that wrote
this table, or was not run.

The interpreter is the definition of every value (PyTorch, NumPy and JAX agree with it in test/core and test/nn); its derivatives are held against central differences in double
precision, its batches against the examples one by one. The other columns are held against the interpreter in single precision, all modes of several operations in one jitted program.

${tables.join('\n')}`;
}
