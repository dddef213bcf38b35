import { type DType, isFloat } from '../../src/graph/dtype.ts';
import { type Tensor, tensor } from '../../src/index.ts';
import { Dice } from '../support/dice.ts';

/** What the values of an operand are drawn from: where the operation is smooth and well conditioned. */
export type Values =
  /** Between -2 and 2, away from 0. */
  | 'signed'
  /** Between 0.5 and 2. */
  | 'positive'
  /** Between -0.9 and 0.9, away from 0. */
  | 'unit'
  /** Between 0.1 and 0.9. */
  | 'fraction'
  /** Integers from 0 to 4. */
  | 'small'
  /** All different, so that order and extremes are clear by more than a step of finite differences. */
  | 'distinct'
  /** Symmetric positive definite matrices in the last two axes. */
  | 'definite';

/** An operand: drawn by the dice, or given. */
export interface Operand {
  readonly shape: readonly number[];
  readonly dtype?: DType;
  readonly values?: Values;
  /** The elements themselves. */
  readonly data?: readonly number[];
}

/** The ways in which an operation is put to use. */
export const modes = ['forward', 'gradient', 'second', 'jvp', 'vmap'] as const;
export type Mode = (typeof modes)[number];

/** One operation of the library, with operands on which it is tried. */
export interface Operation {
  /** The name that users type: of a method of arrays, or `namespace.name`. With `: what` after it for further cases. */
  readonly name: string;
  readonly operands: readonly Operand[];
  readonly call: (...operands: Tensor[]) => Tensor | readonly Tensor[];
  /** Modes that do not apply, each with the reason. */
  readonly without?: Readonly<Partial<Record<Mode, string>>>;
  /**
   * Why differences of values do not show its derivatives: on the interpreter these are tested elsewhere, compiled devices are held against
   * the interpreter.
   */
  readonly withoutDifferences?: string;
  /** Allowed difference relative to the largest value, in float32. Default 2e-5. */
  readonly tolerance?: number;
  /** For what rounds: how far apart differences are taken, and how far they may be off. Default 1e-5, and by `tolerance`. */
  readonly differences?: { readonly step: number; readonly tolerance: number };
}

const draw: { readonly [V in Exclude<Values, 'definite' | 'distinct'>]: (dice: Dice) => number } = {
  signed: (dice) => (dice.chance(0.5) ? 1 : -1) * (0.2 + 1.8 * dice.fraction()),
  positive: (dice) => 0.5 + 1.5 * dice.fraction(),
  unit: (dice) => (dice.chance(0.5) ? 1 : -1) * (0.05 + 0.85 * dice.fraction()),
  fraction: (dice) => 0.1 + 0.8 * dice.fraction(),
  small: (dice) => dice.between(0, 4),
};

const sizeOf = (shape: readonly number[]): number => shape.reduce((n, extent) => n * extent, 1);

function elements({ shape, dtype = 'float32', values, data }: Operand, dice: Dice): number[] {
  if (data !== undefined) return [...data];
  const size = sizeOf(shape);
  const kind = values ?? (isFloat(dtype) ? 'signed' : 'small');
  if (kind === 'definite') return definite(shape, dice);
  if (kind === 'distinct') {
    const order = Array.from({ length: size }, (_, i) => i);
    for (let i = size - 1; i > 0; i--) {
      const j = dice.between(0, i);
      [order[i], order[j]] = [order[j], order[i]];
    }
    return order.map((i) => (isFloat(dtype) ? (i - size / 2 + 0.3) / Math.max(2, size / 4) : i));
  }
  return Array.from({ length: size }, () => (dtype === 'bool' ? Number(dice.chance(0.5)) : draw[kind](dice)));
}

/** B B^T + n times the identity. */
function definite(shape: readonly number[], dice: Dice): number[] {
  const n = shape[shape.length - 1];
  const out: number[] = [];
  for (let m = 0; m < sizeOf(shape) / (n * n || 1); m++) {
    const b = Array.from({ length: n * n }, () => draw.signed(dice));
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++) {
        let sum = i === j ? n + i : 0;
        for (let k = 0; k < n; k++) sum += b[i * n + k] * b[j * n + k];
        out.push(sum);
      }
  }
  return out;
}

/** The operands of an operation: equal for equal seeds, different for others. Floats in `float`. */
export function operandsOf(operation: Operation, seed: number, float: 'float32' | 'float64'): Tensor[] {
  const dice = new Dice(seed * 7919 + operation.name.length);
  return operation.operands.map((operand) => {
    const dtype = operand.dtype ?? 'float32';
    return tensor(elements(operand, dice), { dtype: isFloat(dtype) ? float : dtype, shape: operand.shape });
  });
}
