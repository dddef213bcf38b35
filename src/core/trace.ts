import type { Node } from '../graph/node.ts';

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
}

let transforms = 0;
let afterwards: (() => void)[] = [];
let tracer: Tracer | null = null;

/** Whether a transform is recording: graphs must then be kept. */
export const isTracing = (): boolean => transforms > 0;

/** The jit trace in progress, if any. */
export const currentTracer = (): Tracer | null => tracer;

/** Runs `body` as part of a transform. With `by`, cells and facts are reported there. */
export function tracing<T>(body: () => T, by: Tracer | null = null): T {
  const outer = tracer;
  transforms++;
  if (by !== null) tracer = by;
  try {
    return body();
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
