import { isFloat } from '../../src/graph/dtype.ts';
import { grad, jvp, stack, Tensor, tensor, vmap } from '../../src/index.ts';
import { type Mode, type Operation, operandsOf } from './operation.ts';

/** What an operation gives in each mode, as functions of its operands. */

type Operands = readonly Tensor[];

export const resultsOf = (operation: Operation, operands: Operands): Tensor[] => {
  const result = operation.call(...operands);
  return result instanceof Tensor ? [result] : [...result];
};

/** Fixed numbers of the shape of an array, none like another. */
const weights = (like: Tensor, salt: number): Tensor =>
  tensor(
    Array.from({ length: like.size }, (_, i) => Math.sin(1.7 * i + salt) + 0.3),
    { dtype: like.dtype, shape: like.shape },
  );

const floats = (tensors: Operands): Tensor[] => tensors.filter((t) => isFloat(t.dtype));

/** The operation as a function of its float operands alone. */
function ofFloats(operation: Operation, operands: Operands): (...given: Tensor[]) => Tensor[] {
  return (...given) => {
    let next = 0;
    return resultsOf(
      operation,
      operands.map((t) => (isFloat(t.dtype) ? given[next++] : t)),
    );
  };
}

/** A sum of all float results with weights, whose gradient shows all their derivatives. */
const scalar =
  (f: (...given: Tensor[]) => Tensor[]) =>
  (given: Tensor[]): Tensor =>
    floats(f(...given)).reduce(
      (sum, out, i) => sum.add(out.mul(weights(out, i)).sum()),
      tensor(0, { dtype: given[0].dtype }),
    );

const gradientOf = (operation: Operation, operands: Operands) => grad(scalar(ofFloats(operation, operands)));

/** A number that the gradient gives, to be differentiated again. */
const ofGradient =
  (operation: Operation, operands: Operands) =>
  (given: Tensor[]): Tensor =>
    gradientOf(
      operation,
      operands,
    )(given).reduce(
      (sum, slope, i) => sum.add(slope.mul(weights(slope, i + 5)).sum()),
      tensor(0, { dtype: given[0].dtype }),
    );

const directions = (given: Operands): Tensor[] => given.map((t, i) => weights(t, i + 11));

/** The results of a mode; the batch of vmap is `operands` and `others`. */
export function run(mode: Mode, operation: Operation, operands: Operands, others: Operands): Tensor[] {
  const given = floats(operands);
  switch (mode) {
    case 'forward':
      return resultsOf(operation, operands);
    case 'gradient':
      return gradientOf(operation, operands)(given);
    case 'second':
      return grad(ofGradient(operation, operands))(given);
    case 'jvp':
      return floats(jvp(ofFloats(operation, operands), given, directions(given))[1]);
    case 'vmap':
      return vmap((...xs: Tensor[]) => resultsOf(operation, xs))(
        ...operands.map((t, i) => stack([t, others[i]])),
      );
  }
}

/** The largest finite absolute value, at least 1: what tolerances are relative to. */
export function largest(lists: readonly ArrayLike<number>[]): number {
  let most = 1;
  for (const list of lists)
    for (let i = 0; i < list.length; i++)
      if (Number.isFinite(list[i])) most = Math.max(most, Math.abs(list[i]));
  return most;
}

const norm = (tensors: Operands): number => largest(tensors.map((t) => t.dataSync()));

/** A value and what it should be. */
export interface Comparison {
  readonly actual: ArrayLike<number>;
  readonly expected: ArrayLike<number>;
  readonly tolerance: number;
}

/**
 * What shows that a mode is right where there is no other device to compare with: central differences in double precision along one direction,
 * or the examples one by one.
 */
export function byDefinition(mode: Exclude<Mode, 'forward'>, operation: Operation): Comparison[] {
  const operands = operandsOf(operation, 1, 'float64');
  const others = operandsOf(operation, 2, 'float64');
  const given = floats(operands);
  const { step, tolerance } = operation.differences ?? {
    step: 1e-5,
    tolerance: Math.max(1e-6, (operation.tolerance ?? 0) / 10),
  };
  if (mode === 'vmap') {
    const actual = run('vmap', operation, operands, others);
    const each = [operands, others].map((xs) => resultsOf(operation, xs));
    return actual.map((out, i) => ({
      actual: out.dataSync(),
      expected: stack([each[0][i], each[1][i]]).dataSync(),
      tolerance: 1e-12 * norm([out]),
    }));
  }
  const along = directions(given);
  const moved = (sign: number): Tensor[] => given.map((t, i) => t.add(along[i].mul(sign * step)));
  const difference = (f: (x: Tensor[]) => Tensor[]): Float64Array[] => {
    const [up, down] = [f(moved(1)), f(moved(-1))].map((list) => list.map((t) => t.dataSync()));
    return up.map((a, i) => Float64Array.from(a, (x, k) => (x - down[i][k]) / (2 * step)));
  };
  const inner = (slopes: Operands): number =>
    slopes.reduce((sum, slope, i) => sum + slope.mul(along[i]).sum().item(), 0);
  if (mode === 'jvp') {
    const actual = run('jvp', operation, operands, others);
    const expected = difference((x) => floats(ofFloats(operation, operands)(...x)));
    return actual.map((out, i) => ({
      actual: out.dataSync(),
      expected: expected[i],
      tolerance: tolerance * norm([out]),
    }));
  }
  const f = mode === 'gradient' ? scalar(ofFloats(operation, operands)) : ofGradient(operation, operands);
  const slopes = run(mode, operation, operands, others);
  const [expected] = difference((x) => [f(x)]);
  return [
    {
      actual: [inner(slopes)],
      expected,
      tolerance: tolerance * Math.max(Math.abs(expected[0]), norm(slopes)),
    },
  ];
}
