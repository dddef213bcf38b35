import { instantiate } from '../graph/body.ts';
import * as g from '../graph/build.ts';
import { type Node, typeText } from '../graph/node.ts';
import {
  type AnyFunction,
  assignedCells,
  closed,
  contentOf,
  isTensor,
  type Recording,
  record,
  requireSameCarry,
  together,
} from './record.ts';
import { Tensor } from './tensor.ts';
import type { Cell } from './trace.ts';
import { flatten } from './tree.ts';

/** Control flow over arrays: loops and choices that depend on values, compiled, differentiated and batched like any operation. */

export interface ScanOptions {
  /** Number of steps; needed without sequences. */
  length?: number;
  /** Goes from the last element to the first. Outputs stay in the order of the elements. */
  reverse?: boolean;
  /**
   * The derivative in reverse mode computes the steps' intermediate results anew instead of storing them: memory for time. Default
   * false.
   */
  recompute?: boolean;
}

const typeOf = ({ shape, dtype }: { shape: Node['shape']; dtype: Node['dtype'] }) => ({ shape, dtype });

/** New contents of variables, from wherever they were computed. */
function assign(cells: readonly Cell[], nodes: readonly Node[]): void {
  cells.forEach((cell, i) => {
    contentOf(cell);
    cell.node = nodes[i];
  });
}

/**
 * A loop over the first axis of `xs`: `[carry, y] = f(carry, x)` for each element, from `init` on. Returns the last carry and the
 * outputs stacked, `[carry, ys]`. Trees everywhere; `xs` may be null with `length`. Variables that f reads or assigns are carried along.
 *
 * The body is compiled once and run for each element, so that long sequences cost no compilation. Reverse mode stores what the body's
 * derivative needs of each step (`recompute` has it computed anew).
 *
 * @throws if sequences differ in length, or the carry changes its structure, a shape or a dtype
 */
export function scan<C, X, Y>(
  f: (carry: C, x: X) => [C, Y],
  init: C,
  xs: X,
  options: ScanOptions = {},
): [C, Y] {
  const { reverse = false, recompute = false } = options;
  const carry = flatten<Tensor>(init, isTensor, 'scan: the carry');
  const sequences = flatten<Tensor>(xs, isTensor, 'scan: the sequences');
  const length = scanLength(sequences.leaves, options.length);
  const types = [
    ...carry.leaves.map((t) => t.node),
    ...sequences.leaves.map((t) => ({ shape: t.shape.slice(1), dtype: t.dtype })),
  ];
  const count = carry.leaves.length;
  const recording = record('scan', types, (leaves) => {
    const pair = f(carry.rebuild(leaves.slice(0, count)) as C, sequences.rebuild(leaves.slice(count)) as X);
    if (!Array.isArray(pair) || pair.length !== 2)
      throw new TypeError('scan: the function must return [carry, output]; the output may be null');
    return pair;
  });
  const [after, output] = recording.result as [C, Y];
  const afterTree = flatten<Tensor>(after, isTensor, 'scan: the carry');
  const outputTree = flatten<Tensor>(output, isTensor, 'scan: the output');
  requireSameCarry('scan', carry, afterTree);

  const assigned = assignedCells(recording);
  const read = recording.cells.flatMap((_, i) => (assigned.includes(i) ? [] : [i]));
  const { contents, cells, finals, inputs } = recording;
  const closure = closed(
    [
      ...read.map((i) => contents[i]),
      ...assigned.map((i) => contents[i]),
      ...inputs.slice(0, count),
      ...inputs.slice(count),
    ],
    [
      ...assigned.map((i) => finals[i]),
      ...afterTree.leaves.map((t) => t.node),
      ...outputTree.leaves.map((t) => t.node),
    ],
    recording.first,
  );
  const carries = assigned.length + count;
  const made = together(
    g.parts(
      'scan',
      {
        results: closure.body.outputs.map((x, i) =>
          i < carries ? typeOf(x) : { shape: [length, ...x.shape], dtype: x.dtype },
        ),
        body: closure.body,
        constants: closure.captured.length + read.length,
        carries,
        length,
        reverse,
        recompute,
      },
      [
        ...closure.captured,
        ...read.map((i) => contentOf(cells[i])),
        ...assigned.map((i) => contentOf(cells[i])),
        ...carry.leaves.map((t) => t.node),
        ...sequences.leaves.map((t) => t.node),
      ],
    ),
  );
  assign(
    assigned.map((i) => cells[i]),
    made.slice(0, assigned.length),
  );
  const tensors = made.slice(assigned.length).map((node) => new Tensor(node));
  return [afterTree.rebuild(tensors.slice(0, count)) as C, outputTree.rebuild(tensors.slice(count)) as Y];
}

function scanLength(sequences: readonly Tensor[], given: number | undefined): number {
  if (given !== undefined && (!Number.isInteger(given) || given < 0))
    throw new Error(`scan: length must be an integer >= 0, got ${given}`);
  const lengths = sequences.map((t) => {
    if (t.ndim === 0) throw new Error('scan: sequences need a first axis to go along, got a scalar');
    return t.shape[0];
  });
  const [length = given] = lengths;
  if (length === undefined)
    throw new Error('scan: without sequences the number of steps must be given as length');
  const other = [...lengths, given ?? length].find((n) => n !== length);
  if (other !== undefined)
    throw new Error(
      `scan: sequences and length must agree, got lengths ${lengths.join(', ')}${given === undefined ? '' : ` and length ${given}`}`,
    );
  return length;
}

/**
 * Runs `carry = body(carry)` from `init` on while `condition(carry)`, a bool scalar, holds. Differentiates in forward mode only, as the
 * number of steps is not known before; use `scan` for gradients. Variables may be read, not assigned.
 */
export function whileLoop<C>(condition: (carry: C) => Tensor, body: (carry: C) => C, init: C): C {
  const carry = flatten<Tensor>(init, isTensor, 'whileLoop: the carry');
  const types = carry.leaves.map((t) => t.node);
  const run = record('whileLoop', types, (leaves) => body(carry.rebuild(leaves) as C));
  requireSameCarry('whileLoop', carry, run.out);
  const test = record('whileLoop', types, (leaves) => condition(carry.rebuild(leaves) as C));
  const [holds] = test.out.leaves;
  if (!isTensor(test.result) || holds.ndim !== 0 || holds.dtype !== 'bool')
    throw new TypeError(
      `whileLoop: the condition must return a bool scalar array, got ${isTensor(test.result) ? typeText(holds.dtype, holds.shape) : typeof test.result}`,
    );
  for (const recording of [run, test]) {
    if (assignedCells(recording).length > 0)
      throw new Error(
        'whileLoop: the function assigns a Variable; carry its value along instead, and assign it afterwards',
      );
  }
  const closures = [
    { recording: run, outputs: run.out.leaves.map((t) => t.node) },
    { recording: test, outputs: [holds.node] },
  ].map(({ recording: { contents, inputs, first, cells }, outputs }) => ({
    ...closed([...contents, ...inputs], outputs, first),
    cells,
  }));
  const outside = closures.map(({ captured, cells }) => [...captured, ...cells.map(contentOf)]);
  const constants = [...new Set(outside.flat())];
  const [bodyGraph, conditionGraph] = closures.map(({ body: { inputs, outputs } }, k) => {
    const shared = constants.map((x) => g.input(x.shape, x.dtype));
    const own = inputs.slice(outside[k].length);
    const given = [...outside[k].map((x) => shared[constants.indexOf(x)]), ...own];
    return { inputs: [...shared, ...own], outputs: instantiate({ inputs, outputs }, given) };
  });
  const made = together(
    g.parts(
      'while',
      {
        results: types.map(typeOf),
        body: bodyGraph,
        condition: conditionGraph,
        constants: constants.length,
      },
      [...constants, ...types],
    ),
  );
  return carry.rebuild(made.map((node) => new Tensor(node))) as C;
}

/**
 * `whenTrue(...operands)` if the predicate, a bool scalar, holds, else `whenFalse(...operands)`. Only the chosen branch is computed
 * (`where` computes both). Branches return trees of the same structure and types; variables may be assigned in either.
 * A JavaScript boolean chooses while recording.
 */
export function cond<A extends readonly unknown[], R>(
  predicate: Tensor | boolean,
  whenTrue: (...operands: A) => R,
  whenFalse: (...operands: A) => R,
  ...operands: A
): R {
  if (typeof predicate === 'boolean') return (predicate ? whenTrue : whenFalse)(...operands);
  if (predicate.ndim !== 0)
    throw new Error(
      `cond: the predicate must be a scalar, got ${typeText(predicate.dtype, predicate.shape)}; use where() to choose element by element`,
    );
  return branch('cond', predicate.ne(0).cast('int32'), [whenFalse, whenTrue], operands);
}

/** The branch with the number `index`, an int32 scalar (clamped), applied to the operands; only that one is computed. */
export function switchCase<A extends readonly unknown[], R>(
  index: Tensor | number,
  branches: readonly ((...operands: A) => R)[],
  ...operands: A
): R {
  if (branches.length === 0) throw new Error('switchCase: needs at least one branch');
  if (typeof index === 'number') {
    if (!Number.isInteger(index)) throw new Error(`switchCase: the index must be an integer, got ${index}`);
    return branches[Math.min(branches.length - 1, Math.max(0, index))](...operands);
  }
  if (index.ndim !== 0 || (index.dtype !== 'int32' && index.dtype !== 'uint32'))
    throw new Error(
      `switchCase: the index must be an integer scalar, got ${typeText(index.dtype, index.shape)}`,
    );
  return branch('switchCase', index.cast('int32'), branches, operands);
}

function branch<A extends readonly unknown[], R>(
  name: string,
  index: Tensor,
  functions: readonly ((...operands: A) => R)[],
  operands: A,
): R {
  const tree = flatten<Tensor>(operands, isTensor, name);
  const types = tree.leaves.map((t) => t.node);
  const recordings = functions.map((f) =>
    record(name, types, (leaves) => f(...(tree.rebuild(leaves) as unknown as A))),
  );
  requireSameResults(name, recordings);
  // A variable that any branch assigns is a result of each.
  const cells = [...new Set(recordings.flatMap((r) => assignedCells(r).map((i) => r.cells[i])))];
  const held = cells.map(contentOf);
  const closures = recordings.map((r) => {
    const unread = cells.filter((cell) => !r.cells.includes(cell));
    const stands = unread.map((cell) => g.input(cell.node.shape, cell.node.dtype));
    const last = (cell: Cell) => {
      const i = r.cells.indexOf(cell);
      return i < 0 ? stands[unread.indexOf(cell)] : r.finals[i];
    };
    const inputs = [...r.contents, ...stands, ...r.inputs];
    const outputs = [...r.out.leaves.map((t) => t.node), ...cells.map(last)];
    return {
      ...closed(inputs, outputs, r.first),
      outside: [...r.cells.map(contentOf), ...unread.map((cell) => held[cells.indexOf(cell)])],
    };
  });
  const lists = closures.map(({ captured, outside }) => [...captured, ...outside]);
  const constants = [...new Set(lists.flat())];
  const branches = closures.map(({ body }, k) => {
    const shared = constants.map((x) => g.input(x.shape, x.dtype));
    const own = body.inputs.slice(lists[k].length);
    const given = [...lists[k].map((x) => shared[constants.indexOf(x)]), ...own];
    return { inputs: [...shared, ...own], outputs: instantiate(body, given) };
  });
  const made = together(
    g.parts('cond', { results: branches[0].outputs.map(typeOf), branches }, [
      index.node,
      ...constants,
      ...types,
    ]),
  );
  const [{ out }] = recordings;
  assign(cells, made.slice(out.leaves.length));
  return out.rebuild(made.slice(0, out.leaves.length).map((node) => new Tensor(node))) as R;
}

function requireSameResults(name: string, recordings: readonly Recording[]): void {
  const [first, ...others] = recordings.map(({ out }) => ({
    structure: out.structure,
    types: out.leaves.map((t) => typeText(t.dtype, t.shape)).join(', '),
  }));
  for (const other of others)
    if (other.structure !== first.structure || other.types !== first.types)
      throw new Error(
        `${name}: branches must return the same structure and types, got ${first.structure} of ${first.types} and ${other.structure} of ${other.types}`,
      );
}

/**
 * The function `f`, whose intermediate results are not kept for the derivative but computed anew when it needs them: memory for time.
 * Wrap a layer or block of a deep network. Values and derivatives are those of f.
 */
export function checkpoint<F extends AnyFunction>(f: F): F {
  const checkpointed = (...args: unknown[]): unknown => {
    const tree = flatten<Tensor>(args, isTensor, 'checkpoint');
    const types = tree.leaves.map((t) => t.node);
    const r = record('checkpoint', types, (leaves) => f(...(tree.rebuild(leaves) as unknown[])));
    const assigned = assignedCells(r);
    const outputs = [...r.out.leaves.map((t) => t.node), ...assigned.map((i) => r.finals[i])];
    const { body, captured } = closed([...r.contents, ...r.inputs], outputs, r.first);
    const operands = [...captured, ...r.cells.map(contentOf), ...types];
    const made = g.parts('checkpoint', { results: outputs.map(typeOf), body }, [
      ...instantiate(body, operands),
      ...operands,
    ]);
    assign(
      assigned.map((i) => r.cells[i]),
      made.slice(r.out.leaves.length),
    );
    return r.out.rebuild(made.slice(0, r.out.leaves.length).map((node) => new Tensor(node)));
  };
  return checkpointed as F;
}
