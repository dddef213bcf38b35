import { type ConvolutionSizes, convolutionOf, windowsOf } from './products.ts';
import { Tensor } from './tensor.ts';

/** Convolution and windows over arrays, for layers to build on. `name` is whom errors speak for. */

/** See convolutionOf: x [batch, ...space, in], weight [out, ...kernel, in / groups]. */
export const convolution = (name: string, x: Tensor, weight: Tensor, sizes: ConvolutionSizes): Tensor =>
  new Tensor(convolutionOf(name, x.node, weight.node, sizes));

/** Sliding windows of x [batch, ...space, channels] as [batch, ...space', channels, ...kernel]; padding is filled with `fill`. */
export const windows = (
  name: string,
  x: Tensor,
  kernel: readonly number[],
  sizes: Omit<ConvolutionSizes, 'groups'>,
  fill = 0,
): Tensor => new Tensor(windowsOf(name, x.node, kernel, sizes, fill));
