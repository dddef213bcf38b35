import type { Tensor } from '../core/tensor.ts';

/** Layouts of kernels: Keras's, and those of `nabla/nn`. */

/** [...kernel, in, out] to [out, ...kernel, in]; of transposed convolutions [...kernel, out, in] to [in, ...kernel, out]. */
export const fromKernel = (kernel: Tensor): Tensor => kernel.moveaxis(-1, 0);

/** Undoes {@link fromKernel}. */
export const toKernel = (weight: Tensor): Tensor => weight.moveaxis(0, -1);

/** [...kernel, channels, multiplier] to [channels multiplier, ...kernel, 1]. */
export const fromDepthwise = (kernel: Tensor): Tensor => {
  const [channels, multiplier] = kernel.shape.slice(-2);
  const space = kernel.shape.slice(0, -2);
  return kernel.reshape([...space, channels * multiplier, 1]).moveaxis(-2, 0);
};

/** Undoes {@link fromDepthwise}. */
export const toDepthwise = (weight: Tensor, channels: number): Tensor => {
  const moved = weight.moveaxis(0, -2);
  return moved.reshape([...moved.shape.slice(0, -2), channels, moved.shape[moved.ndim - 2] / channels]);
};
