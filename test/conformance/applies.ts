import { isFloat } from '../../src/graph/dtype.ts';
import type { Mode, Operation } from './operation.ts';

/** Why a mode is not tried on the interpreter, or on compiled devices, or null. */
export function reasonAgainst(
  operation: Operation,
  mode: Mode,
  device: 'interpreter' | 'compiled',
): string | null {
  const stated = operation.without?.[mode];
  if (stated !== undefined) return stated;
  if (mode !== 'forward' && operation.operands.length === 0) return 'no operands';
  const isDerivative = mode !== 'forward' && mode !== 'vmap';
  if (isDerivative && device === 'interpreter' && operation.withoutDifferences !== undefined)
    return operation.withoutDifferences;
  const hasFloats = operation.operands.some(({ dtype }) => isFloat(dtype ?? 'float32'));
  if (isDerivative && !hasFloats) return 'no float operands';
  if (mode === 'second' && operation.without?.gradient !== undefined) return operation.without.gradient;
  return null;
}
