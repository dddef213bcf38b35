import type { Axis } from '../affine.ts';
import type { Buffer, Expr, Index, Local } from '../ir.ts';
import {
  addIndex,
  at,
  binary,
  compare,
  get,
  i32Constant,
  ifThen,
  index,
  indexOf,
  indexValue,
  local,
  loop,
  scaleIndex,
  set,
  store,
  typeOf,
} from '../ir_build.ts';
import type { KernelExpr } from '../kernel.ts';
import type { Emitter } from './emit.ts';
import { bindRows } from './rows.ts';
import { transposed } from './turn.ts';
import { isVectorizable, readsOnlyWords } from './vectorize.ts';

/** The part of a sum that one block covers. */
export interface Packing {
  /** The axis that is cut into chunks, with the present chunk. */
  readonly cut: { readonly axis: Axis; readonly from: Expr; readonly to: Expr } | null;
  /** Axes that are covered whole. */
  readonly inner: readonly Axis[];
  /** Number of terms. */
  readonly length: Expr;
}

export interface PanelOptions {
  readonly operand: KernelExpr;
  /** The operand's rows (or columns) are the row-major positions of these axes. */
  readonly axes: readonly Axis[];
  readonly total: number;
  /** Rows of this block. */
  readonly from: Expr;
  readonly to: Expr;
  /** Rows of a panel. */
  readonly width: number;
  readonly into: Buffer;
  /** Where the first panel lies, default 0. */
  readonly start?: Expr;
  readonly packing: Packing;
  readonly lanes: number;
}

/**
 * Copies a block of an operand into panels of `width` rows: element (row r of the panel, term k) lies at k * width + r. Rows past
 * the end repeat the last one; what they give is never stored.
 */
export function packPanels(emitter: Emitter, options: PanelOptions): void {
  const { from, to, width, packing, start = i32Constant(0) } = options;
  if (isContiguousRow(options)) {
    packWholeRows(emitter, options);
    return;
  }
  const row = local('row', typeOf('i32'));
  const panel = local('panel', typeOf('i32'));
  const strategy = chooseStrategy(options);
  const body = emitter.inside([], () => {
    strategy(emitter, options, row, panel);
    emitter.statements.push(
      set(panel, binary('add', get(panel), binary('mul', packing.length, i32Constant(width)))),
    );
  });
  emitter.statements.push(set(panel, start), loop(row, from, to, width, body));
}

/** Whether the rows of a term are one run of elements that panels of whole vectors cut without a rest. */
function isContiguousRow({ operand, axes, total, width, lanes, packing }: PanelOptions): boolean {
  if (axes.length > 1 || total % width !== 0 || width % lanes !== 0 || total < 2 * width) return false;
  return (packing.inner.length > 0 || packing.cut !== null) && isVectorizable(operand, axes[0].id);
}

/** Panels that are filled side by side: more would compete for places in the cache. */
const sideBySide = 4;

/** Term by term, some neighbouring panels: long enough runs of memory to be fetched ahead. */
function packWholeRows(
  emitter: Emitter,
  { operand, axes, from, to, width, into, start = i32Constant(0), packing, lanes }: PanelOptions,
): void {
  const [first, last] = [local('first', typeOf('i32')), local('last', typeOf('i32'))];
  const [group, panel] = [local('group', typeOf('i32')), local('panel', typeOf('i32'))];
  const next = (of: Local, panels: number) =>
    set(of, binary('add', get(of), binary('mul', packing.length, i32Constant(panels * width))));
  const groups = emitter.inside([], () => {
    const end = binary('add', get(first), i32Constant(sideBySide * width));
    emitter.statements.push(set(last, binary('min', end, to)));
    overTerms(emitter, packing, 0, (term) => {
      const row = local('row', typeOf('i32'));
      const body = emitter.inside([[axes[0].id, at(row)]], () => {
        emitter.vectorize({ id: axes[0].id, lanes });
        for (let part = 0; part < width / lanes; part++) {
          const position = addIndex(addIndex(at(panel), index(part * lanes)), scaleIndex(term, width));
          emitter.statements.push(store(into, position, emitter.emit(operand, part, true)));
        }
        emitter.vectorize(null);
        emitter.statements.push(next(panel, 1));
      });
      emitter.statements.push(set(panel, get(group)), loop(row, get(first), get(last), width, body));
    });
    emitter.statements.push(next(group, sideBySide));
  });
  emitter.statements.push(set(group, start), loop(first, from, to, sideBySide * width, groups));
}

type Strategy = (emitter: Emitter, options: PanelOptions, row: Local, panel: Local) => void;

/** Copies along whichever is the longer run of memory, rows or terms, in vectors as long as the run allows. */
function chooseStrategy({ operand, axes, packing, lanes, total, width }: PanelOptions): Strategy {
  const longest = (axis: Axis | undefined, fits: (length: number) => boolean): number => {
    if (axis === undefined || !isVectorizable(operand, axis.id)) return 0;
    let length = lanes;
    while (length >= leastSquare && !fits(length)) length /= 2;
    return length >= leastSquare ? length : 0;
  };
  const lastRow = axes[axes.length - 1];
  const lastTerm = packing.inner[packing.inner.length - 1];
  // Consecutive rows must not cross into the next row of an outer axis.
  const ofRows = longest(lastRow, (n) =>
    axes.length === 1 ? total >= n : lastRow.extent % n === 0 && width % n === 0,
  );
  const ofTerms = longest(lastTerm, (n) => lastTerm.extent >= n);
  if (ofRows === 0 && ofTerms === 0) return oneByOne;
  const [strategy, length] = ofRows >= ofTerms ? [alongRows, ofRows] : [alongTerms, ofTerms];
  return (emitter, options, row, panel) => strategy(emitter, { ...options, lanes: length }, row, panel);
}

/** Loops over the terms of a block but for the last `keep` inner axes; the body gets the number of the first term. */
export function overTerms(
  emitter: Emitter,
  packing: Packing,
  keep: number,
  body: (term: Index) => void,
): void {
  const { cut, inner } = packing;
  const looped = inner.slice(0, inner.length - keep);
  const size = (axes: readonly Axis[]) => axes.reduce((n, axis) => n * axis.extent, 1);
  const nest = (i: number, term: Index): void => {
    if (i === looped.length) {
      body(term);
      return;
    }
    const variable = local(`t${looped[i].id}`, typeOf('i32'));
    const statements = emitter.inside([[looped[i].id, at(variable)]], () =>
      nest(i + 1, addIndex(term, scaleIndex(at(variable), size(inner.slice(i + 1))))),
    );
    emitter.statements.push(loop(variable, 0, looped[i].extent, 1, statements));
  };
  if (cut === null) {
    nest(0, index(0));
    return;
  }
  const variable = local(`t${cut.axis.id}`, typeOf('i32'));
  const statements = emitter.inside([[cut.axis.id, at(variable)]], () => {
    const done = addIndex(at(variable), scaleIndex(indexOf(cut.from), -1));
    nest(0, scaleIndex(done, size(inner)));
  });
  emitter.statements.push(loop(variable, cut.from, cut.to, 1, statements));
}

/** The number of a row of the panel, at most that of the last row. */
function clampedRow(emitter: Emitter, row: Local, offset: Index, total: number): Index {
  const clamped = local('clamped', typeOf('i32'));
  const position = indexValue(addIndex(at(row), offset));
  emitter.statements.push(set(clamped, binary('min', position, i32Constant(total - 1))));
  return at(clamped);
}

/** Element by element. */
const oneByOne: Strategy = (emitter, { operand, axes, total, width, into, packing }, row, panel) => {
  const r = local('r', typeOf('i32'));
  const body = emitter.inside([], () => {
    const bound = bindRows(emitter, axes, clampedRow(emitter, row, at(r), total), null);
    const statements = emitter.inside(bound, () =>
      overTerms(emitter, packing, 0, (term) => {
        const position = addIndex(addIndex(at(panel), at(r)), scaleIndex(term, width));
        emitter.statements.push(store(into, position, emitter.emit(operand)));
      }),
    );
    emitter.statements.push(...statements);
  });
  emitter.statements.push(loop(r, 0, width, 1, body));
};

/**
 * Several rows at a time: they are contiguous in the operand. Where the width is not a multiple of the lanes, a store runs over into the
 * next term, which is written later: groups go from last to first, terms and panels from first to last.
 */
const alongRows: Strategy = (emitter, { operand, axes, total, width, into, packing, lanes }, row, panel) => {
  const last = axes[axes.length - 1];
  for (let group = Math.floor((width - 1) / lanes) * lanes; group >= 0; group -= lanes) {
    const wide = emitter.inside([], () => {
      const bound = bindRows(emitter, axes, addIndex(at(row), index(group)), null);
      emitter.vectorize({ id: last.id, lanes });
      const statements = emitter.inside(bound, () =>
        overTerms(emitter, packing, 0, (term) => {
          const position = addIndex(addIndex(at(panel), index(group)), scaleIndex(term, width));
          emitter.statements.push(store(into, position, emitter.emit(operand, 0, true)));
        }),
      );
      emitter.vectorize(null);
      emitter.statements.push(...statements);
    });
    if (total % width === 0 && group + lanes <= width) {
      emitter.statements.push(...wide);
      continue;
    }
    const narrow = emitter.inside([], () => {
      const r = local('r', typeOf('i32'));
      const body = emitter.inside([], () => {
        const bound = bindRows(
          emitter,
          axes,
          clampedRow(emitter, row, addIndex(at(r), index(group)), total),
          null,
        );
        const statements = emitter.inside(bound, () =>
          overTerms(emitter, packing, 0, (term) => {
            const position = addIndex(
              addIndex(at(panel), addIndex(at(r), index(group))),
              scaleIndex(term, width),
            );
            emitter.statements.push(store(into, position, emitter.emit(operand)));
          }),
        );
        emitter.statements.push(...statements);
      });
      emitter.statements.push(loop(r, 0, Math.min(lanes, width - group), 1, body));
    });
    const isInside = compare('le', indexValue(addIndex(at(row), index(group + lanes))), i32Constant(total));
    emitter.statements.push(ifThen(isInside, wide, narrow));
  }
};

/** Fewest rows and terms of a block that is turned in registers. */
const leastSquare = 4;

/**
 * Blocks of several terms of as many rows, turned in registers: terms are contiguous in the operand. Groups go as in alongRows. What is
 * left of the terms fills a part of a block.
 */
const alongTerms: Strategy = (emitter, { operand, axes, total, width, into, packing, lanes }, row, panel) => {
  const last = packing.inner[packing.inner.length - 1];
  const square = lanes;
  const back = local('back', typeOf('i32'));
  const group = addIndex(index(Math.floor((width - 1) / square) * square), scaleIndex(at(back), -1));
  const whole = Math.floor(last.extent / square) * square;
  const rest = last.extent - whole;
  const body = emitter.inside([], () => {
    const rows = Array.from({ length: square }, (_, r) =>
      bindRows(emitter, axes, clampedRow(emitter, row, addIndex(group, index(r)), total), null),
    );
    overTerms(emitter, packing, 1, (term) => {
      const base = addIndex(addIndex(at(panel), group), scaleIndex(term, width));
      const block = (t: Index, count: number) =>
        emitter.inside([[last.id, t]], () => {
          emitter.vectorize({ id: last.id, lanes: square, ...(count < square ? { count } : {}) });
          const lines = rows.map((bound) => {
            let value: Expr | null = null;
            const statements = emitter.inside(bound, () => {
              value = emitter.emit(operand, 0, true);
            });
            emitter.statements.push(...statements);
            const kept = local('line', value!.type);
            emitter.statements.push(set(kept, value!));
            return get(kept);
          });
          emitter.vectorize(null);
          transposed(emitter.statements, lines)
            .slice(0, count)
            .forEach((column, k) => {
              const position = addIndex(base, addIndex(scaleIndex(t, width), index(k * width)));
              emitter.statements.push(store(into, position, column));
            });
        });
      const t = local('t', typeOf('i32'));
      emitter.statements.push(loop(t, 0, whole, square, block(at(t), square)));
      if (rest > 0 && readsOnlyWords(operand)) emitter.statements.push(...block(index(whole), rest));
      else if (rest > 0) {
        const single = local('t', typeOf('i32'));
        const tail = emitter.inside([[last.id, at(single)]], () => {
          rows.forEach((bound, r) => {
            const statements = emitter.inside(bound, () => {
              const position = addIndex(base, addIndex(scaleIndex(at(single), width), index(r)));
              emitter.statements.push(store(into, position, emitter.emit(operand)));
            });
            emitter.statements.push(...statements);
          });
        });
        emitter.statements.push(loop(single, whole, last.extent, 1, tail));
      }
    });
  });
  emitter.statements.push(loop(back, 0, width, square, body));
};
