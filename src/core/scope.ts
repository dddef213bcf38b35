import { input } from '../graph/build.ts';
import type { Node } from '../graph/node.ts';
import { realize } from './evaluate.ts';
import { type Cell, currentTracer, isTracing } from './trace.ts';
import { flatten } from './tree.ts';

interface Disposable {
  readonly node: Node;
  dispose(): void;
}

interface Scope {
  readonly created: Disposable[];
  /** Variables that were made, read or assigned: what they hold at the end stays. */
  readonly held: Set<Cell>;
  /** Nodes with a smaller id were there before the scope and are not its own. */
  readonly first: number;
}

let current: Scope | null = null;

/** Remembers an array for the innermost scope. What jit records belongs to the compiled program instead. */
export function noteCreated(array: Disposable): void {
  if (current !== null && currentTracer() === null) current.created.push(array);
}

/** Remembers a variable, whose content outlives the innermost scope. */
export function noteHeld(cell: Cell): void {
  current?.held.add(cell);
}

/**
 * Runs `body` and disposes every array made in it, except those in its result (a tree) and the contents of variables. A
 * convenience for long synchronous loops: without it the collector does the same later. Inside of a transform (grad, jit, ...) it
 * only runs `body`: derivatives still need what was made.
 *
 * @throws if the result holds anything else than arrays, plain objects, arrays of them and primitive values
 */
export function scope<T>(body: () => T): T {
  if (isTracing()) return body();
  const outer = current;
  const own: Scope = { created: [], held: new Set(), first: input([], 'float32').id };
  current = own;
  try {
    const result = body();
    const kept = [
      ...flatten(result, isDisposable, 'scope').leaves.map((array) => array.node),
      ...[...own.held].map((cell) => cell.node),
    ];
    // What stays may still have to be computed from what goes.
    realize(kept);
    const staying = new Set(kept);
    for (const array of own.created) {
      if (array.node.id < own.first) continue;
      if (staying.has(array.node)) outer?.created.push(array);
      else array.dispose();
    }
    for (const cell of own.held) outer?.held.add(cell);
    return result;
  } finally {
    current = outer;
  }
}

const isDisposable = (value: unknown): value is Disposable =>
  typeof value === 'object' && value !== null && 'dispose' in value && 'node' in value;
