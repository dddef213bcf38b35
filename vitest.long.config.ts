import { defineConfig } from 'vitest/config';

/** Trainings of minutes to an hour, loops of 100,000 rounds, 30 kills of a training on each tier, and all random programs on the native tier: `npm run test:long`, never part of CI. */
export default defineConfig({
  test: {
    projects: [
      { extends: true, test: { name: 'course', include: ['test/course/long/**/*.test.ts'] } },
      {
        extends: true,
        test: { name: 'memory', include: ['test/runtime/leaks.test.ts'], env: { NABLA_LEAKS: '100000' } },
      },
      {
        extends: true,
        test: {
          name: 'files',
          include: ['test/io/fuzz_*.test.ts'],
          env: { NABLA_FUZZ_FILES: process.env.NABLA_FUZZ_FILES ?? '100000' },
        },
      },
      ...['wasm', 'native'].map((tier) => ({
        extends: true as const,
        test: {
          name: `kill-${tier}`,
          include: ['test/cli/kill.test.ts'],
          env: {
            NABLA_TIER: tier,
            NABLA_CACHE: 'node_modules/.cache/nabla',
            NABLA_KILLS: process.env.NABLA_KILLS ?? '30',
          },
        },
      })),
      {
        extends: true,
        test: {
          name: 'wasm',
          include: ['test/runtime/fuzz*.test.ts'],
          env: { NABLA_TIER: 'wasm', NABLA_FUZZ: '20000' },
        },
      },
      {
        extends: true,
        test: {
          name: 'native',
          include: ['test/runtime/fuzz*.test.ts'],
          setupFiles: ['test/support/native_only.ts'],
          env: { NABLA_TIER: 'native', NABLA_CACHE: 'node_modules/.cache/nabla', NABLA_FUZZ: '2000' },
        },
      },
    ],
    testTimeout: 4 * 3_600_000,
    pool: 'forks',
    maxWorkers: 1,
  },
});
