import type { DType, TypedArray } from '../graph/dtype.ts';
import { stridesOf } from '../graph/node.ts';

/** Beyond this many elements, long axes are shown by their first and last entries. */
const most = 1000;
const edge = 3;

/** An array as text, in the manner of NumPy: aligned columns, long axes shortened. */
export function formatArray(data: TypedArray, shape: readonly number[], dtype: DType): string {
  const strides = stridesOf(shape);
  const shorten = data.length > most;
  const indices = (axis: number): (number | null)[] => {
    const all = Array.from({ length: shape[axis] }, (_, i) => i);
    return shorten && shape[axis] > 2 * edge ? [...all.slice(0, edge), null, ...all.slice(-edge)] : all;
  };
  const shown: number[] = [];
  const collect = (axis: number, offset: number) => {
    if (axis === shape.length) shown.push(data[offset]);
    else for (const i of indices(axis)) if (i !== null) collect(axis + 1, offset + i * strides[axis]);
  };
  collect(0, 0);
  const text = formatter(shown, dtype);
  const width = shown.reduce((most, v) => Math.max(most, text(v).length), 0);
  const render = (axis: number, offset: number, indent: string): string => {
    if (axis === shape.length) return text(data[offset]).padStart(width);
    const parts = indices(axis).map((i) =>
      i === null ? '...' : render(axis + 1, offset + i * strides[axis], `${indent} `),
    );
    const blank = '\n'.repeat(Math.max(1, shape.length - axis - 1));
    return `[${parts.join(axis === shape.length - 1 ? ', ' : `,${blank}${indent} `)}]`;
  };
  const suffix = dtype === 'float32' ? '' : `, ${dtype}`;
  return `tensor(${render(0, 0, '       ')}${suffix})`;
}

/** One notation for all shown values: fixed with as many digits as needed, scientific for a wide range. */
function formatter(values: readonly number[], dtype: DType): (value: number) => string {
  if (dtype === 'bool') return (v) => (v ? 'true' : 'false');
  if (dtype === 'int32' || dtype === 'uint32') return String;
  const finite = values.filter((v) => Number.isFinite(v) && v !== 0).map(Math.abs);
  const scientific = finite.some((v) => v >= 1e8 || v < 1e-4);
  if (scientific) return (v) => (Number.isFinite(v) ? v.toExponential(4) : special(v));
  const digits = (v: number) => (Number.parseFloat(v.toFixed(4)).toString().split('.')[1] ?? '').length;
  const places = finite.reduce((most, v) => Math.max(most, digits(v)), 0);
  return (v) => (Number.isFinite(v) ? v.toFixed(places) : special(v));
}

const special = (v: number): string => (Number.isNaN(v) ? 'nan' : v > 0 ? 'inf' : '-inf');
