import { describe, expect, test } from 'vitest';
import { moduleExamples } from '../nn/module_examples.ts';
import {
  acceptedByChecker,
  comesBack,
  type ExportedCase,
  exportCase,
  noChecker,
  noRuntime,
  sameInRuntime,
} from './onnx_check.ts';

const exported: (ExportedCase | Error)[] = moduleExamples.map(({ name, module, inputs }) => {
  try {
    return exportCase(name, module, inputs);
  } catch (error) {
    return new Error(`${name}: ${(error as Error).message}`);
  }
});
const cases = exported.filter((made): made is ExportedCase => !(made instanceof Error));

test('every module of nabla/nn is exported', () => {
  expect(exported.flatMap((made) => (made instanceof Error ? [made.message] : []))).toEqual([]);
});

test.each(cases)('$name comes back', comesBack);

describe.skipIf(noRuntime)('onnxruntime', () => {
  test.each(cases)('$name gives the same', sameInRuntime);
});

test.skipIf(noChecker)('onnx.checker accepts all files', () => acceptedByChecker(cases));
