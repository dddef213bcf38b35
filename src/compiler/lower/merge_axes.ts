import { type Affine, type Atom, type Axis, newAxis } from '../affine.ts';
import type { Condition, KernelExpr, LoopKernel } from '../kernel.ts';

/**
 * Joins neighbouring axes of a loop kernel that every index runs through as one: [128, 784] of contiguous arrays is [100352].
 * Fewer, longer loops.
 *
 * @param roles if given, only axes of one role are joined; joined axes are added with their role
 */
export function mergeAxes(kernel: LoopKernel, roles?: Map<number, string>): LoopKernel {
  let current = kernel;
  for (let i = current.axes.length - 2; i >= 0; i--) {
    const [outer, inner] = [current.axes[i], current.axes[i + 1]];
    if (current.reduced.has(outer.id) !== current.reduced.has(inner.id)) continue;
    if (roles?.get(outer.id) !== roles?.get(inner.id)) continue;
    if (!indicesOf(current).every((x) => runsThrough(x, outer, inner))) continue;
    current = rewrite(current, outer, inner);
    roles?.set(current.axes[i].id, roles.get(outer.id)!);
  }
  return current;
}

/** Visits every index expression of a kernel once. */
function indicesOf(kernel: LoopKernel): Affine[] {
  const found: Affine[] = [];
  const seen = new Set<KernelExpr>();
  const visit = (x: KernelExpr) => {
    if (seen.has(x)) return;
    seen.add(x);
    visitIndices(x, (index) => found.push(index), visit);
  };
  for (const reduction of kernel.reductions) {
    visit(reduction.value);
    found.push(reduction.position);
  }
  for (const output of kernel.outputs) {
    visit(output.value);
    found.push(output.index);
  }
  for (let i = 0; i < found.length; i++) {
    for (const [atom] of found[i].terms) {
      if (atom.kind === 'dynamic') visit(atom.value as KernelExpr);
      else if (atom.kind !== 'axis') found.push(atom.x);
    }
  }
  return found;
}

/** Calls back for the values that an index reads from memory. */
export function visitDynamic(index: Affine, onValue: (value: KernelExpr) => void): void {
  for (const [atom] of index.terms) {
    if (atom.kind === 'dynamic') onValue(atom.value as KernelExpr);
    else if (atom.kind !== 'axis') visitDynamic(atom.x, onValue);
  }
}

/** Calls back for the indices and operands directly in an expression. */
export function visitIndices(
  x: KernelExpr,
  onIndex: (index: Affine) => void,
  onOperand: (operand: KernelExpr) => void,
): void {
  switch (x.op) {
    case 'load':
    case 'index':
      onIndex(x.index);
      break;
    case 'guard':
      for (const condition of x.conditions) onIndex(condition.index);
      onOperand(x.x);
      break;
    case 'unary':
    case 'cast':
    case 'bitcast':
      onOperand(x.x);
      break;
    case 'binary':
    case 'compare':
      onOperand(x.a);
      onOperand(x.b);
      break;
    case 'select':
      onOperand(x.condition);
      onOperand(x.a);
      onOperand(x.b);
      break;
    case 'threefry':
      for (const input of x.inputs) onOperand(input);
      break;
    default:
  }
}

const coefficient = (x: Affine, axis: Axis): number =>
  x.terms.find(([atom]) => atom.id === axis.id)?.[1] ?? 0;

const runsThrough = (x: Affine, outer: Axis, inner: Axis): boolean =>
  coefficient(x, outer) === coefficient(x, inner) * inner.extent;

function rewrite(kernel: LoopKernel, outer: Axis, inner: Axis): LoopKernel {
  const joined = newAxis(outer.extent * inner.extent);
  const atoms = new Map<Atom, Atom>();
  const atom = (a: Atom): Atom => {
    if (a.kind === 'axis') return a.id === inner.id ? joined : a;
    let result = atoms.get(a);
    if (result === undefined) {
      result = a.kind === 'dynamic' ? { ...a, value: expr(a.value as KernelExpr) } : { ...a, x: affine(a.x) };
      atoms.set(a, result);
    }
    return result;
  };
  const affine = (x: Affine): Affine => ({
    offset: x.offset,
    terms: x.terms
      .filter(([a]) => a.id !== outer.id)
      .map(([a, c]) => [atom(a), c] as const)
      .sort((p, q) => p[0].id - q[0].id),
  });
  const known = new Map<KernelExpr, KernelExpr>();
  const expr = (x: KernelExpr): KernelExpr => {
    let result = known.get(x);
    if (result === undefined) known.set(x, (result = mapExpr(x, affine, expr)));
    return result;
  };
  const at = kernel.axes.indexOf(outer);
  const reduced = new Set([...kernel.reduced].filter((id) => id !== outer.id && id !== inner.id));
  if (kernel.reduced.has(outer.id)) reduced.add(joined.id);
  return {
    ...kernel,
    axes: [...kernel.axes.slice(0, at), joined, ...kernel.axes.slice(at + 2)],
    reduced,
    reductions: kernel.reductions.map((r) => ({ ...r, value: expr(r.value), position: affine(r.position) })),
    outputs: kernel.outputs.map((o) => ({ ...o, value: expr(o.value), index: affine(o.index) })),
  };
}

/** The same operation on changed indices and operands. */
export function mapExpr(
  x: KernelExpr,
  affine: (x: Affine) => Affine,
  expr: (x: KernelExpr) => KernelExpr,
): KernelExpr {
  switch (x.op) {
    case 'load':
    case 'index':
      return { ...x, index: affine(x.index) };
    case 'guard':
      return {
        ...x,
        conditions: x.conditions.map((c): Condition => ({ ...c, index: affine(c.index) })),
        x: expr(x.x),
      };
    case 'unary':
    case 'cast':
    case 'bitcast':
      return { ...x, x: expr(x.x) };
    case 'binary':
    case 'compare':
      return { ...x, a: expr(x.a), b: expr(x.b) };
    case 'select':
      return { ...x, condition: expr(x.condition), a: expr(x.a), b: expr(x.b) };
    case 'threefry':
      return { ...x, inputs: x.inputs.map(expr) };
    default:
      return x;
  }
}
