import type { DType } from '../graph/dtype.ts';
import type { Node } from '../graph/node.ts';
import type { BinaryKind, CompareKind, ReduceKind, UnaryKind } from '../graph/vocabulary.ts';
import type { Affine, Axis } from './affine.ts';

/** Series and continued fractions that only expansions of other functions use, in float64 (`lower/iterations.ts`). */
export type IteratedKind = 'gammaSeries' | 'gammaFraction';

/**
 * Kernels: fused computations over multi-dimensional domains with affine loads, between the tensor graph and the loop IR. A
 * kernel's expressions form a graph too; sharing is by identity.
 */
export type KernelExpr =
  | { readonly op: 'const'; readonly dtype: DType; readonly value: number }
  /** An element of a materialized node, by flat index. */
  | { readonly op: 'load'; readonly dtype: DType; readonly source: Node; readonly index: Affine }
  /** The value of an index expression. */
  | { readonly op: 'index'; readonly dtype: DType; readonly index: Affine }
  /** `x` where all conditions hold, else `otherwise`; x is evaluated only where they hold. */
  | {
      readonly op: 'guard';
      readonly dtype: DType;
      readonly conditions: readonly Condition[];
      readonly x: KernelExpr;
      readonly otherwise: number;
    }
  | { readonly op: 'unary'; readonly dtype: DType; readonly kind: UnaryKind; readonly x: KernelExpr }
  | {
      readonly op: 'binary';
      readonly dtype: DType;
      readonly kind: BinaryKind | IteratedKind;
      readonly a: KernelExpr;
      readonly b: KernelExpr;
    }
  | {
      readonly op: 'compare';
      readonly dtype: DType;
      readonly kind: CompareKind;
      readonly a: KernelExpr;
      readonly b: KernelExpr;
    }
  | {
      readonly op: 'select';
      readonly dtype: DType;
      readonly condition: KernelExpr;
      readonly a: KernelExpr;
      readonly b: KernelExpr;
    }
  | { readonly op: 'cast'; readonly dtype: DType; readonly x: KernelExpr }
  | { readonly op: 'bitcast'; readonly dtype: DType; readonly x: KernelExpr }
  | {
      readonly op: 'threefry';
      readonly dtype: DType;
      readonly word: 'first' | 'second' | 'xor';
      readonly inputs: readonly KernelExpr[];
    }
  /** What a reduction or contraction of the same kernel gave. */
  | { readonly op: 'result'; readonly dtype: DType; readonly of: Node };

/** `0 <= index < extent`, or `index mod divisor = 0`. */
export type Condition =
  | { readonly kind: 'inside'; readonly index: Affine; readonly extent: number }
  | { readonly kind: 'divides'; readonly index: Affine; readonly divisor: number };

/** A reduction over the row axes: of a node of kind reduce or argreduce, or a contraction written out. */
export interface Reduction {
  readonly node: Node;
  readonly kind: ReduceKind | 'argmax' | 'argmin';
  readonly value: KernelExpr;
  /** Row-major position along the reduced axes, for argmax and argmin. */
  readonly position: Affine;
}

/** One array that a kernel writes. */
export interface Output {
  readonly node: Node;
  readonly value: KernelExpr;
  readonly index: Affine;
  /** Written for each point of outer x row, or once for each outer point. */
  readonly level: 'full' | 'outer';
}

/**
 * A nest of loops: for every point of the outer axes, passes over the row axes that compute reductions and write outputs.
 * With no row axes it is a map.
 */
export interface LoopKernel {
  readonly kind: 'loops';
  readonly name: string;
  /** All axes in the order of the domain. */
  readonly axes: readonly Axis[];
  /** Ids of those that are reduced. */
  readonly reduced: ReadonlySet<number>;
  readonly reductions: readonly Reduction[];
  readonly outputs: readonly Output[];
}

/** One dense product of a contraction: no divisions left, axes sorted by their role. */
export interface ContractKernel {
  readonly kind: 'contract';
  readonly name: string;
  readonly node: Node;
  readonly batch: readonly Axis[];
  readonly m: readonly Axis[];
  readonly n: readonly Axis[];
  readonly k: readonly Axis[];
  readonly a: KernelExpr;
  readonly b: KernelExpr;
  /** Written from the finished sum, the 'result' of `node`. */
  readonly outputs: readonly Output[];
  /** Where `b` lies packed already, if it does. */
  readonly packed?: Node;
}

/** Kernels that know nothing of each other and may run in any order, or at the same time. */
export interface UpdatesKernel {
  readonly kind: 'updates';
  readonly name: string;
  readonly members: readonly LoopKernel[];
}

/** The columns of products, packed for their tiles. The node stands for the place and has no meaning of its own. */
export interface PackKernel {
  readonly kind: 'pack';
  readonly name: string;
  readonly node: Node;
  readonly operand: KernelExpr;
}

/** Each element as it is where nothing arrives, then updates joining it one after the other. */
export interface ScatterKernel {
  readonly kind: 'scatter';
  readonly name: string;
  readonly node: Node<'scatter'>;
  readonly axes: readonly Axis[];
  readonly index: Affine;
  readonly value: KernelExpr;
}

/** Running reductions along one axis, for each point of the others: rows in any order, columns that are neighbours in memory. */
export interface PrefixKernel {
  readonly kind: 'prefix';
  readonly name: string;
  readonly node: Node<'prefix'>;
  readonly rows: Axis;
  readonly along: Axis;
  /** Its extent is 1 where elements next to each other cannot be computed in vectors. */
  readonly columns: Axis;
  readonly index: Affine;
  readonly value: KernelExpr;
}

/** Stable merge sort of positions, row by row. */
export interface SortKernel {
  readonly kind: 'sort';
  readonly name: string;
  readonly node: Node;
  readonly source: Node;
}

export type Kernel =
  | LoopKernel
  | ContractKernel
  | PackKernel
  | PrefixKernel
  | ScatterKernel
  | SortKernel
  | UpdatesKernel;
