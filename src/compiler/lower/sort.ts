import type { Node } from '../../graph/node.ts';
import type { Buffer, Expr, Local, Statement } from '../ir.ts';
import {
  addIndex,
  at,
  binary,
  choose,
  compare,
  constant,
  get,
  i32Constant,
  indexOf,
  load,
  local,
  loop,
  set,
  store,
  typeOf,
} from '../ir_build.ts';
import type { SortKernel } from '../kernel.ts';

const i32 = typeOf('i32');
/**
 * Stable bottom-up merge sort of positions along the last axis. Each round merges runs from one array of positions into the
 * other; `scratch` has as many elements as a row.
 */
export function lowerSort(
  { node, source }: SortKernel,
  bufferOf: (node: Node) => Buffer,
  scratch: Buffer,
): Statement[] {
  const n = node.shape[node.shape.length - 1];
  const rows = node.shape.slice(0, -1).reduce((a, b) => a * b, 1);
  const [values, order] = [bufferOf(source), bufferOf(node)];
  const row = local('row', i32);
  const i = local('i', i32);
  const body: Statement[] = [loop(i, 0, n, 1, [store(order, at(row, i), get(i))])];
  for (let width = 1; width < n; width *= 2) body.push(...mergeRound(values, order, scratch, row, n, width));
  return [loop(row, 0, rows * n, n, body)];
}

/** Merges all pairs of runs of `width` positions, by way of the scratch array. */
function mergeRound(
  values: Buffer,
  order: Buffer,
  scratch: Buffer,
  row: Local,
  n: number,
  width: number,
): Statement[] {
  const [start, middle, end, left, right, k] = ['start', 'middle', 'end', 'left', 'right', 'k'].map((name) =>
    local(name, i32),
  );
  const [a, b] = [local('a', i32), local('b', i32)];
  const upTo = (distance: number) =>
    binary('min', binary('add', get(start), i32Constant(distance)), i32Constant(n));
  const valueAt = (position: Local) => load(values, at(row, position));
  // The left run goes first unless the right one is strictly smaller: equal elements keep their order.
  const takeRight = choose(
    compare('lt', get(right), get(end)),
    choose(
      compare('lt', get(left), get(middle)),
      before(valueAt(b), valueAt(a)),
      constant(typeOf('bool'), 1),
    ),
    constant(typeOf('bool'), 0),
  );
  const last = (limit: Local) => binary('max', binary('sub', get(limit), i32Constant(1)), i32Constant(0));
  const fromRight = local('fromRight', typeOf('bool'));
  const step = (flag: boolean): Expr =>
    choose(get(fromRight), i32Constant(flag ? 1 : 0), i32Constant(flag ? 0 : 1));
  const merge: Statement[] = [
    // Positions past a run's end are read but not used.
    set(a, load(order, addIndex(at(row), indexOf(binary('min', get(left), last(middle)))))),
    set(b, load(order, addIndex(at(row), indexOf(binary('min', get(right), last(end)))))),
    set(fromRight, takeRight),
    store(scratch, at(k), choose(get(fromRight), get(b), get(a))),
    set(left, binary('add', get(left), step(false))),
    set(right, binary('add', get(right), step(true))),
  ];
  const copy = local('i', i32);
  return [
    loop(start, 0, n, 2 * width, [
      set(middle, upTo(width)),
      set(end, upTo(2 * width)),
      set(left, get(start)),
      set(right, get(middle)),
      loop(k, get(start), get(end), 1, merge),
    ]),
    loop(copy, 0, n, 1, [store(order, at(row, copy), load(scratch, at(copy)))]),
  ];
}

/** Whether x sorts strictly before y; NaN last. */
function before(x: Expr, y: Expr): Expr {
  const less = compare('lt', x, y);
  if (x.type.scalar !== 'f32' && x.type.scalar !== 'f64') return less;
  const yIsNaN = compare('ne', y, y);
  return binary('or', less, binary('and', yIsNaN, compare('eq', x, x)));
}
