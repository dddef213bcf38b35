import { isFloat } from '../graph/dtype.ts';
import { arange } from './create.ts';
import { type Tensor, where } from './tensor.ts';

/** Images read at positions that are arrays themselves. */

export interface GridSampleOptions {
  /** Default `bilinear`. */
  mode?: 'bilinear' | 'nearest';
  /** What lies outside of the image: zeros (default), the nearest border element, or the image mirrored at its borders. */
  paddingMode?: 'zeros' | 'border' | 'reflection';
  /** Whether -1 and 1 are the centres of the corner elements; else their outer edges. Default false. */
  alignCorners?: boolean;
}

/**
 * The elements of images x [batch, height, width, channels] at the positions grid [batch, height', width', 2], as PyTorch's grid_sample
 * (channels last here): a position is (x, y), from -1 (left, top) to 1 (right, bottom). Result [batch, height', width', channels].
 * Differentiates by the image and, if bilinear, by the grid.
 *
 * @throws if shapes do not fit, or an option is unknown
 */
export function gridSample(x: Tensor, grid: Tensor, options: GridSampleOptions = {}): Tensor {
  const { mode = 'bilinear', paddingMode = 'zeros', alignCorners = false } = options;
  const shapes = `images [${x.shape.join(', ')}] and a grid [${grid.shape.join(', ')}]`;
  if (x.ndim !== 4 || grid.ndim !== 4 || grid.shape[3] !== 2 || grid.shape[0] !== x.shape[0])
    throw new Error(
      `gridSample: needs [batch, height, width, channels] and [batch, height', width', 2], got ${shapes}`,
    );
  if (!['bilinear', 'nearest'].includes(mode))
    throw new Error(`gridSample: mode must be 'bilinear' or 'nearest', got '${String(mode)}'`);
  if (!['zeros', 'border', 'reflection'].includes(paddingMode))
    throw new Error(
      `gridSample: paddingMode must be 'zeros', 'border' or 'reflection', got '${String(paddingMode)}'`,
    );
  const [batch, height, width, channels] = x.shape;
  if (height === 0 || width === 0) throw new Error(`gridSample: the images are empty: ${shapes}`);
  const images = isFloat(x.dtype) ? x : x.cast('float32');
  const flat = images.reshape([batch * height * width, channels]);
  const [column, row] = [width, height].map((n, i) =>
    inside(placed(grid.at(i, -1), n, alignCorners), n, paddingMode, alignCorners),
  );
  const first = arange(batch)
    .mul(height * width)
    .reshape([batch, 1, 1]);
  const pick = (at: Tensor, left: Tensor): Tensor => {
    const exists = at.ge(0).logicalAnd(at.lt(height)).logicalAnd(left.ge(0)).logicalAnd(left.lt(width));
    const [i, j] = [at.clip(0, height - 1), left.clip(0, width - 1)].map((t) => t.cast('int32'));
    const values = flat.take(first.add(i.mul(width)).add(j));
    return where(exists.unsqueeze(-1), values, 0);
  };
  if (mode === 'nearest') return pick(row.round(), column.round());
  const [top, left] = [row.floor(), column.floor()];
  const [down, right] = [row.sub(top), column.sub(left)];
  const weighted = (y: 0 | 1, z: 0 | 1): Tensor => {
    const vertical = y === 1 ? down : down.neg().add(1);
    const horizontal = z === 1 ? right : right.neg().add(1);
    return pick(top.add(y), left.add(z)).mul(vertical.mul(horizontal).unsqueeze(-1));
  };
  return weighted(0, 0).add(weighted(0, 1)).add(weighted(1, 0)).add(weighted(1, 1));
}

/** -1 to 1 as positions of elements. */
const placed = (t: Tensor, n: number, corners: boolean): Tensor =>
  corners
    ? t.add(1).mul((n - 1) / 2)
    : t
        .add(1)
        .mul(n / 2)
        .sub(0.5);

function inside(t: Tensor, n: number, padding: GridSampleOptions['paddingMode'], corners: boolean): Tensor {
  if (padding === 'zeros') return t;
  if (padding === 'border') return t.clip(0, n - 1);
  // Back and forth over the image: between the centres of its outer elements, or between its edges.
  const [low, span] = corners ? [0, n - 1] : [-0.5, n];
  if (span === 0) return t.mul(0);
  const distance = t.sub(low).abs();
  const turns = distance.div(span).floor();
  const extra = distance.sub(turns.mul(span));
  const isBack = turns.mod(2).eq(1);
  return where(isBack, extra.neg().add(span), extra)
    .add(low)
    .clip(0, n - 1);
}
