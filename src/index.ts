/** Arrays, automatic differentiation and compilation. Layers, training and data live in the subpaths. */

export type { CloseOptions } from './core/array_arithmetic.ts';
export { checkNumerics } from './core/check_numerics.ts';
export { checkpoint, cond, type ScanOptions, scan, switchCase, whileLoop } from './core/control.ts';
export * from './core/create.ts';
export { customJvp, customVjp } from './core/custom.ts';
export { type DebugOptions, debug } from './core/debug.ts';
export * as fft from './core/fft.ts';
export * from './core/free_arithmetic.ts';
export * from './core/free_elementwise.ts';
export * from './core/free_indexing.ts';
export * from './core/free_products.ts';
export * from './core/free_reductions.ts';
export * from './core/free_sorting.ts';
export * from './core/free_views.ts';
export { type GridSampleOptions, gridSample } from './core/grid_sample.ts';
export { type InterpolateOptions, type InterpolationMode, interpolate } from './core/interpolate.ts';
export { hessian, hvp, type JacobianOptions, jacfwd, jacobian, jacrev } from './core/jacobian.ts';
export { jit } from './core/jit.ts';
export * as linalg from './core/linalg.ts';
export { linearize } from './core/linearize.ts';
export { type MemoryUsage, memory } from './core/memory.ts';
export { NumericsError, type NumericsOptions } from './core/numerics.ts';
export { polyfit, polyval } from './core/polynomials.ts';
export * as random from './core/random.ts';
export { type InterpOptions, interp, unwrap } from './core/samples.ts';
export { scope } from './core/scope.ts';
export {
  type Axis,
  concat,
  einsum,
  fromBits,
  type Operand,
  type ReduceOptions,
  stack,
  Tensor,
  tensor,
  where,
} from './core/tensor.ts';
export {
  type Gradients,
  type GradOptions,
  grad,
  jvp,
  stopGradient,
  type VariableOwner,
  type VariableSource,
  valueAndGrad,
  vjp,
} from './core/transforms.ts';
export { Variable, type VariableOptions } from './core/variable.ts';
export { type Axes, type VmapOptions, vmap } from './core/vmap.ts';
export type { DType, TypedArray } from './graph/dtype.ts';
export { bfloat16ToFloat, floatToBfloat16, floatToHalf, halfToFloat } from './graph/half.ts';
