import {
  fft,
  gridSample,
  interp,
  interpolate,
  polyfit,
  polyval,
  type Tensor,
  tensor,
  unwrap,
} from '../../src/index.ts';
import type { Operation } from './operation.ts';

const parts = ({ re, im }: fft.Complex): Tensor[] => [re, im];

/** A transform of a complex array, given as its parts. */
const onPair = (
  name: string,
  shape: readonly number[],
  call: (x: fft.Complex) => readonly Tensor[],
): Operation => ({
  name: `fft.${name}`,
  operands: [{ shape }, { shape }],
  call: (re, im) => call({ re, im }),
});
const onReal = (
  name: string,
  shape: readonly number[],
  call: (x: Tensor) => readonly Tensor[],
): Operation => ({
  name: `fft.${name}`,
  operands: [{ shape }],
  call,
});

/** Fourier transforms. */
export const fourierOperations: readonly Operation[] = [
  { name: 'fft.fftfreq', operands: [], call: () => fft.fftfreq(5, 0.5) },
  { name: 'fft.rfftfreq', operands: [], call: () => fft.rfftfreq(6) },
  onPair('fft', [2, 6], (x) => parts(fft.fft(x))),
  onReal('fft: of real numbers along the first axis', [6, 2], (x) =>
    parts(fft.fft(x, { axis: 0, norm: 'ortho' })),
  ),
  onReal('fft: of two factors', [72], (x) => parts(fft.fft(x))),
  onReal('fft: of a large prime', [131], (x) => parts(fft.fft(x))),
  onPair('ifft', [2, 5], (x) => parts(fft.ifft(x, { n: 7 }))),
  onReal('rfft', [2, 6], (x) => parts(fft.rfft(x))),
  onPair('irfft', [2, 4], (x) => [fft.irfft(x)]),
  onPair('fft2', [3, 4], (x) => parts(fft.fft2(x))),
  onPair('ifft2', [3, 4], (x) => parts(fft.ifft2(x))),
  onReal('rfft2', [3, 4], (x) => parts(fft.rfft2(x))),
  onPair('irfft2', [3, 3], (x) => [fft.irfft2(x, { s: [3, 5] })]),
  onPair('fftn', [2, 3, 2], (x) => parts(fft.fftn(x))),
  onPair('ifftn', [2, 3, 2], (x) => parts(fft.ifftn(x, { axes: [0, 2] }))),
  onReal('rfftn', [2, 3, 2], (x) => parts(fft.rfftn(x))),
  onPair('irfftn', [2, 3, 2], (x) => [fft.irfftn(x)]),
  onReal('fftshift', [5, 2], (x) => [fft.fftshift(x)]),
  onReal('ifftshift', [5, 2], (x) => [fft.ifftshift(x, 0)]),
  onPair('multiply', [4], (x) => parts(fft.multiply(x, { re: x.im, im: x.re.square() }))),
];

const image = { shape: [1, 3, 4, 2] };
const abscissae = { shape: [4], data: [-2, -0.7, 0.3, 1.9] };

/** Interpolation, and polynomials through points. */
export const interpolationOperations: readonly Operation[] = [
  { name: 'interpolate', operands: [image], call: (x) => interpolate(x, { size: [5, 3] }) },
  {
    name: 'interpolate: bilinear',
    operands: [image],
    call: (x) => interpolate(x, { scaleFactor: 2, mode: 'bilinear' }),
  },
  {
    name: 'interpolate: bicubic',
    operands: [image],
    call: (x) => interpolate(x, { size: [2, 6], mode: 'bicubic', alignCorners: true }),
  },
  {
    name: 'gridSample',
    operands: [image, { shape: [1, 2, 2, 2], data: [-0.31, 0.22, 0.57, -0.8, 0.11, 0.42, -1.3, 0.3] }],
    call: (x, grid) => gridSample(x, grid),
  },
  {
    name: 'interp',
    operands: [{ shape: [3], data: [-1.3, 0.1, 1.2] }, abscissae, { shape: [4] }],
    call: (x, xp, fp) => interp(x, xp, fp),
  },
  { name: 'unwrap', operands: [{ shape: [2, 5] }], call: (x) => unwrap(x.mul(4)) },
  { name: 'polyval', operands: [{ shape: [4] }, { shape: [3] }], call: (p, x) => polyval(p, x) },
  {
    name: 'polyfit',
    operands: [{ shape: [5], values: 'distinct' }, { shape: [5] }],
    call: (x, y) => polyfit(x.add(tensor([-2, -1, 0, 1, 2], { dtype: x.dtype as 'float32' }).mul(3)), y, 2),
    tolerance: 1e-3,
  },
];
