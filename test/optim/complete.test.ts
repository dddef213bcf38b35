import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import * as optim from '../../src/optim/index.ts';

const fixture = (name: string) =>
  JSON.parse(readFileSync(new URL(`../fixtures/${name}.json`, import.meta.url), 'utf8'));

test('PyTorch has a trajectory of 50 steps for every optimizer; for L-BFGS whole minimizations', () => {
  const { runs, chains } = fixture('torch_optim') as {
    runs: { optimizer: string; trajectory: number[][] }[];
    chains: unknown[];
  };
  const exported = Object.entries(optim).flatMap(([name, value]) =>
    typeof value === 'function' && value.prototype instanceof optim.Optimizer ? [name] : [],
  );
  const followed = new Set(runs.map(({ optimizer }) => optimizer));
  expect([...followed].sort()).toEqual(exported.sort());
  expect(runs.every(({ trajectory }) => trajectory.length === 50)).toBe(true);
  expect(optim.LBFGS).toBeTypeOf('function');
  expect(chains.length).toBeGreaterThan(0);
});

/** Schedules that PyTorch does not have, each with its formula in schedules.test.ts. */
const byFormula = ['constant', 'inverseTime', 'sequence'];

test('every schedule has rates of PyTorch or a formula', () => {
  const { cases } = fixture('torch_schedules') as { cases: { schedule: string }[] };
  const known = new Set([...cases.map(({ schedule }) => schedule), ...byFormula]);
  expect([...known].sort()).toEqual(Object.keys(optim.schedules).sort());
});
