import type { Tensor } from '../core/tensor.ts';
import { Module } from './module.ts';
import { requireSpatial } from './spatial_sizes.ts';

/** One value for each channel of the whole input. */

const spaceAxes = (axes: number): number[] => Array.from({ length: axes }, (_, i) => i + 1);

function mean(name: string, axes: number, x: Tensor): Tensor {
  requireSpatial(name, x, axes);
  return x.mean(spaceAxes(axes));
}

function largest(name: string, axes: number, x: Tensor): Tensor {
  requireSpatial(name, x, axes);
  return x.max(spaceAxes(axes));
}

/** Mean over time of each channel: x [batch, time, channels] to [batch, channels]. */
export const globalAvgPool1d = (x: Tensor): Tensor => mean('globalAvgPool1d', 1, x);

/** Mean over the image of each channel: x [batch, height, width, channels] to [batch, channels]. Lin, Chen, Yan (2013). */
export const globalAvgPool2d = (x: Tensor): Tensor => mean('globalAvgPool2d', 2, x);

/** Mean over the volume of each channel: x [batch, depth, height, width, channels] to [batch, channels]. */
export const globalAvgPool3d = (x: Tensor): Tensor => mean('globalAvgPool3d', 3, x);

/** Largest value over time of each channel: x [batch, time, channels] to [batch, channels]. */
export const globalMaxPool1d = (x: Tensor): Tensor => largest('globalMaxPool1d', 1, x);

/** Largest value of each channel: x [batch, height, width, channels] to [batch, channels]. */
export const globalMaxPool2d = (x: Tensor): Tensor => largest('globalMaxPool2d', 2, x);

/** Largest value of each channel: x [batch, depth, height, width, channels] to [batch, channels]. */
export const globalMaxPool3d = (x: Tensor): Tensor => largest('globalMaxPool3d', 3, x);

/** {@link globalAvgPool1d} as a layer. */
export class GlobalAvgPool1d extends Module {
  forward(x: Tensor): Tensor {
    return globalAvgPool1d(x);
  }
}

/** {@link globalAvgPool2d} as a layer. */
export class GlobalAvgPool2d extends Module {
  forward(x: Tensor): Tensor {
    return globalAvgPool2d(x);
  }
}

/** {@link globalAvgPool3d} as a layer. */
export class GlobalAvgPool3d extends Module {
  forward(x: Tensor): Tensor {
    return globalAvgPool3d(x);
  }
}

/** {@link globalMaxPool1d} as a layer. */
export class GlobalMaxPool1d extends Module {
  forward(x: Tensor): Tensor {
    return globalMaxPool1d(x);
  }
}

/** {@link globalMaxPool2d} as a layer. */
export class GlobalMaxPool2d extends Module {
  forward(x: Tensor): Tensor {
    return globalMaxPool2d(x);
  }
}

/** {@link globalMaxPool3d} as a layer. */
export class GlobalMaxPool3d extends Module {
  forward(x: Tensor): Tensor {
    return globalMaxPool3d(x);
  }
}
