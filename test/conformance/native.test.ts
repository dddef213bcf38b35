import { describe } from 'vitest';
import { nativeProblem } from '../../src/runtime/cpu/native.ts';
import { checkCompiled } from './check.ts';

process.env.NABLA_TIER = 'native';
process.env.NABLA_CACHE = 'node_modules/.cache/nabla';
describe.skipIf(nativeProblem() !== null)('with a C compiler', () => {
  checkCompiled('native');
});
