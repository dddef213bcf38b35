import { defineConfig } from 'vitest/config';

/** Trainings of minutes to an hour: `npm run test:long`, never part of CI. */
export default defineConfig({
  test: {
    include: ['test/course/long/**/*.test.ts'],
    testTimeout: 4 * 3_600_000,
    pool: 'forks',
    maxWorkers: 1,
  },
});
