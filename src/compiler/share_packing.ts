import { input } from '../graph/build.ts';
import type { Node } from '../graph/node.ts';
import type { Affine, Axis } from './affine.ts';
import type { Kernel, KernelExpr, PackKernel } from './kernel.ts';
import { visitIndices } from './lower/merge_axes.ts';
import { packedElements } from './lower/pack_kernel.ts';
import { roundUp, type TilePlan } from './lower/tile_plan.ts';
import type { Target } from './target.ts';

/** Which products have their columns packed beforehand, in a kernel of its own. */

/** Rows of a chunk from which on it may as well pack for itself. */
const manyRows = 1024;

export interface Shared {
  readonly kernels: readonly Kernel[];
  /** For each kernel how its tiles are, or null. */
  readonly plans: readonly (TilePlan | null)[];
}

/**
 * @param chunksOfRows into how many chunks the rows of a product are divided
 */
export function sharePacking(
  kernels: readonly Kernel[],
  plans: readonly (TilePlan | null)[],
  target: Target,
  chunksOfRows: (plan: TilePlan) => number,
): Shared {
  const users = new Map<string, number[]>();
  plans.forEach((plan, i) => {
    if (plan === null || plan.columnAccess !== 'packed' || plan.kernel.batch.length > 0) return;
    const key = packingKey(plan);
    users.set(key, [...(users.get(key) ?? []), i]);
  });
  const given = new Map<number, Node>();
  const packs = new Map<number, { kernel: PackKernel; plan: TilePlan }>();
  for (const list of users.values()) {
    const plan = plans[list[0]]!;
    const chunks = chunksOfRows(plan);
    if (list.length < 2 && (chunks < 2 || plan.rows / chunks >= manyRows)) continue;
    const node = input([packedElements(plan, target)], 'float32');
    const kernel: PackKernel = { kind: 'pack', name: 'pack', node, operand: plan.kernel.b };
    packs.set(list[0], { kernel, plan });
    for (const i of list) given.set(i, node);
  }
  const result: { kernels: Kernel[]; plans: (TilePlan | null)[] } = { kernels: [], plans: [] };
  kernels.forEach((kernel, i) => {
    const pack = packs.get(i);
    if (pack !== undefined) {
      result.kernels.push(pack.kernel);
      result.plans.push(pack.plan);
    }
    const packed = given.get(i);
    const plan = plans[i];
    if (packed === undefined || plan === null || kernel.kind !== 'contract') {
      result.kernels.push(kernel);
      result.plans.push(plan);
      return;
    }
    const width = plan.tileVectors * target.lanes;
    result.kernels.push({ ...kernel, packed });
    result.plans.push({
      ...plan,
      kernel: { ...plan.kernel, packed },
      columnAccess: 'given',
      columnBlock: roundUp(plan.columns, width),
    });
  });
  return result;
}

/** Equal for products whose packed columns are the same bytes. */
function packingKey({ kernel, tileVectors, chunk, sumOuter, sumInner, sumCut }: TilePlan): string {
  const names = new Map<number, string>();
  const name = (role: string, axes: readonly Axis[]) => {
    axes.forEach((axis, i) => {
      names.set(axis.id, `${role}${i}:${axis.extent}`);
    });
  };
  name('n', kernel.n);
  name('k', kernel.k);
  const layout = `${tileVectors} ${chunk} ${sumOuter.length} ${sumCut === null} ${sumInner.length}`;
  const extents = [...kernel.n, ...kernel.k].map((axis) => axis.extent);
  return `${layout} ${extents} ${exprKey(kernel.b, names)}`;
}

function exprKey(root: KernelExpr, names: ReadonlyMap<number, string>): string {
  const numbers = new Map<KernelExpr, number>();
  const lines: string[] = [];
  const affine = (x: Affine): string =>
    `${x.offset}${x.terms
      .map(([atom, c]) => {
        const text =
          atom.kind === 'axis'
            ? (names.get(atom.id) ?? `?${atom.id}`)
            : atom.kind === 'dynamic'
              ? `#${visit(atom.value as KernelExpr)}`
              : `${atom.kind}${atom.by}(${affine(atom.x)})`;
        return `+${c}*${text}`;
      })
      .sort()
      .join('')}`;
  const visit = (x: KernelExpr): number => {
    const known = numbers.get(x);
    if (known !== undefined) return known;
    const parts: string[] = [];
    visitIndices(
      x,
      (index) => parts.push(affine(index)),
      (operand) => parts.push(`#${visit(operand)}`),
    );
    const own = Object.entries(x).map(([key, value]) => {
      if (key === 'source' || key === 'of') return `${key}=${(value as Node).id}`;
      if (key === 'conditions')
        return (value as readonly { kind: string; extent?: number; divisor?: number }[])
          .map((c) => `${c.kind}${c.extent ?? c.divisor}`)
          .join();
      return typeof value === 'object' ? '' : `${key}=${value}`;
    });
    lines.push(`${own.join()}(${parts.join()})`);
    numbers.set(x, lines.length - 1);
    return lines.length - 1;
  };
  visit(root);
  return lines.join(';');
}
