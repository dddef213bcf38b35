import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, test } from 'vitest';
import { isFloat } from '../../src/graph/dtype.ts';
import { jit, type Tensor } from '../../src/index.ts';
import { expectClose } from '../support/close.ts';
import { reasonAgainst } from './applies.ts';
import { byDefinition, largest, run } from './modes.ts';
import { type Mode, modes, type Operation, operandsOf } from './operation.ts';
import { operations } from './operations.ts';

/** Columns of docs/conformance.md. */
export type Column = 'interpreter' | 'wasm 1' | 'wasm 2' | 'native';

const passed: Record<string, Mode[]> = {};
const note = (operation: Operation, mode: Mode) => {
  passed[operation.name] ??= [];
  passed[operation.name].push(mode);
};

const applying = (operation: Operation, device: 'interpreter' | 'compiled'): Mode[] =>
  modes.filter((mode) => reasonAgainst(operation, mode, device) === null);

/** For `npm run conformance`, which makes the table of what passed. */
function report(column: Column): void {
  afterAll(() => {
    const folder = process.env.NABLA_CONFORMANCE;
    if (folder === undefined) return;
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `${column}.json`), JSON.stringify(passed));
  });
}

function onReference<T>(body: () => T): T {
  const before = process.env.NABLA_DEVICE;
  process.env.NABLA_DEVICE = 'reference';
  try {
    return body();
  } finally {
    if (before === undefined) delete process.env.NABLA_DEVICE;
    else process.env.NABLA_DEVICE = before;
  }
}

/** The interpreter, whose values are the definition of every operation, against differences and example by example. */
export function checkInterpreter(): void {
  report('interpreter');
  describe('the interpreter', () => {
    for (const operation of operations)
      test(operation.name, () => {
        onReference(() => {
          for (const mode of applying(operation, 'interpreter')) {
            if (mode === 'forward')
              for (const out of run(mode, operation, operandsOf(operation, 1, 'float64'), [])) out.dataSync();
            else
              byDefinition(mode, operation).forEach(({ actual, expected, tolerance }, i) => {
                expectClose(actual, expected, { atol: tolerance }, `${operation.name}, ${mode}, result ${i}`);
              });
            note(operation, mode);
          }
        });
      });
  });
}

/** How many operations share a compiled program: compiling C costs more than running. */
const together = 12;

/** A compiled device against the interpreter, in single precision, all modes of several operations in one program. */
export function checkCompiled(column: Exclude<Column, 'interpreter'>): void {
  report(column);
  const groups = Array.from({ length: Math.ceil(operations.length / together) }, (_, i) =>
    operations.slice(i * together, (i + 1) * together),
  );
  describe(column, () => {
    for (const group of groups)
      test(`${group[0].name} to ${group[group.length - 1].name}`, () => {
        try {
          compare(group, column);
        } catch (error) {
          // One by one, to see which it is.
          for (const operation of group) compare([operation], column);
          throw error;
        }
        for (const operation of group)
          for (const mode of applying(operation, 'compiled')) note(operation, mode);
      });
  });
}

function compare(group: readonly Operation[], column: Column): void {
  const operands = group.map((operation) => operandsOf(operation, 1, 'float32'));
  const others = group.map((operation) => operandsOf(operation, 2, 'float32'));
  const everything = (xs: Tensor[][], ys: Tensor[][]): Tensor[][][] =>
    group.map((operation, i) =>
      applying(operation, 'compiled').map((mode) => run(mode, operation, xs[i], ys[i])),
    );
  const expected = onReference(() =>
    everything(operands, others).map((list) => list.map((out) => out.map((t) => t.dataSync()))),
  );
  const actual = jit(everything)(operands, others);
  group.forEach((operation, i) => {
    applying(operation, 'compiled').forEach((mode, k) => {
      expected[i][k].forEach((values, r) => {
        const scale = largest([values]);
        const exact = !isFloat(actual[i][k][r].dtype);
        const atol = exact ? 0 : (operation.tolerance ?? 2e-5) * scale;
        expectClose(
          actual[i][k][r].dataSync(),
          values,
          { atol },
          `${operation.name}, ${mode}, result ${r} on ${column}`,
        );
      });
    });
  });
}
