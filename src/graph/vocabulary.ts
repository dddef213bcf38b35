import type { DType, TypedArray } from './dtype.ts';
import type { Node } from './node.ts';

/**
 * The closed vocabulary of the tensor graph: every operation that exists, with its attributes. Rules about
 * operations (shapes, derivatives, evaluation, lowering) live in tables keyed by these names, typed so that a
 * missing rule does not compile.
 *
 * Operands of one operation have equal shapes and dtypes wherever they meet element by element: broadcasting and
 * promotion are explicit nodes that the builder inserts.
 */
export type UnaryKind = SimpleUnaryKind | CompositeUnaryKind;

export type SimpleUnaryKind =
  | 'neg'
  | 'abs'
  | 'sign'
  | 'exp'
  | 'log'
  | 'expm1'
  | 'log1p'
  | 'sin'
  | 'cos'
  | 'tanh'
  | 'erf'
  | 'sigmoid'
  | 'relu'
  | 'sqrt'
  | 'rsqrt'
  | 'floor'
  | 'ceil'
  | 'round'
  | 'not';

/**
 * Functions of floats that the compiler puts together from the simple kinds (`compiler/expand`). `lgamma` is log |gamma(x)|, `digamma`
 * its derivative; `i0` and `i1` are the modified Bessel functions of the first kind, `i0e` and `i1e` those times e^-|x|.
 */
export type CompositeUnaryKind =
  | 'tan'
  | 'asin'
  | 'acos'
  | 'atan'
  | 'sinh'
  | 'cosh'
  | 'asinh'
  | 'acosh'
  | 'atanh'
  | 'exp2'
  | 'log2'
  | 'log10'
  | 'cbrt'
  | 'erfc'
  | 'erfinv'
  | 'lgamma'
  | 'digamma'
  | 'i0'
  | 'i1'
  | 'i0e'
  | 'i1e';

/**
 * `div` on integers truncates towards zero, by zero gives 0; `rem` has the dividend's sign (by zero: 0); integer
 * arithmetic wraps at 32 bits; `and`, `or`, `xor` work on bool and integers; `shr` is arithmetic on int32 and
 * logical on uint32, shift counts are taken modulo 32; `gcd` of integers is not
 * negative but for that of the lowest int32 with itself or 0. `max` and `min` propagate NaN. `round` goes half to even.
 */
export type BinaryKind = SimpleBinaryKind | CompositeBinaryKind;

export type SimpleBinaryKind =
  | 'add'
  | 'sub'
  | 'mul'
  | 'div'
  | 'rem'
  | 'pow'
  | 'max'
  | 'min'
  | 'and'
  | 'or'
  | 'xor'
  | 'shl'
  | 'shr'
  | 'gcd';

/**
 * Functions of two floats that the compiler puts together from the simple kinds: `atan2` (y, x) and `hypot` as C has them, `logaddexp`
 * (a, b) = log(e^a + e^b), `zeta` (s, q) = the sum of (q + k)^-s for k = 0, 1, .., for s > 1 and q > 0, `igamma` (a, x) and `igammac` the regularized lower and upper incomplete gamma
 * functions.
 */
export type CompositeBinaryKind = 'atan2' | 'hypot' | 'logaddexp' | 'zeta' | 'igamma' | 'igammac';

export type CompareKind = 'eq' | 'ne' | 'lt' | 'le';

export type ReduceKind = 'sum' | 'prod' | 'max' | 'min' | 'and' | 'or';

export type PrefixKind = 'sum' | 'prod' | 'max' | 'min';

export type ScatterKind = 'add' | 'max' | 'min';

/**
 * One coordinate of a contraction's operand: `(sum of coefficient * axis + offset) / divisor`, exact. Where the
 * numerator is not divisible, or the quotient lies outside of the operand, the operand's value is 0.
 */
export interface AffineIndex {
  readonly terms: readonly (readonly [axis: number, coefficient: number])[];
  readonly offset: number;
  readonly divisor: number;
}

/**
 * `out[o] = sum over r of a[ia(o, r)] * b[ib(o, r)]`. Axes 0 to outRank-1 are the output's dimensions in order, the
 * rest are summed over. An axis occurs in at most one dimension of an operand.
 */
export interface Contraction {
  readonly sizes: readonly number[];
  readonly outRank: number;
  readonly a: readonly AffineIndex[];
  readonly b: readonly AffineIndex[];
}

export interface ArrayAttributes {
  /** A value that the graph receives: a realized array, an argument of a traced function or a variable's content. */
  input: { readonly name?: string };
  /** Every element is `value` (0 or 1 for bool). */
  constant: { readonly value: number };
  /** A small array that is part of the program itself. */
  literal: { readonly data: TypedArray };
  /** `out[i] = i[axis]`. */
  iota: { readonly axis: number };
  unary: { readonly kind: UnaryKind };
  binary: { readonly kind: BinaryKind };
  compare: { readonly kind: CompareKind };
  /** (condition, whenTrue, whenFalse) */
  select: Record<never, never>;
  /** Numeric conversion: float to integer truncates and saturates (NaN to 0), anything to bool is `!= 0`. */
  cast: Record<never, never>;
  /** The same 32 bits read as another 32-bit dtype. */
  bitcast: Record<never, never>;
  /** The identity; a leaf that a transform differentiates with respect to. */
  alias: Record<never, never>;
  /** The identity with derivative zero. */
  stopGradient: Record<never, never>;
  /** (x, others..): x, but computed anew after the others where it had been computed before. */
  after: Record<never, never>;
  /** (node of an operation with several results): one of them. */
  part: { readonly index: number };
  reshape: Record<never, never>;
  /** `out.shape[i] = in.shape[permutation[i]]` */
  transpose: { readonly permutation: readonly number[] };
  /** Input dimension i becomes output dimension axes[i] (ascending, sizes equal); the other dimensions repeat. */
  broadcast: { readonly axes: readonly number[] };
  /** `out[i] = in[start + i * step]` for each dimension; steps may be negative, never 0. */
  slice: { readonly start: readonly number[]; readonly step: readonly number[] };
  /** Adds `low` before, `high` after and `interior` between the elements, filled with `value`; low and high may be negative. */
  pad: {
    readonly low: readonly number[];
    readonly high: readonly number[];
    readonly interior: readonly number[];
    readonly value: number;
  };
  concat: { readonly axis: number };
  /**
   * Sliding windows as a view: `out[..i.., ..k..] = in[.., i * stride + k * dilation, ..]`, window dimensions appended at
   * the end in the order of `axes`.
   */
  window: {
    readonly axes: readonly number[];
    readonly size: readonly number[];
    readonly stride: readonly number[];
    readonly dilation: readonly number[];
  };
  /** Removes `axes` (ascending). sum, prod on numbers (integers wrap); max, min propagate NaN; and, or on bool. */
  reduce: { readonly kind: ReduceKind; readonly axes: readonly number[] };
  /** int32 index of the first maximum or minimum over `axes` taken as one row-major index; NaN counts as the extreme. */
  argreduce: { readonly kind: 'max' | 'min'; readonly axes: readonly number[] };
  /**
   * Running reduction along `axis`: element i is that of all elements up to i, itself included; from i on with `reverse`. On numbers
   * (integers wrap); max and min propagate NaN. Sums are kept in float64 or in blocks, so that long ones stay accurate.
   */
  prefix: { readonly kind: PrefixKind; readonly axis: number; readonly reverse: boolean };
  contract: Contraction;
  /** (operand, int32 indices): `out[.., j.., ..] = operand[.., indices[j..], ..]` along `axis`; indices are clamped. */
  gather: { readonly axis: number };
  /**
   * (int32 indices, updates): every update joins the element at its clamped index along `axis`. Where none arrives, `add` gives 0 (it is the
   * transpose of gather), `max` the lowest value of the dtype (-Infinity for floats), `min` the highest. max and min propagate NaN.
   */
  scatter: { readonly kind: ScatterKind; readonly axis: number };
  /** int32 permutation that sorts the last axis ascending; stable; NaN last. */
  argsort: Record<never, never>;
  /**
   * (k0, k1, c0, c1), all uint32: the threefry-2x32-20 block cipher element by element, key (k0, k1) and counter (c0, c1);
   * `word` chooses the first, the second, or the exclusive or of both output words.
   */
  threefry: { readonly word: 'first' | 'second' | 'xor' };
}

/** The type of one result of an operation that has several. */
export interface ResultType {
  readonly shape: readonly number[];
  readonly dtype: DType;
}

/**
 * A graph with inputs of its own, which control flow runs as often as it wants. It reads nothing but its inputs and evaluated arrays;
 * whatever else its function used is one of the inputs.
 */
export interface Body {
  readonly inputs: readonly Node[];
  readonly outputs: readonly Node[];
}

/** The derivative of a `custom` operation, as functions of nodes. `extras` are the inputs after the operands. */
export interface CustomRule {
  readonly name: string;
  /** Forward mode: changes of the results (null: zero) for changes of the operands, of which those that are zero are null. */
  readonly tangents:
    | ((
        results: readonly Node[],
        operands: readonly Node[],
        extras: readonly Node[],
        changes: readonly (Node | null)[],
      ) => readonly (Node | null)[])
    | null;
  /** Reverse mode; without it, the forward rule (which is linear in the changes) is transposed. */
  readonly cotangents:
    | ((
        results: readonly Node[],
        operands: readonly Node[],
        extras: readonly Node[],
        changes: readonly (Node | null)[],
      ) => readonly (Node | null)[])
    | null;
}

/**
 * Operations with several results. A node of such an operation stands for all of them and has no value of its own; `part` nodes
 * are its results, whose types `results` gives.
 */
export interface TupleAttributes {
  /**
   * (results.., operands.., extras..): the results themselves, differentiated by a rule of the user's instead of by how they were
   * computed.
   */
  custom: {
    readonly results: readonly ResultType[];
    readonly operands: number;
    readonly rule: CustomRule;
  };
  /** (results.., operands..): the results themselves; their derivative computes them anew, by `body` from the operands. */
  checkpoint: { readonly results: readonly ResultType[]; readonly body: Body };
  /**
   * (constants.., carries.., sequences..): runs `body` (constants.., carries.., elements..) -> (carries.., outputs..) for each of `length`
   * elements along the first axis of the sequences, from the last one if `reverse`. Results: the last carries, then the outputs stacked
   * (in the order of the sequences).
   */
  scan: {
    readonly results: readonly ResultType[];
    readonly body: Body;
    readonly constants: number;
    readonly carries: number;
    readonly length: number;
    readonly reverse: boolean;
    /** Reverse mode computes the body's intermediate results anew instead of storing them for each element. */
    readonly recompute: boolean;
  };
  /** (constants.., carries..): runs `body` (constants.., carries..) -> carries while `condition`, of the same inputs, gives true. */
  while: {
    readonly results: readonly ResultType[];
    readonly condition: Body;
    readonly body: Body;
    readonly constants: number;
  };
  /** (int32 scalar, operands..): the results of the branch with that number (clamped), all of which take the operands. */
  cond: { readonly results: readonly ResultType[]; readonly branches: readonly Body[] };
  /**
   * Algorithms of linear algebra on the last two axes of their operands, for each index of the axes before; in plain TypeScript on
   * every device, as they are sequences of dependent scalar steps. Differentiated by rules on top (`custom`).
   */
  factor: { readonly results: readonly ResultType[]; readonly kind: FactorKind };
}

/**
 * `cholesky` (a) -> lower l; `lu` (a) -> packed l and u, int32 permutation of the rows, sign of the permutation; `qr` (a) -> reduced
 * q, r; `eigh` (a) -> ascending eigenvalues, eigenvectors as columns; `svd` (a) -> u, singular values, v transposed, reduced;
 * `solveLower` and `solveUpper` (triangular a, b) -> x with a x = b; `adjugate` (a) -> transposed matrix of cofactors.
 */
export type FactorKind = 'cholesky' | 'lu' | 'qr' | 'eigh' | 'svd' | 'solveLower' | 'solveUpper' | 'adjugate';

export type TupleOp = keyof TupleAttributes;
/** Operations whose node is their only result. */
export type ArrayOp = keyof ArrayAttributes;

export interface Attributes extends ArrayAttributes, TupleAttributes {}
export type Op = keyof Attributes;
