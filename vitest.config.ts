import { defineConfig, type TestProjectConfiguration } from 'vitest/config';
import { nativeProblem } from './src/runtime/cpu/native.ts';

/** What computes through jit: these tests run on the native tier too. */
const numeric = [
  'test/core/**/*.test.ts',
  'test/course/*.test.ts',
  'test/nn/**/*.test.ts',
  'test/optim/**/*.test.ts',
  'test/recipes/recipes.test.ts',
  'test/runtime/fuzz.test.ts',
  'test/runtime/fuzz_threads.test.ts',
  'test/runtime/fuzz_transforms.test.ts',
  'test/train/fit.test.ts',
];

const projects: Readonly<Record<string, TestProjectConfiguration>> = {
  wasm: {
    extends: true,
    test: {
      name: 'wasm',
      include: ['test/**/*.test.ts'],
      exclude: ['test/course/long/**'],
      env: { NABLA_TIER: 'wasm' },
    },
  },
  native: {
    extends: true,
    test: {
      name: 'native',
      include: numeric,
      setupFiles: ['test/support/native_only.ts'],
      // Compiling takes some 70 ms a program; `npm run test:long` has all of them.
      env: {
        NABLA_TIER: 'native',
        NABLA_CACHE: 'node_modules/.cache/nabla',
        NABLA_FUZZ: process.env.NABLA_FUZZ ?? '150',
      },
    },
  },
};

/** Both tiers, or the one in NABLA_TIER; the native one where there is a C compiler. */
const wanted = process.env.NABLA_TIER || 'both';
const problem = nativeProblem();
if (wanted === 'both' && problem !== null) console.log(`the native tier is not tested: ${problem}`);
const tiers = Object.keys(projects).filter((tier) =>
  wanted === 'both' ? tier === 'wasm' || problem === null : tier === wanted,
);

export default defineConfig({
  test: {
    projects: tiers.map((tier) => projects[tier]),
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 2,
    reporters: ['default', './scripts/summary_reporter.mjs'],
  },
});
