/**
 * Index arithmetic of kernels: sums of coefficient * atom + offset over integers, where an atom is an axis of the kernel's domain,
 * a quotient or remainder that could not be simplified, or a value read from memory. Ranges are known, which is what makes
 * most quotients and remainders (from reshapes) disappear.
 */
export interface Axis {
  readonly kind: 'axis';
  readonly id: number;
  readonly extent: number;
}

/** floor(x / by) or x mod by, for x >= 0. */
export interface Quotient {
  readonly kind: 'div' | 'mod';
  readonly id: number;
  readonly x: Affine;
  readonly by: number;
  readonly extent: number;
}

/** A value known only at run time, in 0..extent-1 (an index that a gather reads). */
export interface Dynamic {
  readonly kind: 'dynamic';
  readonly id: number;
  readonly extent: number;
  /** The kernel expression that computes it; opaque here. */
  readonly value: unknown;
}

export type Atom = Axis | Quotient | Dynamic;

export interface Affine {
  readonly offset: number;
  /** Sorted by atom id; coefficients are not 0; atoms of extent 1 (always 0) do not occur. */
  readonly terms: readonly (readonly [Atom, number])[];
}

let ids = 0;

export const newAxis = (extent: number): Axis => ({ kind: 'axis', id: ++ids, extent });
export const newDynamic = (extent: number, value: unknown): Dynamic => ({
  kind: 'dynamic',
  id: ++ids,
  extent,
  value,
});

export const constantIndex = (offset: number): Affine => ({ offset, terms: [] });
export const atomIndex = (atom: Atom): Affine =>
  atom.extent === 1 ? constantIndex(0) : { offset: 0, terms: [[atom, 1]] };

export function addAffine(a: Affine, b: Affine): Affine {
  if (b.terms.length === 0) return b.offset === 0 ? a : { offset: a.offset + b.offset, terms: a.terms };
  if (a.terms.length === 0) return a.offset === 0 ? b : { offset: a.offset + b.offset, terms: b.terms };
  const terms: [Atom, number][] = [];
  let i = 0;
  let j = 0;
  while (i < a.terms.length || j < b.terms.length) {
    const x = a.terms[i];
    const y = b.terms[j];
    if (y === undefined || (x !== undefined && x[0].id < y[0].id)) {
      terms.push([x[0], x[1]]);
      i++;
    } else if (x === undefined || y[0].id < x[0].id) {
      terms.push([y[0], y[1]]);
      j++;
    } else {
      if (x[1] + y[1] !== 0) terms.push([x[0], x[1] + y[1]]);
      i++;
      j++;
    }
  }
  return { offset: a.offset + b.offset, terms };
}

export function scaleAffine(a: Affine, factor: number): Affine {
  if (factor === 1) return a;
  if (factor === 0) return constantIndex(0);
  return { offset: a.offset * factor, terms: a.terms.map(([atom, c]) => [atom, c * factor]) };
}

/** Smallest and largest value. */
export function rangeOf(a: Affine): [number, number] {
  let low = a.offset;
  let high = a.offset;
  for (const [atom, c] of a.terms) {
    if (c > 0) high += c * (atom.extent - 1);
    else low += c * (atom.extent - 1);
  }
  return [low, high];
}

export function sameAffine(a: Affine, b: Affine): boolean {
  if (a === b) return true;
  if (a.offset !== b.offset || a.terms.length !== b.terms.length) return false;
  return a.terms.every(([atom, c], i) => b.terms[i][0].id === atom.id && b.terms[i][1] === c);
}

export const affineKey = (a: Affine): string =>
  `${a.offset}:${a.terms.map(([atom, c]) => `${atom.id}*${c}`).join('+')}`;

const quotientPool = new Map<string, Quotient>();

function quotient(kind: 'div' | 'mod', x: Affine, by: number): Affine {
  const key = `${kind}${by}|${affineKey(x)}`;
  let atom = quotientPool.get(key);
  if (atom === undefined) {
    const extent = kind === 'mod' ? by : Math.floor(rangeOf(x)[1] / by) + 1;
    atom = { kind, id: ++ids, x, by, extent };
    quotientPool.set(key, atom);
  }
  return atomIndex(atom);
}

/** Forgets the quotients of a finished compilation (their axes never occur again). */
export const forgetQuotients = (): void => quotientPool.clear();

/** Terms whose coefficients divide by `by`, and the rest. */
function separate(x: Affine, by: number): [Affine, Affine] {
  const whole: [Atom, number][] = [];
  const rest: [Atom, number][] = [];
  for (const [atom, c] of x.terms) (c % by === 0 ? whole : rest).push([atom, c]);
  const offset = Math.floor(x.offset / by) * by;
  return [
    { offset, terms: whole },
    { offset: x.offset - offset, terms: rest },
  ];
}

/** floor(x / by) for a positive constant; x may not be negative. */
export function divAffine(x: Affine, by: number): Affine {
  if (by === 1) return x;
  const [whole, rest] = separate(x, by);
  const [low, high] = rangeOf(rest);
  const quotientOfWhole: Affine = {
    offset: whole.offset / by,
    terms: whole.terms.map(([atom, c]) => [atom, c / by]),
  };
  if (low >= 0 && high < by) return quotientOfWhole;
  if (low >= 0) return addAffine(quotientOfWhole, quotientOf(rest, by));
  return quotient('div', x, by);
}

/** floor(x / by), where the quotient of a quotient is one quotient. */
function quotientOf(x: Affine, by: number): Affine {
  const [[atom, c] = [null, 0], ...more] = x.terms;
  const isQuotient = atom?.kind === 'div' && c === 1 && x.offset === 0 && more.length === 0;
  if (isQuotient) return divAffine(atom.x, atom.by * by);
  const split = splitDigit(x, by);
  return split === null ? quotient('div', x, by) : divAffine(split.high, by / split.base);
}

/**
 * x as `base * high + low` with 0 <= low < base for a divisor `base` of `by`, or null: the lower digit of a position in rows of `base`
 * elements does not matter to a quotient by whole rows, and is no part of the remainder's computation.
 */
function splitDigit(x: Affine, by: number): { base: number; high: Affine; low: Affine } | null {
  for (const [, c] of x.terms) {
    const base = greatestCommonDivisor(Math.abs(c), by);
    if (base === 1) continue;
    const [whole, low] = separate(x, base);
    const [least, most] = rangeOf(low);
    if (least < 0 || most >= base) continue;
    const high = { offset: whole.offset / base, terms: whole.terms.map(([a, f]) => [a, f / base] as const) };
    return { base, high, low };
  }
  return null;
}

const greatestCommonDivisor = (a: number, b: number): number =>
  b === 0 ? a : greatestCommonDivisor(b, a % b);

/** x mod by for a positive constant; x may not be negative. */
export function modAffine(x: Affine, by: number): Affine {
  if (by === 1) return constantIndex(0);
  const [, rest] = separate(x, by);
  const [low, high] = rangeOf(rest);
  if (low < 0) return quotient('mod', x, by);
  if (high < by) return rest;
  const split = splitDigit(rest, by);
  if (split === null) return quotient('mod', rest, by);
  return addAffine(scaleAffine(modAffine(split.high, by / split.base), split.base), split.low);
}

/** Replaces axes by other index expressions. */
export function substituteAffine(x: Affine, replacement: ReadonlyMap<number, Affine>): Affine {
  if (!x.terms.some(([atom]) => atom.kind !== 'axis' || replacement.has(atom.id))) return x;
  let result = constantIndex(x.offset);
  for (const [atom, c] of x.terms) {
    let value: Affine;
    if (atom.kind === 'axis') value = replacement.get(atom.id) ?? atomIndex(atom);
    else if (atom.kind === 'dynamic') value = atomIndex(atom);
    else
      value = (atom.kind === 'div' ? divAffine : modAffine)(substituteAffine(atom.x, replacement), atom.by);
    result = addAffine(result, scaleAffine(value, c));
  }
  return result;
}

/** Row-major position of coordinates in an array of `shape`. */
export function flattenIndex(coordinates: readonly Affine[], shape: readonly number[]): Affine {
  let flat = constantIndex(0);
  let stride = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    flat = addAffine(flat, scaleAffine(coordinates[i], stride));
    stride *= shape[i];
  }
  return rejoin(flat);
}

/** The same index with fewer terms: `by * floor(x / by) + x mod by` is x again. Coordinates of a reshaped array are made of such parts. */
function rejoin(index: Affine): Affine {
  for (const [atom, c] of index.terms) {
    if (atom.kind !== 'mod') continue;
    const parts = addAffine(
      scaleAffine(atomIndex(atom), -c),
      scaleAffine(divAffine(atom.x, atom.by), -c * atom.by),
    );
    const joined = addAffine(index, addAffine(parts, scaleAffine(atom.x, c)));
    if (joined.terms.length < index.terms.length) return rejoin(joined);
  }
  return index;
}

/** Coordinates of a row-major position. */
export function unflattenIndex(flat: Affine, shape: readonly number[]): Affine[] {
  const coordinates = new Array<Affine>(shape.length);
  let stride = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    const quotient = divAffine(flat, stride);
    // The first axis needs no remainder: the position is inside of the array.
    const outermost = shape.slice(0, i).every((n) => n === 1);
    coordinates[i] = outermost
      ? shape[i] === 1
        ? constantIndex(0)
        : quotient
      : modAffine(quotient, shape[i]);
    stride *= shape[i];
  }
  return coordinates;
}
