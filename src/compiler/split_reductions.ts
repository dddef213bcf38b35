import { input } from '../graph/build.ts';
import type { Node } from '../graph/node.ts';
import {
  type Affine,
  type Atom,
  type Axis,
  addAffine,
  atomIndex,
  constantIndex,
  newAxis,
  scaleAffine,
} from './affine.ts';
import type { KernelExpr, LoopKernel, Output, Reduction } from './kernel.ts';
import { mapExpr, mergeAxes, visitDynamic, visitIndices } from './lower/merge_axes.ts';
import { vectorAxis } from './lower/vectorize.ts';
import { workOf } from './lower/work.ts';

/**
 * Reductions of much into little, such as the gradient of a bias, the statistics of a batch or the mean of everything: the rows are
 * cut into parts that threads can share, a second kernel combines what the parts gave in a fixed order. Shapes alone decide
 * about the parts, so that results are the same for any number of threads.
 */

/** Simple operations that make a part worth a kernel of its own. */
const partWork = 65536;
const mostParts = 64;
/** Kernels whose outer axes give as many pieces as this are left alone. */
const enoughPieces = 8;
/** Columns that one piece of a kernel covers. */
const pieceColumns = 64;

/**
 * The kernels that do the work of one, in order; the kernel itself where it needs no parts.
 *
 * @param lanes of the machine's vectors
 */
export function splitReductions(source: LoopKernel, lanes: number): readonly LoopKernel[] {
  const kernel = mergeAxes(source);
  const { axes, reduced, reductions } = kernel;
  if (reductions.length === 0 || reductions.some((r) => r.kind === 'argmax' || r.kind === 'argmin'))
    return [source];
  const outer = axes.filter((axis) => !reduced.has(axis.id));
  const vector = vectorAxis(kernel, lanes);
  // Loops are divided along one axis.
  const pieces = Math.max(
    1,
    ...outer.map((axis) => (axis === vector ? Math.ceil(axis.extent / pieceColumns) : axis.extent)),
  );
  if (pieces >= enoughPieces) return [source];
  const most = Math.min(mostParts, Math.floor(workOf(kernel) / partWork));
  const rows = axes.filter((axis) => reduced.has(axis.id));
  const cut = rows.map((axis) => ({ axis, count: largestDivisor(axis.extent, most) }));
  const { axis, count } = cut.find((c) => c.count >= 4) ?? cut[0] ?? { axis: null, count: 1 };
  return axis === null || count < 2 ? [source] : new Split(kernel, axis, count).kernels();
}

/** The largest divisor of n that is at most `most`. */
function largestDivisor(n: number, most: number): number {
  for (let d = Math.min(n, most); d > 1; d--) if (n % d === 0) return d;
  return 1;
}

class Split {
  readonly #kernel: LoopKernel;
  readonly #outer: readonly Axis[];
  /** The axis that is cut, the number of the part and the position in it. */
  readonly #axis: Axis;
  readonly #part: Axis;
  readonly #within: Axis | null;
  /** For every reduction the kernels that must have run before. */
  readonly #stage = new Map<Node, number>();
  readonly #known = new Map<KernelExpr, number>();
  /** Reductions of the kernel under construction; the others are read from memory. */
  #own: ReadonlySet<Node> = new Set();
  #rewritten = new Map<KernelExpr, KernelExpr>();
  #atoms = new Map<Atom, Atom>();

  constructor(kernel: LoopKernel, axis: Axis, count: number) {
    this.#kernel = kernel;
    this.#outer = kernel.axes.filter((a) => !kernel.reduced.has(a.id));
    this.#axis = axis;
    const length = axis.extent / count;
    this.#part = length === 1 ? axis : newAxis(count);
    this.#within = length === 1 ? null : newAxis(length);
    for (const r of kernel.reductions) this.#stage.set(r.node, this.#stageOf(r.value));
  }

  /** How many reductions must have been completed, one after the other, before an expression can be computed. */
  #stageOf(x: KernelExpr): number {
    let stage = this.#known.get(x);
    if (stage === undefined) {
      stage = x.op === 'result' ? this.#stage.get(x.of)! + 1 : 0;
      const after = (operand: KernelExpr): void => {
        stage = Math.max(stage!, this.#stageOf(operand));
      };
      visitIndices(x, (index) => visitDynamic(index, after), after);
      this.#known.set(x, stage);
    }
    return stage;
  }

  kernels(): LoopKernel[] {
    const { outputs, reductions } = this.#kernel;
    const full = outputs.filter((o) => o.level === 'full');
    const stages = Math.max(...reductions.map((r) => this.#stage.get(r.node)! + 1));
    const result: LoopKernel[] = [];
    for (let stage = 0; stage < stages; stage++) {
      const here = reductions.filter((r) => this.#stage.get(r.node) === stage);
      const stores = full.filter((o) => this.#stageOf(o.value) === stage);
      const parts = here.map(({ node, value }) => {
        const shape = [this.#part.extent, ...this.#outer.map((axis) => axis.extent)];
        return input(shape, value.dtype, `parts of ${node.id}`);
      });
      result.push(this.#partial(here, parts, stores));
      result.push(this.#combination(here, parts, stage === stages - 1));
    }
    const late = full.filter((o) => this.#stageOf(o.value) === stages);
    if (late.length > 0) result.push(this.#map(late));
    return result;
  }

  /** Reduces each part, and writes what is known on the way. */
  #partial(reductions: readonly Reduction[], parts: readonly Node[], stores: readonly Output[]): LoopKernel {
    const rows = this.#kernel.axes.flatMap((axis) =>
      axis !== this.#axis ? [axis] : this.#within === null ? [] : [this.#within],
    );
    const reduced = new Set(this.#kernel.reduced);
    reduced.delete(this.#axis.id);
    if (this.#within !== null) reduced.add(this.#within.id);
    const index = flat([this.#part, ...this.#outer]);
    this.#begin([]);
    return {
      ...this.#kernel,
      axes: [this.#part, ...rows],
      reduced,
      reductions: reductions.map((r) => ({
        ...r,
        value: this.#expr(r.value),
        position: this.#affine(r.position),
      })),
      outputs: [
        ...stores.map((o) => this.#output(o)),
        ...reductions.map(
          ({ node, value }, i): Output => ({
            node: parts[i],
            value: { op: 'result', dtype: value.dtype, of: node },
            index,
            level: 'outer',
          }),
        ),
      ],
    };
  }

  /** Combines the parts; the last one writes what the kernel writes once for each outer point. */
  #combination(reductions: readonly Reduction[], parts: readonly Node[], isLast: boolean): LoopKernel {
    const axis = newAxis(this.#part.extent);
    const index = addAffine(
      scaleAffine(
        atomIndex(axis),
        this.#outer.reduce((n, a) => n * a.extent, 1),
      ),
      flat(this.#outer),
    );
    const outer = this.#kernel.outputs.filter((o) => o.level === 'outer');
    this.#begin(reductions);
    const late = isLast ? outer.filter((o) => !isStored(o, this.#kernel)) : [];
    // What later kernels read: reductions of which there is no array, or which would be written too late.
    const needed = reductions.filter(
      (r) => outer.some((o) => o.node === r.node) || this.#isReadLater(r, isLast),
    );
    return {
      ...this.#kernel,
      axes: [...this.#outer, axis],
      reduced: new Set([axis.id]),
      reductions: reductions.map(({ node, kind, value }, i) => ({
        node,
        kind,
        value: { op: 'load', dtype: value.dtype, source: parts[i], index },
        position: atomIndex(axis),
      })),
      outputs: [
        ...needed.map(
          ({ node, value }): Output => ({
            node,
            value: { op: 'result', dtype: value.dtype, of: node },
            index: flat(this.#outer),
            level: 'outer',
          }),
        ),
        ...late.map((o) => ({ ...o, value: this.#expr(o.value) })),
      ],
    };
  }

  /** Whether a kernel after the one that completes a reduction reads it. */
  #isReadLater({ node }: Reduction, isLast: boolean): boolean {
    const { reductions, outputs } = this.#kernel;
    const later = [
      ...reductions.map((r) => r.value),
      ...outputs.filter((o) => o.level === 'full' || !isLast).map((o) => o.value),
    ];
    return later.some((x) => reads(x, node));
  }

  /** What is written for each point once all reductions are known. */
  #map(outputs: readonly Output[]): LoopKernel {
    const axes = this.#kernel.axes.flatMap((axis) => {
      if (axis !== this.#axis || this.#within === null) return [axis];
      return [this.#part, this.#within];
    });
    this.#begin([]);
    return {
      ...this.#kernel,
      axes,
      reduced: new Set(),
      reductions: [],
      outputs: outputs.map((o) => this.#output(o)),
    };
  }

  #output(o: Output): Output {
    return { ...o, value: this.#expr(o.value), index: this.#affine(o.index) };
  }

  #affine(x: Affine): Affine {
    let result: Affine = { offset: x.offset, terms: [] };
    for (const [atom, c] of x.terms) result = addAffine(result, scaleAffine(this.#atom(atom), c));
    return result;
  }

  #atom(atom: Atom): Affine {
    if (atom.kind === 'axis') {
      if (atom.id !== this.#axis.id || this.#within === null) return atomIndex(atom);
      return addAffine(scaleAffine(atomIndex(this.#part), this.#within.extent), atomIndex(this.#within));
    }
    let same = this.#atoms.get(atom);
    if (same === undefined) {
      same =
        atom.kind === 'dynamic'
          ? { ...atom, value: this.#expr(atom.value as KernelExpr) }
          : { ...atom, x: this.#affine(atom.x) };
      this.#atoms.set(atom, same);
    }
    return atomIndex(same);
  }

  #begin(own: readonly Reduction[]): void {
    this.#own = new Set(own.map((r) => r.node));
    this.#rewritten = new Map();
    this.#atoms = new Map();
  }

  /** An expression in terms of the new axes; results of other kernels are read from memory. */
  #expr(x: KernelExpr): KernelExpr {
    let result = this.#rewritten.get(x);
    if (result === undefined) {
      if (x.op !== 'result')
        result = mapExpr(
          x,
          (i) => this.#affine(i),
          (e) => this.#expr(e),
        );
      else if (this.#own.has(x.of)) result = x;
      else result = { op: 'load', dtype: x.dtype, source: x.of, index: flat(this.#outer) };
      this.#rewritten.set(x, result);
    }
    return result;
  }
}

/** Whether an output is the array of a reduction itself. */
const isStored = ({ node }: Output, { reductions }: LoopKernel): boolean =>
  reductions.some((r) => r.node === node);

function reads(x: KernelExpr, node: Node, seen = new Set<KernelExpr>()): boolean {
  if (seen.has(x)) return false;
  seen.add(x);
  let found = x.op === 'result' && x.of === node;
  const visit = (operand: KernelExpr): void => {
    found ||= reads(operand, node, seen);
  };
  visitIndices(x, (index) => visitDynamic(index, visit), visit);
  return found;
}

/** Row-major position. */
const flat = (axes: readonly Axis[]): Affine =>
  axes.reduce((sum, axis) => addAffine(scaleAffine(sum, axis.extent), atomIndex(axis)), constantIndex(0));
