import type { Node } from '../../graph/node.ts';
import type { Axis } from '../affine.ts';
import type { Buffer, Expr, Statement } from '../ir.ts';
import {
  at,
  binary,
  compare,
  constant,
  get,
  i32Constant,
  ifThen,
  index,
  indexValue,
  laneIndices,
  local,
  loop,
  multiplyAdd,
  select,
  set,
  splat,
  typeOf,
} from '../ir_build.ts';
import type { KernelExpr, LoopKernel, Output, Reduction } from '../kernel.ts';
import type { Target } from '../target.ts';
import {
  type Accumulator,
  accumulatorOf,
  beats,
  combine,
  identityOf,
  isArg,
  isFloating,
  isProduct,
  joinLanes,
  startOf,
} from './accumulators.ts';
import { type Chunks, chunksOf, type KernelBody } from './chunks.ts';
import { Emitter } from './emit.ts';
import { interiorsOf } from './interiors.ts';
import { mergeAxes, visitDynamic, visitIndices } from './merge_axes.ts';
import { lowerTurned } from './turn.ts';
import { allowsPartial, coefficientOf, vectorAxis } from './vectorize.ts';
import { workOf } from './work.ts';

/** Loop kernels as loop IR: which loops, in which order, and how wide. */

/** Sums of more terms than this are made of partial sums, each of at most as many. */
const longestPartialSum = 1024;

/** Vectors that one round of an unrolled loop covers. */
const unrolling = 4;

/** Rows of so few elements (times the vectors that are under way at once) are written out, without loops. */
const mostWrittenOut = 128;

/** Axes of at least as many elements are divided among threads, rather than a longer one inside of them. */
const enoughToShare = 8;

/** Rows of at most as many vectors stay in registers from pass to pass. */
const shortRow = 8;

export function lowerLoops(source: LoopKernel, bufferOf: (node: Node) => Buffer, target: Target): KernelBody {
  const kernel = mergeAxes(source);
  const turned = lowerTurned(kernel, bufferOf, target);
  if (turned !== null) return turned;
  const body: Statement[] = [];
  const emitter = new Emitter(bufferOf, body);
  const chunks = new LoopNest(kernel, emitter, bufferOf, target).build();
  return chunks === null ? { body } : { body, chunks };
}

class LoopNest {
  readonly #kernel: LoopKernel;
  readonly #emitter: Emitter;
  readonly #bufferOf: (node: Node) => Buffer;
  readonly #vector: Axis | null;
  readonly #lanes: number;
  /** Whether what is left of the vector axis behind the last whole vector can be done in a part of one. */
  readonly #allowsPartial: boolean;
  readonly #chunkWork: number;
  readonly #row: readonly Axis[];
  /** Vectors in a row that is short enough to stay in registers; 0 if rows are not. */
  readonly #short: number;
  /** Of axes that conditions are about: where those hold, from the first position to the end. */
  readonly #interiors: ReadonlyMap<number, readonly [number, number]>;
  readonly #fma: boolean;
  /** For every reduction the pass that computes it. */
  readonly #pass = new Map<Node, number>();
  readonly #passes: number;

  constructor(kernel: LoopKernel, emitter: Emitter, bufferOf: (node: Node) => Buffer, target: Target) {
    this.#kernel = kernel;
    this.#emitter = emitter;
    this.#bufferOf = bufferOf;
    this.#vector = vectorAxis(kernel, target.lanes);
    this.#lanes = target.lanes;
    this.#allowsPartial = allowsPartial(kernel);
    this.#chunkWork = target.chunkWork;
    this.#row = kernel.axes.filter((axis) => kernel.reduced.has(axis.id));
    this.#short = this.#vectorsOfShortRow();
    this.#interiors = interiorsOf(kernel);
    this.#fma = target.fma;
    const known = new Map<KernelExpr, number>();
    for (const reduction of kernel.reductions)
      this.#pass.set(reduction.node, this.#passesBefore(reduction.value, known));
    const stores = kernel.outputs
      .filter((o) => o.level === 'full')
      .map((o) => this.#passesBefore(o.value, known));
    this.#passes = Math.max(-1, ...this.#pass.values(), ...stores) + 1;
  }

  #vectorsOfShortRow(): number {
    const [axis, ...others] = this.#row;
    if (axis === undefined || others.length > 0 || axis !== this.#vector) return 0;
    const vectors = Math.ceil(axis.extent / this.#lanes);
    if (axis.extent % this.#lanes > 0 && !this.#allowsPartial) return 0;
    return vectors <= shortRow ? vectors : 0;
  }

  /** How many passes must have ended before an expression can be computed. */
  #passesBefore(x: KernelExpr, known: Map<KernelExpr, number>): number {
    let passes = known.get(x);
    if (passes === undefined) {
      passes = x.op === 'result' ? this.#pass.get(x.of)! + 1 : 0;
      const after = (operand: KernelExpr) => {
        passes = Math.max(passes!, this.#passesBefore(operand, known));
      };
      visitIndices(x, (index) => visitDynamic(index, after), after);
      known.set(x, passes);
    }
    return passes;
  }

  /** Builds the loops; returns the chunks, if the outermost loop was divided. */
  build(): Chunks | null {
    const outer = this.#kernel.axes.filter((axis) => !this.#kernel.reduced.has(axis.id));
    const vector = this.#vector !== null && !this.#kernel.reduced.has(this.#vector.id) ? this.#vector : null;
    // The vector axis goes innermost among the outer axes.
    const order = vector === null ? outer : [...outer.filter((axis) => axis !== vector), vector];
    if (order.length === 0 || order[0] === vector) return this.#along(order, vector, true);
    // Threads share the outermost axis that is long enough for it.
    const divisible = order.filter((axis) => axis !== vector);
    const first =
      divisible.find((axis) => axis.extent >= enoughToShare) ??
      divisible.reduce((longest, axis) => (axis.extent > longest.extent ? axis : longest));
    const rest = order.filter((axis) => axis !== first);
    const chunks = chunksOf(first.extent, 1, workOf(this.#kernel), this.#chunkWork);
    this.#pieces(first, chunks?.begin ?? 0, chunks?.end ?? first.extent, () =>
      this.#along(rest, vector, false),
    );
    return chunks;
  }

  /** Loops over the axes, the vector axis last. If that is all there is, it may be divided into chunks. */
  #along(axes: readonly Axis[], vector: Axis | null, isOutermost: boolean): Chunks | null {
    const [axis, ...rest] = axes;
    if (axis === undefined) {
      this.#point();
      return null;
    }
    if (axis !== vector) {
      this.#pieces(axis, 0, axis.extent, () => this.#along(rest, vector, false));
      return null;
    }
    // Reductions of columns gain from several columns a pass over the rows; maps are limited by memory anyway.
    const wide = this.#kernel.reductions.length > 0 ? unrolling : 1;
    const steps = (wide > 1 ? [wide, 1] : [1]).map((parts) => parts * this.#lanes);
    const whole = Math.floor(axis.extent / steps[0]) * steps[0];
    const chunks = isOutermost ? chunksOf(whole, steps[0], workOf(this.#kernel), this.#chunkWork) : null;
    let from = 0;
    const rests = this.#emitter.inside([], () => {
      for (const step of steps) {
        const end = from + Math.floor((axis.extent - from) / step) * step;
        if (end === from) continue;
        if (from === 0 && chunks !== null) from = end;
        else {
          this.#vectors(axis, from, end, step);
          from = end;
        }
      }
      const left = axis.extent - from;
      if (left > 1 && this.#allowsPartial) {
        this.#emitter.vectorize({ id: axis.id, lanes: this.#lanes, count: left });
        this.#loop(axis, from, axis.extent, left, () => this.#point());
        this.#emitter.vectorize(null);
      } else if (left > 0) this.#loop(axis, from, axis.extent, 1, () => this.#point());
    });
    if (chunks === null) this.#emitter.statements.push(...rests);
    else {
      this.#vectors(axis, chunks.begin, chunks.end, steps[0]);
      // What is left over at the end goes with the last chunk.
      const isLast = compare('eq', get(chunks.variable), i32Constant(chunks.count - 1));
      if (rests.length > 0) this.#emitter.statements.push(ifThen(isLast, rests));
    }
    return chunks;
  }

  #vectors(axis: Axis, begin: number | Expr, end: number | Expr, step: number): void {
    this.#emitter.vectorize({ id: axis.id, lanes: this.#lanes });
    this.#loop(axis, begin, end, step, () => this.#point(step / this.#lanes));
    this.#emitter.vectorize(null);
  }

  /** Loops over the borders of an axis and over its interior, where conditions of the kernel need no test. */
  #pieces(axis: Axis, begin: number | Expr, end: number | Expr, body: () => void): void {
    const interior = this.#interiors.get(axis.id);
    if (interior === undefined) {
      this.#loop(axis, begin, end, 1, body);
      return;
    }
    const [low, high] = interior;
    const clip = (kind: 'min' | 'max', bound: number, by: number | Expr): number | Expr =>
      typeof by === 'number'
        ? kind === 'min'
          ? Math.min(bound, by)
          : Math.max(bound, by)
        : binary(kind, by, i32Constant(bound));
    for (const [first, last] of [
      [0, low],
      [low, high],
      [high, axis.extent],
    ]) {
      if (first === last) continue;
      const from = first === 0 ? begin : clip('max', first, begin);
      const to = last === axis.extent ? end : clip('min', last, end);
      this.#loop(axis, from, to, 1, body, [first, last - 1]);
    }
  }

  /** A loop over one axis; its statements go where the emitter stands. */
  #loop(
    axis: Axis,
    begin: number | Expr,
    end: number | Expr,
    step: number,
    content: () => void,
    range?: readonly [number, number],
  ): void {
    const variable = local(`i${axis.id}`, typeOf('i32'));
    const single = typeof begin === 'number' && typeof end === 'number' && end - begin === step;
    const position = single ? index(begin) : at(variable);
    const body = () => {
      if (range === undefined) content();
      else this.#emitter.within(axis.id, range[0], range[1], content);
    };
    const statements = this.#emitter.inside([[axis.id, position]], body);
    if (single) this.#emitter.statements.push(...statements);
    else this.#emitter.statements.push(loop(variable, begin, end, step, statements));
  }

  /** All that happens at one point of the outer axes (or at several, along the vector axis). */
  #point(parts = 1): void {
    if (this.#short > 0) {
      this.#pointOfShortRow(this.#vector!, this.#short);
      return;
    }
    const columns = this.#emitter.isVector;
    for (let pass = 0; pass < this.#passes; pass++) {
      const reductions = this.#kernel.reductions.filter((r) => this.#pass.get(r.node) === pass);
      const known = new Map<KernelExpr, number>();
      const stores = this.#kernel.outputs.filter(
        (o) => o.level === 'full' && this.#passesBefore(o.value, known) === pass,
      );
      if (this.#vector !== null && this.#kernel.reduced.has(this.#vector.id))
        this.#rowPass(reductions, stores, this.#vector);
      else this.#columnPass(reductions, stores, parts, columns);
    }
    this.#write(
      this.#kernel.outputs.filter((o) => o.level === 'outer'),
      parts,
      columns,
    );
    for (const { node } of this.#kernel.reductions) this.#emitter.forget(node);
  }

  /** All passes over a row of a few vectors, whose values are computed once and stay in registers. */
  #pointOfShortRow(vector: Axis, parts: number): void {
    const emitter = this.#emitter;
    const rest = vector.extent % this.#lanes;
    const statements = emitter.inside([[vector.id, index(0)]], () => {
      for (let pass = 0; pass < this.#passes; pass++) {
        const reductions = this.#kernel.reductions.filter((r) => this.#pass.get(r.node) === pass);
        const known = new Map<KernelExpr, number>();
        const stores = this.#kernel.outputs.filter(
          (o) => o.level === 'full' && this.#passesBefore(o.value, known) === pass,
        );
        emitter.vectorize({
          id: vector.id,
          lanes: this.#lanes,
          ...(rest > 0 ? { count: rest, last: parts - 1 } : {}),
        });
        const accumulators = reductions.map((r) => accumulatorOf(r, parts, this.#lanes));
        for (const a of accumulators) {
          if (isArg(a.reduction.kind)) emitter.statements.push(...startOf(a));
          for (let part = 0; part < parts; part++) this.#accumulate(a, part, true, true);
        }
        this.#write(stores, parts, true);
        emitter.vectorize(null);
        for (const a of accumulators)
          emitter.define(a.reduction.node, [joinLanes(emitter.statements, a, null)]);
      }
      this.#write(
        this.#kernel.outputs.filter((o) => o.level === 'outer'),
        1,
        false,
      );
    });
    emitter.statements.push(...statements);
    for (const { node } of this.#kernel.reductions) emitter.forget(node);
  }

  /** Values first, then stores: an output may take the place of an array that another output reads. */
  #write(outputs: readonly Output[], parts: number, wide: boolean): void {
    const writes: Statement[] = [];
    for (let part = 0; part < parts; part++) {
      for (const { node, value, index } of outputs) {
        let result = this.#emitter.emit(value, part, wide);
        if (outputs.length * parts > 1 && result.op !== 'local' && result.op !== 'const') {
          const register = local('v', result.type);
          this.#emitter.statements.push(set(register, result));
          result = get(register);
        }
        writes.push(
          this.#emitter.store(this.#bufferOf(node), this.#emitter.index(index, part), result, part),
        );
      }
    }
    this.#emitter.statements.push(...writes);
  }

  /**
   * One more term for an accumulator, at the emitter's present position.
   *
   * @param isFirst whether the accumulator has not been started: the term is its value
   */
  #accumulate(
    { reduction, values, positions }: Accumulator,
    part: number,
    wide: boolean,
    isFirst = false,
  ): void {
    const { statements } = this.#emitter;
    const sum = values[part];
    const term = reduction.value;
    if (wide && !isFirst && this.#fma && isProduct(reduction) && term.op === 'binary') {
      const [a, b] = [term.a, term.b].map((x) => this.#emitter.emit(x, part, wide));
      statements.push(set(sum, multiplyAdd(this.#masked(reduction, a, part), b, get(sum))));
      return;
    }
    const value = this.#masked(reduction, this.#emitter.emit(term, part, wide), part);
    if (positions.length === 0) {
      statements.push(set(sum, isFirst ? value : combine(reduction.kind, get(sum), value)));
      return;
    }
    const position = positions[part];
    const kept = local('x', value.type);
    statements.push(set(kept, value));
    const wins = beats(reduction.kind === 'argmax', get(kept), get(sum));
    const flag = local('wins', wins.type);
    const { lanes } = position.type;
    const first = splat(indexValue(this.#emitter.index(reduction.position, part)), lanes);
    const step = this.#isRow(wide) ? coefficientOf(reduction.position, this.#vector!.id) : 0;
    const offsets = binary('mul', laneIndices('i32', lanes), splat(i32Constant(step), lanes));
    statements.push(
      set(flag, wins),
      set(position, select(get(flag), binary('add', first, offsets), get(position))),
      set(sum, select(get(flag), get(kept), get(sum))),
    );
  }

  /** Whether the lanes are elements of a row, not columns. */
  #isRow(wide: boolean): boolean {
    return wide && this.#vector !== null && this.#kernel.reduced.has(this.#vector.id);
  }

  /** A term with the reduction's identity in those lanes that stand for no element of the row. */
  #masked({ kind }: Reduction, value: Expr, part: number): Expr {
    const { scalar, lanes } = value.type;
    const count = this.#emitter.count(part);
    if (count === undefined || !this.#isRow(lanes > 1)) return value;
    const inside = compare('lt', laneIndices('i32', lanes), splat(i32Constant(count), lanes));
    return select(inside, value, constant(value.type, identityOf(kind, scalar)));
  }

  /** Rows are walked one element (of each column) after the other. */
  #columnPass(
    reductions: readonly Reduction[],
    stores: readonly Output[],
    parts: number,
    wide: boolean,
  ): void {
    const lanes = wide ? this.#lanes : 1;
    const accumulators = reductions.map((r) => accumulatorOf(r, parts, lanes));
    const terms = this.#row.reduce((n, axis) => n * axis.extent, 1);
    const blocked = terms > longestPartialSum && reductions.some((r) => r.kind === 'sum' && isFloating(r));
    const totals = blocked ? accumulators.map((a) => a.values.map((v) => local('total', v.type))) : [];
    const body = () => {
      for (let part = 0; part < parts; part++) for (const a of accumulators) this.#accumulate(a, part, wide);
      this.#write(stores, parts, wide);
    };
    const writtenOut = terms * parts * Math.max(1, reductions.length) <= mostWrittenOut && wide;
    const nest = (axes: readonly Axis[]): void => {
      const [axis, ...rest] = axes;
      if (axis === undefined) body();
      else if (!writtenOut) this.#loop(axis, 0, axis.extent, 1, () => nest(rest));
      else for (let i = 0; i < axis.extent; i++) this.#loop(axis, i, i + 1, 1, () => nest(rest), [i, i]);
    };
    const { statements } = this.#emitter;
    const [first, ...rest] = this.#row;
    if (!blocked) {
      statements.push(...accumulators.flatMap((a) => startOf(a)));
      nest(this.#row);
    } else {
      // Partial sums, then their sum: rounding errors grow with the length of the parts.
      const inner = rest.reduce((n, axis) => n * axis.extent, 1);
      const block = Math.max(1, Math.floor(longestPartialSum / inner));
      accumulators.forEach((a, i) => {
        for (const total of totals[i])
          statements.push(set(total, constant(total.type, identityOf(a.reduction.kind, total.type.scalar))));
        // Only sums are split; the others go on through all blocks.
        if (a.reduction.kind !== 'sum') statements.push(...startOf(a));
      });
      const start = local('block', typeOf('i32'));
      const end = binary('min', binary('add', get(start), i32Constant(block)), i32Constant(first.extent));
      const bodyOfBlock = this.#emitter.inside([], () => {
        const here = this.#emitter.statements;
        for (const a of accumulators) if (a.reduction.kind === 'sum') here.push(...startOf(a));
        this.#loop(first, get(start), end, 1, () => nest(rest));
        accumulators.forEach((a, i) => {
          if (a.reduction.kind !== 'sum') return;
          a.values.forEach((v, part) => {
            here.push(set(totals[i][part], binary('add', get(totals[i][part]), get(v))));
          });
        });
      });
      statements.push(loop(start, 0, first.extent, block, bodyOfBlock));
    }
    accumulators.forEach((a, i) => {
      const values = blocked && a.reduction.kind === 'sum' ? totals[i] : a.values;
      this.#emitter.define(a.reduction.node, (a.positions.length > 0 ? a.positions : values).map(get));
    });
  }

  /** Rows are walked several elements at a time, accumulating in the lanes. */
  #rowPass(reductions: readonly Reduction[], stores: readonly Output[], vector: Axis): void {
    const { statements } = this.#emitter;
    const lanes = this.#lanes;
    const unrolled = vector.extent >= 4 * unrolling * lanes ? unrolling : 1;
    // What is left of a row behind its last whole vector goes into a part of one, or into scalars.
    const rest = vector.extent % lanes;
    const isScalar = rest > 0 && !this.#allowsPartial;
    const wide = reductions.map((r) => accumulatorOf(r, unrolled, lanes));
    const narrow = isScalar ? reductions.map((r) => accumulatorOf(r, 1, 1)) : [];
    statements.push(...[...wide, ...narrow].flatMap((a) => startOf(a)));
    const others = this.#row.filter((axis) => axis !== vector);
    const along = (): void => {
      let from = 0;
      for (const parts of unrolled > 1 ? [unrolled, 1] : [1]) {
        const step = parts * lanes;
        const end = from + Math.floor((vector.extent - from) / step) * step;
        if (end === from) continue;
        this.#emitter.vectorize({ id: vector.id, lanes });
        this.#blockwise(vector, from, end, step, wide, () => {
          for (let part = 0; part < parts; part++) for (const a of wide) this.#accumulate(a, part, true);
          this.#write(stores, parts, true);
        });
        this.#emitter.vectorize(null);
        from = end;
      }
      if (rest === 0) return;
      if (!isScalar) this.#emitter.vectorize({ id: vector.id, lanes, count: rest });
      this.#loop(vector, from, vector.extent, isScalar ? 1 : rest, () => {
        for (const a of isScalar ? narrow : wide) this.#accumulate(a, 0, !isScalar);
        this.#write(stores, 1, !isScalar);
      });
      this.#emitter.vectorize(null);
    };
    const nest = (axes: readonly Axis[]): void => {
      const [axis, ...rest] = axes;
      if (axis === undefined) along();
      else this.#loop(axis, 0, axis.extent, 1, () => nest(rest));
    };
    nest(others);
    wide.forEach((a, i) => {
      this.#emitter.define(a.reduction.node, [joinLanes(statements, a, narrow[i] ?? null)]);
    });
  }

  /** A loop whose float sums are collected in blocks, so that no lane adds up too many terms. */
  #blockwise(
    axis: Axis,
    begin: number,
    end: number,
    step: number,
    accumulators: readonly Accumulator[],
    body: () => void,
  ): void {
    const sums = accumulators.filter((a) => a.reduction.kind === 'sum' && isFloating(a.reduction));
    const rounds = (end - begin) / step;
    const block = longestPartialSum / unrolling;
    if (sums.length === 0 || rounds <= block) {
      this.#loop(axis, begin, end, step, body);
      return;
    }
    const { statements } = this.#emitter;
    const totals = sums.map((a) => a.values.map((v) => local('total', v.type)));
    sums.forEach((a, i) => {
      a.values.forEach((v, part) => {
        statements.push(set(totals[i][part], get(v)));
      });
    });
    const start = local('block', typeOf('i32'));
    const last = binary('min', binary('add', get(start), i32Constant(block * step)), i32Constant(end));
    const bodyOfBlock = this.#emitter.inside([], () => {
      const here = this.#emitter.statements;
      for (const a of sums) here.push(...startOf(a));
      this.#loop(axis, get(start), last, step, body);
      sums.forEach((a, i) => {
        a.values.forEach((v, part) => {
          here.push(set(totals[i][part], binary('add', get(totals[i][part]), get(v))));
        });
      });
    });
    statements.push(loop(start, begin, end, block * step, bodyOfBlock));
    sums.forEach((a, i) => {
      a.values.forEach((v, part) => {
        statements.push(set(v, get(totals[i][part])));
      });
    });
  }
}
