import { type Closure, closureOf } from '../graph/body.ts';
import * as g from '../graph/build.ts';
import type { ArrayType } from '../graph/infer.ts';
import { type Node, sameShape, typeText } from '../graph/node.ts';
import { standIn } from './evaluate.ts';
import { Tensor } from './tensor.ts';
import { type Cell, currentTracer, isTracing, tracing } from './trace.ts';
import { type Flattened, flatten } from './tree.ts';

/** Recording functions of users as bodies of control flow. */

export const isTensor = (value: unknown): value is Tensor => value instanceof Tensor;

// biome-ignore lint/suspicious/noExplicitAny: functions of users may take and return any trees
export type AnyFunction = (...args: any[]) => any;

/** A function that was run once on stand-ins for arrays. */
export interface Recording {
  /** The stand-ins for its arguments. */
  readonly inputs: readonly Node[];
  /** What it returned. */
  readonly result: unknown;
  readonly out: Flattened<Tensor>;
  /** Variables that it read or assigned, the stand-ins for what they held, and what they hold at its end. */
  readonly cells: readonly Cell[];
  readonly contents: readonly Node[];
  readonly finals: readonly Node[];
  /** The id of the first node of the recording. */
  readonly first: number;
}

/**
 * Runs `f` on stand-ins of the given types. Variables are put back as they were: what the function assigned is part of the
 * recording, for the caller to carry on.
 */
export function record(
  name: string,
  types: readonly ArrayType[],
  f: (leaves: readonly Tensor[]) => unknown,
): Recording {
  const first = g.input([], 'float32').id;
  const inputs = types.map((type) => standIn(name, type));
  const outer = currentTracer();
  const cells: Cell[] = [];
  const contents: Node[] = [];
  const originals: Node[] = [];
  const tracer = {
    touch: (cell: Cell) => {
      if (cells.includes(cell)) return;
      outer?.touch(cell);
      cells.push(cell);
      originals.push(cell.node);
      const content = standIn(name, cell.node);
      contents.push(content);
      cell.node = content;
    },
    guard: (read: () => unknown) => outer?.guard(read),
    effect: () => {
      throw new Error(
        `debug.print: inside of ${name} arrays have no values yet, and the program may run this part many times or never; return what is to be printed, and print it outside`,
      );
    },
  };
  let finals: Node[] = [];
  let result: unknown;
  try {
    result = tracing(() => f(inputs.map((node) => new Tensor(node))), tracer);
    finals = cells.map((cell) => cell.node);
  } finally {
    cells.forEach((cell, i) => {
      cell.node = originals[i];
    });
  }
  const out = flatten<Tensor>(result, isTensor, `${name}: the result`);
  return { inputs, result, out, cells, contents, finals, first };
}

/** Positions of the variables that a recording assigned. */
export const assignedCells = ({ finals, contents }: Recording): number[] =>
  finals.flatMap((node, i) => (node === contents[i] ? [] : [i]));

/** The body of a recording, and what it reads from outside. */
export const closed = (inputs: readonly Node[], outputs: readonly Node[], first: number): Closure =>
  closureOf(inputs, outputs, first);

/** What a variable holds now, for whoever is recording. */
export const contentOf = (cell: Cell): Node => {
  currentTracer()?.touch(cell);
  return cell.node;
};

/** The results of one operation: reading one of them computes them all. */
export function together(nodes: readonly Node[]): readonly Node[] {
  if (!isTracing()) for (const node of nodes) node.companions = nodes;
  return nodes;
}

/** Checks that a loop hands on what it was given: as many arrays, of the same types, in the same places. */
export function requireSameCarry(name: string, before: Flattened<Tensor>, after: Flattened<Tensor>): void {
  if (before.structure !== after.structure)
    throw new Error(
      `${name}: the carry has the structure ${before.structure} before a step and ${after.structure} after it (* stands for an array); it must stay the same: make numbers that change arrays`,
    );
  before.leaves.forEach((x, i) => {
    const y = after.leaves[i];
    if (!sameShape(x.shape, y.shape) || x.dtype !== y.dtype)
      throw new Error(
        `${name}: array ${i} of the carry is ${typeText(x.dtype, x.shape)} before a step and ${typeText(y.dtype, y.shape)} after it; cast or reshape it to stay the same`,
      );
  });
}
