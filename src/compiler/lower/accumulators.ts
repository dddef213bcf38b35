import type { Expr, Local, Scalar, Statement } from '../ir.ts';
import { binary, compare, constant, fold, get, local, select, set, splat, typeOf } from '../ir_build.ts';
import type { Reduction } from '../kernel.ts';
import { scalarOf } from './emit.ts';

/** Reductions in registers: where they start, how terms are combined, and the result of several lanes. */

/** Registers in which a reduction accumulates; several for unrolled loops. */
export interface Accumulator {
  readonly reduction: Reduction;
  readonly values: Local[];
  /** Winning positions, for argmax and argmin. */
  readonly positions: Local[];
}

/** New registers for a reduction. */
export function accumulatorOf(reduction: Reduction, count: number, lanes: number): Accumulator {
  const type = typeOf(scalarOf[reduction.value.dtype], lanes);
  const values = Array.from({ length: count }, () => local('sum', type));
  const positions = isArg(reduction.kind) ? values.map(() => local('winner', typeOf('i32', lanes))) : [];
  return { reduction, values, positions };
}

/** Sets the registers to the values of no terms. */
export const startOf = ({ reduction, values, positions }: Accumulator): Statement[] => [
  ...values.map((v) => set(v, constant(v.type, identityOf(reduction.kind, v.type.scalar)))),
  ...positions.map((p) => set(p, constant(p.type, 0))),
];

/** The result of a reduction whose terms are in lanes, and in a scalar accumulator where there was a rest. */
export function joinLanes(
  statements: Statement[],
  { reduction, values, positions }: Accumulator,
  rest: Accumulator | null,
): Expr {
  const { kind } = reduction;
  const keep = (name: string, value: Expr): Expr => {
    const register = local(name, value.type);
    statements.push(set(register, value));
    return get(register);
  };
  const joined = (list: readonly Expr[], join: (a: Expr, b: Expr) => Expr): Expr => {
    // In pairs, then pairs of pairs: the chain of operations is short.
    let level = [...list];
    while (level.length > 1) {
      const next: Expr[] = [];
      for (let i = 0; i < level.length; i += 2)
        next.push(i + 1 < level.length ? join(level[i], level[i + 1]) : level[i]);
      level = next;
    }
    return level[0];
  };
  if (!isArg(kind)) {
    const lanes = joined(values.map(get), (a, b) => combine(kind, a, b));
    const sum = fold(foldKinds[kind as keyof typeof foldKinds], lanes);
    const total = rest === null ? sum : combine(kind, sum, get(rest.values[0]));
    return keep('total', total);
  }
  // The extreme of all lanes, then the first position among the lanes that have it; NaN is the extreme where there is one.
  const extreme = kind === 'argmax' ? 'max' : 'min';
  const lanes = joined(values.map(get), (a, b) => binary(extreme, a, b));
  const best = keep(
    'best',
    rest === null ? fold(extreme, lanes) : binary(extreme, fold(extreme, lanes), get(rest.values[0])),
  );
  const candidate = (value: Local, position: Local): Expr => {
    const { type } = value;
    const all = splat(best, type.lanes);
    const same = compare('eq', get(value), all);
    const isFloat = type.scalar === 'f32';
    const bothNaN = () => binary('and', compare('ne', get(value), get(value)), compare('ne', all, all));
    const has = isFloat ? binary('or', same, bothNaN()) : same;
    return select(has, get(position), constant(position.type, 2 ** 31 - 1));
  };
  const places = values.map((value, i) => candidate(value, positions[i]));
  const first = fold(
    'min',
    joined(places, (a, b) => binary('min', a, b)),
  );
  const total = rest === null ? first : binary('min', first, candidate(rest.values[0], rest.positions[0]));
  return keep('place', total);
}

/** Whether a reduction sums the products of a contraction, which may be rounded once or twice. */
export const isProduct = ({ node, kind, value }: Reduction): boolean =>
  kind === 'sum' &&
  node.op === 'contract' &&
  value.dtype === 'float32' &&
  value.op === 'binary' &&
  value.kind === 'mul';

/** Whether a reduction gives a position. */
export const isArg = (kind: Reduction['kind']): boolean => kind === 'argmax' || kind === 'argmin';
/** Whether a reduction's terms are rounded. */
export const isFloating = (r: Reduction): boolean =>
  r.value.dtype === 'float32' || r.value.dtype === 'float64';

const foldKinds = { sum: 'add', prod: 'mul', max: 'max', min: 'min', and: 'and', or: 'or' } as const;

/** Two values of a reduction as one. */
export const combine = (kind: Reduction['kind'], a: Expr, b: Expr): Expr =>
  binary(foldKinds[kind as keyof typeof foldKinds], a, b);

/** Where a reduction starts. For argmax the first element always wins against it or equals it. */
export function identityOf(kind: Reduction['kind'], scalar: Scalar): number {
  switch (kind) {
    case 'sum':
    case 'or':
      return 0;
    case 'prod':
    case 'and':
      return 1;
    case 'max':
    case 'argmax':
      return scalar === 'i32' ? -(2 ** 31) : scalar === 'u32' ? 0 : Number.NEGATIVE_INFINITY;
    case 'min':
    case 'argmin':
      return scalar === 'i32' ? 2 ** 31 - 1 : scalar === 'u32' ? 2 ** 32 - 1 : Number.POSITIVE_INFINITY;
  }
}

/** Whether x replaces the extreme so far: greater (less), or the first NaN. */
export function beats(greater: boolean, x: Expr, extreme: Expr): Expr {
  const better = greater ? compare('lt', extreme, x) : compare('lt', x, extreme);
  if (x.type.scalar !== 'f32' && x.type.scalar !== 'f64') return better;
  const firstNaN = binary('and', compare('ne', x, x), compare('eq', extreme, extreme));
  return binary('or', better, firstNaN);
}
