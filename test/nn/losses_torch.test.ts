import { describe, expect, test } from 'vitest';
import type { Tensor } from '../../src/index.ts';
import * as nn from '../../src/nn/index.ts';
import { casesOf, type TorchCase } from '../support/torch_cases.ts';
import { checkTorchCases, type TorchCompute } from '../support/torch_check.ts';

type Loss = (...inputs: unknown[]) => Tensor;
const losses = nn as unknown as Record<string, Loss>;
const cases = casesOf('torch_losses.json');
const names = [...new Set(cases.map(({ op }) => op))];

const computeOf =
  (op: string): TorchCompute =>
  (inputs, attributes) => {
    const { options, tensors } = attributes as unknown as { options: object; tensors: string[] };
    const count = inputs.length - tensors.length;
    const given = tensors.map((name, i) => [name, inputs[count + i]] as const);
    const more: Record<string, unknown> = { ...options, ...Object.fromEntries(given) };
    if (op === 'tripletMarginWithDistanceLoss')
      more.distanceFunction = (a: Tensor, b: Tensor) => a.sub(b).abs().sum(-1);
    const [first, ...rest] = inputs.slice(0, count);
    return losses[op](op === 'ctcLoss' ? first.logSoftmax(-1) : first, ...rest, more);
  };

const of = (name: string): TorchCase[] => cases.filter(({ op }) => op === name);

describe('PyTorch has the same losses and gradients', () => {
  test('every loss is there', () => {
    expect(names.length).toBeGreaterThanOrEqual(26);
    for (const name of names) expect(losses[name], name).toBeTypeOf('function');
  });

  test.each(names)('%s in float64, jitted', (name) => {
    checkTorchCases(computeOf(name), of(name), { float: 'float64', rtol: 1e-8, isJitted: true });
  });

  test.each(names)('%s in float32, jitted', (name) => {
    checkTorchCases(computeOf(name), of(name), { float: 'float32', rtol: 1e-5, isJitted: true });
  });
});
