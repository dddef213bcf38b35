import type { TypedArray } from '../graph/dtype.ts';
import type { Node } from '../graph/node.ts';

/** Something that happens each time a compiled program has run, with values that it computed. */
export interface Effect {
  readonly nodes: readonly Node[];
  /** Given the values of the nodes. */
  readonly run: (values: readonly TypedArray[]) => void;
}

/**
 * What a jit trace learns about the state that its function touches: variables become inputs (and outputs where they are
 * assigned), facts such as a module's training mode become guards of the compiled program.
 */
export interface Cell {
  /** The node that holds the cell's current content. */
  node: Node;
}

export interface Tracer {
  /** Called when a cell is read or written for the first time in the trace. */
  touch(cell: Cell): void;
  /** Called when a plain JavaScript fact influences the trace. */
  guard(read: () => unknown): void;
  /** Called for what is to happen at each run. */
  effect(effect: Effect): void;
}

let transforms = 0;
let afterwards: (() => void)[] = [];
let tracer: Tracer | null = null;

/** Whether a transform is recording: graphs must then be kept. */
export const isTracing = (): boolean => transforms > 0;

/** The jit trace in progress, if any. */
export const currentTracer = (): Tracer | null => tracer;

/**
 * Runs `body` as part of a transform. With `by`, cells and facts are reported there. If it fails, the cells that it assigned hold what they held
 * before.
 */
export function tracing<T>(body: () => T, by: Tracer | null = null): T {
  const outer = tracer;
  transforms++;
  if (by !== null) tracer = by;
  try {
    return undoing(body, () => true);
  } finally {
    transforms--;
    tracer = outer;
    if (transforms === 0 && afterwards.length > 0) {
      const tasks = afterwards;
      afterwards = [];
      for (const task of tasks) task();
    }
  }
}

/** Has `task` run when the outermost transform in progress ends. */
export function afterTransforms(task: () => void): void {
  afterwards.push(task);
}

/** Reports a fact that a compiled program may not outlive, and returns its value now. */
export function guarded<T>(read: () => T): T {
  tracer?.guard(read);
  return read();
}

let assignments: Map<Cell, Node> | null = null;

/** Remembers what a cell held before its content changed. */
export function noteAssigned(cell: Cell, former: Node): void {
  if (assignments !== null && !assignments.has(cell)) assignments.set(cell, former);
}

/** Runs `body`; if it fails for a reason that `undoes` accepts, the cells that it changed hold what they held before. */
export function undoing<T>(
  body: (changed: ReadonlyMap<Cell, Node>) => T,
  undoes: (error: unknown) => boolean,
): T {
  const outer = assignments;
  const own = new Map<Cell, Node>();
  assignments = own;
  try {
    return body(own);
  } catch (error) {
    if (undoes(error)) for (const [cell, former] of own) cell.node = former;
    throw error;
  } finally {
    assignments = outer;
    for (const [cell, former] of own) noteAssigned(cell, former);
  }
}
