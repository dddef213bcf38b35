import { type Operand, raw } from './array_base.ts';
import { meet } from './operands.ts';
import { Tensor, tensor } from './tensor.ts';

/** An array from an operand: a number becomes float32. */
export const arrayOf = (x: Operand): Tensor => (typeof x === 'object' ? x : tensor(x));
/** The first of two operands as an array; a number takes the dtype that it would take beside the other. */
export const besides = (x: Operand, other: Operand): Tensor =>
  typeof x === 'object'
    ? x
    : typeof other === 'object'
      ? new Tensor(meet('operands', [raw(x), raw(other)])[0])
      : tensor(x);
