import { add, constant, gather, iota, mul, reshape } from './build.ts';
import { type Node, sizeOf, stridesOf } from './node.ts';

/**
 * `out[.., j, ..] = x[.., positions[.., j, ..], ..]`: elements of x at int32 positions along an axis, others for each place of the other
 * axes. `positions` has the extents of x but along the axis.
 */
export function takeAlong(x: Node, positions: Node, axis: number): Node {
  const { shape } = positions;
  const strides = stridesOf(x.shape);
  const stride = (i: number) => constant(strides[i], shape, 'int32');
  let place = mul(positions, stride(axis));
  shape.forEach((extent, i) => {
    if (i !== axis && extent !== 1) place = add(place, mul(iota(i, shape), stride(i)));
  });
  return gather(reshape(x, [sizeOf(x.shape)]), place, 0);
}
