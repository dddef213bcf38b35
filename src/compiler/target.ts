/** What a machine is like, as data: one schedule serves all. */
export interface Target {
  /** 4-byte elements in a vector register. */
  readonly lanes: number;
  /** Whether vectors multiply and add in one instruction. */
  readonly fma: boolean;
  /**
   * Simple operations that make a chunk of a kernel worth a thread's while: kernels with less than twice as many are not divided.
   * Infinite for a single thread.
   */
  readonly chunkWork: number;
  /** Rows of the register tile of a contraction. */
  readonly tileRows: number;
  /** Vectors in a row of the tile. */
  readonly tileVectors: number;
  /** Rows of a tile that is one vector wide, for products of few columns. */
  readonly narrowRows: number;
  /** Products summed in one go, when a sum must be split. */
  readonly sumBlock: number;
  /** Elements of a packed block of rows; stays in the second-level cache. */
  readonly rowBlockElements: number;
  /** Elements of a packed block of columns. */
  readonly columnBlockElements: number;
}

/**
 * WebAssembly SIMD128 on a processor with 16 vector registers: 8 accumulators, 2 columns, the rest for rows.
 *
 * @param fma whether the engine has relaxed SIMD
 * @param isParallel whether there may be several threads
 */
export const wasmTarget = (fma: boolean, isParallel = false): Target => ({
  lanes: 4,
  fma,
  chunkWork: isParallel ? 65536 : Number.POSITIVE_INFINITY,
  tileRows: 4,
  tileVectors: 2,
  narrowRows: 4,
  sumBlock: 256,
  rowBlockElements: 65536,
  columnBlockElements: 262144,
});
