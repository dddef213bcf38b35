import { afterAll, expect } from 'vitest';

/** Setup of the tests on the native tier: a program that fell back to WebAssembly is a failure. */
const warnings: string[] = [];
process.on('warning', ({ message }) => {
  if (message.includes('not as native code')) warnings.push(message);
});
afterAll(async () => {
  await new Promise((resolve) => setImmediate(resolve));
  expect(warnings).toEqual([]);
});
