/**
 * The loop IR: what kernels become before a printer writes them as WebAssembly bytes (or C, or WGSL text).
 * Structured loops over typed locals, explicit vectors, loads and stores at affine element indices of buffers.
 * It knows nothing of tensors; a printer needs nothing else.
 */

/** Register types. A scalar `bool` is 0 or 1; a vector of bool is a lane mask (all bits set or none). */
export type Scalar = 'f32' | 'f64' | 'i32' | 'u32' | 'bool';

/** `lanes` is 1 or the target's vector width for 4-byte scalars (wasm SIMD128: 4) or 8-byte scalars (wasm: 2). */
export interface Type {
  readonly scalar: Scalar;
  readonly lanes: number;
}

/** A mutable register of a function. Identity is the object; names are for the reader of a dump. */
export interface Local {
  readonly name: string;
  readonly type: Type;
}

/**
 * An element index (not bytes) into a buffer: `offset + sum of coefficient * local + sum of dynamic`. Locals and dynamic
 * expressions are i32 scalars. The value is never negative when a load or store executes.
 */
export interface Index {
  readonly offset: number;
  readonly terms: readonly { readonly local: Local; readonly coefficient: number }[];
  readonly dynamic: readonly Expr[];
}

/**
 * Element storage in memory: f32, f64, i32, u32 as themselves, bool as one byte 0 or 1. A vector load of bool
 * widens bytes to a mask; a vector store narrows it back.
 */
export interface Buffer {
  readonly name: string;
  readonly scalar: Scalar;
  /** Elements take so many bits instead of 32: u32 whose upper half is 0. */
  readonly bits?: 16;
  readonly place: /** Base address (bytes, 16-aligned) is the u32 at `argumentTable + 4 * argument`. */
    | { readonly kind: 'argument'; readonly argument: number }
    /** Base address is the arena's base plus `offset` bytes (a multiple of 64). Argument 0 is the arena's base. */
    | { readonly kind: 'arena'; readonly offset: number }
    /** Scratch memory of the running thread t: the arena's base plus `offset + t * stride` bytes, both multiples of 64. */
    | { readonly kind: 'thread'; readonly offset: number; readonly stride: number };
}

/** Operations of one operand that keep the type. Those in `MathFunction` are helper functions, not instructions. */
export type UnaryOp = 'neg' | 'abs' | 'sqrt' | 'floor' | 'ceil' | 'round' | 'not' | MathFunction;

/** f32: the project's own polynomials (vector and scalar give the same bits); f64: the platform's functions, lanes 1 only. */
export type MathFunction = 'exp' | 'log' | 'expm1' | 'log1p' | 'sin' | 'cos' | 'tanh' | 'erf' | 'sigmoid';

/**
 * Operands and result have one type. Float: add sub mul div max min (NaN-propagating), rem (C fmod), pow. Integers: add sub mul
 * (wrapping), div rem (truncating, by zero 0, INT_MIN / -1 wraps), max min, and or xor shl shr (count modulo 32; shr
 * arithmetic for i32, logical for u32). Bool: and or xor. `div`, `rem`, `pow` of vectors may be done lane by lane.
 */
export type BinaryOp =
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
  | 'shr';

/** IEEE for floats (any comparison with NaN but `ne` is false); the result is bool of the operands' lanes. */
export type CompareOp = 'eq' | 'ne' | 'lt' | 'le';

export type Expr =
  /** Every lane is `value`; integers are given as their mathematical value, bool as 0 or 1. */
  | { readonly op: 'const'; readonly type: Type; readonly value: number }
  | { readonly op: 'local'; readonly type: Type; readonly local: Local }
  /** lanes consecutive elements starting at `index`; no alignment beyond the element's. */
  | {
      readonly op: 'load';
      readonly type: Type;
      readonly buffer: Buffer;
      readonly index: Index;
      /** If given, only so many lanes are read, from the first on; the others are 0. 4-byte scalars. */
      readonly count?: number;
    }
  /** An i32 scalar with the value of an index expression. */
  | { readonly op: 'index'; readonly type: Type; readonly index: Index }
  | { readonly op: 'unary'; readonly type: Type; readonly kind: UnaryOp; readonly x: Expr }
  | {
      readonly op: 'binary';
      readonly type: Type;
      readonly kind: BinaryOp;
      readonly a: Expr;
      readonly b: Expr;
    }
  | {
      readonly op: 'compare';
      readonly type: Type;
      readonly kind: CompareOp;
      readonly a: Expr;
      readonly b: Expr;
    }
  /** a * b + c for vectors of floats, rounded once or twice as the machine does it faster. */
  | { readonly op: 'fma'; readonly type: Type; readonly a: Expr; readonly b: Expr; readonly c: Expr }
  /** condition is bool with the lanes of the result; both branches are evaluated. */
  | {
      readonly op: 'select';
      readonly type: Type;
      readonly condition: Expr;
      readonly a: Expr;
      readonly b: Expr;
    }
  /** Scalar only: evaluates `a` where the condition holds, else `b`; the other one is not evaluated (guards loads). */
  | {
      readonly op: 'choose';
      readonly type: Type;
      readonly condition: Expr;
      readonly a: Expr;
      readonly b: Expr;
    }
  /** Numeric conversion between scalars of equal lanes: float to integer truncates and saturates, NaN gives 0; to bool is `!= 0`. */
  | { readonly op: 'cast'; readonly type: Type; readonly x: Expr }
  /** Same 4-byte bits, other 4-byte scalar. */
  | { readonly op: 'bitcast'; readonly type: Type; readonly x: Expr }
  /** Scalar to every lane. splat of a load is the target's load-and-broadcast where it has one. */
  | { readonly op: 'splat'; readonly type: Type; readonly x: Expr }
  /** The vector [0, 1, .. lanes - 1] of i32 or u32. */
  | { readonly op: 'lanes'; readonly type: Type }
  /** One lane of a vector, as a scalar. */
  | { readonly op: 'extract'; readonly type: Type; readonly x: Expr; readonly lane: number }
  /** Lanes chosen from a (0..lanes-1) and b (lanes..2*lanes-1); both vectors of the result's type (4-byte scalars, 4 lanes). */
  | {
      readonly op: 'shuffle';
      readonly type: Type;
      readonly a: Expr;
      readonly b: Expr;
      readonly lanes: readonly number[];
    }
  /** All lanes combined into a scalar, in the fixed order ((0,2),(1,3)) for 4 lanes: halves first. */
  | {
      readonly op: 'fold';
      readonly type: Type;
      readonly kind: 'add' | 'mul' | 'max' | 'min' | 'and' | 'or';
      readonly x: Expr;
    };

export type Statement =
  | { readonly op: 'set'; readonly local: Local; readonly value: Expr }
  | {
      readonly op: 'store';
      readonly buffer: Buffer;
      readonly index: Index;
      readonly value: Expr;
      /** If given, only so many lanes are written, from the first on. 4-byte scalars. */
      readonly count?: number;
    }
  /**
   * `for (v = begin; v < end; v += step)`; v is an i32 local that the loop owns, step a positive constant, bounds are evaluated
   * once. The body may not assign v.
   */
  | {
      readonly op: 'for';
      readonly variable: Local;
      readonly begin: Expr;
      readonly end: Expr;
      readonly step: number;
      readonly body: readonly Statement[];
    }
  | { readonly op: 'while'; readonly condition: Expr; readonly body: readonly Statement[] }
  | {
      readonly op: 'if';
      readonly condition: Expr;
      readonly then: readonly Statement[];
      readonly otherwise: readonly Statement[];
    }
  /** Shown in dumps; printers ignore it. */
  | { readonly op: 'comment'; readonly text: string };

/**
 * One kernel. Its body runs once for each chunk, 0 to count-1, in any order and by any thread: chunks write disjoint
 * elements and read nothing that another chunk of the kernel writes. What the chunks are follows from shapes alone, never from the
 * number of threads, so that results are the same for any number.
 */
export interface KernelFunction {
  readonly name: string;
  /** How many chunks there are, and the i32 in which the body finds its number (it does not assign it). Absent: one chunk. */
  readonly chunks?: { readonly variable: Local; readonly count: number };
  readonly body: readonly Statement[];
}

/** All kernels of a program, run in order: a kernel starts when all chunks of the one before have ended. */
export interface LoopProgram {
  readonly kernels: readonly KernelFunction[];
}
