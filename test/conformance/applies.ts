import { isFloat } from '../../src/graph/dtype.ts';
import type { Mode, Operation } from './operation.ts';

/** Why a mode is not tried, or null. */
export function reasonAgainst(operation: Operation, mode: Mode): string | null {
  const stated = operation.without?.[mode];
  if (stated !== undefined) return stated;
  if (mode !== 'forward' && operation.operands.length === 0) return 'no operands';
  const hasFloats = operation.operands.some(({ dtype }) => isFloat(dtype ?? 'float32'));
  if (mode !== 'forward' && mode !== 'vmap' && !hasFloats) return 'no float operands';
  if (mode === 'second' && operation.without?.gradient !== undefined) return operation.without.gradient;
  return null;
}
