import { isFloat } from '../graph/dtype.ts';
import { lstsq } from './linalg.ts';
import { stack, type Tensor, where } from './tensor.ts';
import { stopGradient } from './transforms.ts';

/** Polynomials as vectors of coefficients, the highest power first (NumPy's order). */

function requireCoefficients(name: string, p: Tensor): void {
  if (p.ndim !== 1)
    throw new Error(
      `${name}: coefficients are a vector, the highest power first, got [${p.shape.join(', ')}]`,
    );
}

/** `p[0] x^(n-1) + .. + p[n-2] x + p[n-1]` for each element of x, by Horner's scheme. */
export function polyval(p: Tensor, x: Tensor): Tensor {
  requireCoefficients('polyval', p);
  let value = x.mul(0);
  for (let i = 0; i < p.shape[0]; i++) value = value.mul(x).add(p.at(i));
  return value;
}

/**
 * The polynomial of a degree with the least squared errors at the points (x, y), by linear least squares on the powers of x, each scaled
 * to length 1: degree + 1 coefficients, the highest power first. y may have a second axis of several data sets.
 *
 * @throws if x is not a vector, y has another length, or there are fewer points than coefficients
 */
export function polyfit(x: Tensor, y: Tensor, degree: number): Tensor {
  if (!Number.isInteger(degree) || degree < 0)
    throw new Error(`polyfit: the degree must be an integer >= 0, got ${degree}`);
  if (x.ndim !== 1 || y.ndim < 1 || y.ndim > 2 || y.shape[0] !== x.shape[0])
    throw new Error(
      `polyfit: x must be a vector and y have as many rows, got [${x.shape.join(', ')}] and [${y.shape.join(', ')}]`,
    );
  if (x.shape[0] <= degree)
    throw new Error(`polyfit: ${x.shape[0]} points do not determine ${degree + 1} coefficients`);
  const [at, values] = [x, y].map((t) => (isFloat(t.dtype) ? t : t.cast('float32')));
  const powers = [at.mul(0).add(1)];
  for (let k = 0; k < degree; k++) powers.unshift(powers[0].mul(at));
  const matrix = stack(powers, 1);
  const lengths = stopGradient(matrix.square().sum(0).sqrt());
  const scale = where(lengths.eq(0), 1, lengths);
  const solution = lstsq(matrix.div(scale), values).solution;
  return solution.div(y.ndim === 2 ? scale.unsqueeze(1) : scale);
}
